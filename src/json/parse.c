/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <endian.h>
#include <math.h>

/*
 * A recursive descent reader; JSON_DEPTH_MAX bounds the recursion. Speed comes from three things:
 * nodes are taken from the arena in runs, plain characters of strings are skipped a word at a time,
 * and strings without escapes are not copied one by one (the whole text is, once, unless it is
 * borrowed).
 */

enum {
	PARSE_RUN_FIRST = 8,  /* nodes taken from the arena at once: doubling from … */
	PARSE_RUN_LAST = 512, /* … to this */
	PARSE_NUMBER_BUF = 64,
	PARSE_INT_DIGITS = 18, /* that many always fit int64_t */
};

struct parse {
	const char *at, *end, *start;
	struct arena *arena;
	struct json *free, *free_end;
	size_t run;
	unsigned depth;
	struct err *err;
};

static int parse_fail_at(struct parse *p, const char *at, int code, const char *reason)
{
	size_t line = 1, column = 1;

	for (const char *s = p->start; s < at; s++) {
		column++;
		if (*s == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(p->err, code, "line %zu column %zu: %s", line, column, reason);
}

static int parse_fail(struct parse *p, const char *reason)
{
	return parse_fail_at(p, p->at, ERR_BAD_REQUEST, reason);
}

static int parse_fail_or_end(struct parse *p, const char *reason)
{
	return parse_fail(p, p->at < p->end ? reason : "the text ends too early");
}

static struct json *parse_node(struct parse *p)
{
	if (p->free == p->free_end) {
		p->free = arena_alloc(p->arena, p->run * sizeof(*p->free));
		p->free_end = p->free + p->run;
		if (p->run < PARSE_RUN_LAST)
			p->run *= 2;
	}
	return p->free++;
}

static inline void parse_space(struct parse *p)
{
	const char *s = p->at;

	while (s < p->end && (*s == ' ' || *s == '\n' || *s == '\r' || *s == '\t'))
		s++;
	p->at = s;
}

/* Skips what needs no look: neither '"' nor '\\' nor a control character nor beyond ASCII. */
static inline const char *parse_plain(const char *s, const char *end)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	for (; end - s >= 8; s += 8) {
		uint64_t w, quote, slash, bad;

		memcpy(&w, s, 8);
		w = le64toh(w);
		quote = w ^ (ones * '"');
		slash = w ^ (ones * '\\');
		bad = ((w - ones * 0x20) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
		       w) &
		      high;
		if (bad) /* the lowest one that is marked is right; above it a borrow may lie */
			return s + __builtin_ctzll(bad) / 8;
	}
	while (s < end && (unsigned char)*s >= 0x20 && (unsigned char)*s < 0x80 && *s != '"' &&
	       *s != '\\')
		s++;
	return s;
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629, section 4), 0 when it is none. */
static size_t parse_utf8(const char *s, const char *end)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t left = (size_t)(end - s), n;
	unsigned char low = 0x80, up = 0xbf;

	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		up = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		up = 0x8f;
	if (u[1] < low || u[1] > up)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t json_utf8_len(struct str s)
{
	const char *at = s.ptr, *end = s.len ? s.ptr + s.len : s.ptr;

	while (at < end) {
		uint64_t w;
		size_t n;

		if (end - at >= (ptrdiff_t)sizeof(w)) {
			memcpy(&w, at, sizeof(w));
			if (!(w & 0x8080808080808080)) {
				at += sizeof(w);
				continue;
			}
		}
		n = (unsigned char)*at < 0x80 ? 1 : parse_utf8(at, end);
		if (n == 0)
			break;
		at += n;
	}
	return (size_t)(at - s.ptr);
}

bool json_is_utf8(struct str s)
{
	return json_utf8_len(s) == s.len;
}

static int parse_hex4(const char *s, const char *end)
{
	int v = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = s[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= c - '0';
		else if (c >= 'a' && c <= 'f')
			v |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			v |= c - 'A' + 10;
		else
			return -1;
	}
	return v;
}

static char *parse_put_utf8(char *to, unsigned cp)
{
	if (cp < 0x80) {
		*to++ = (char)cp;
	} else if (cp < 0x800) {
		*to++ = (char)(0xc0 | cp >> 6);
		*to++ = (char)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		*to++ = (char)(0xe0 | cp >> 12);
		*to++ = (char)(0x80 | (cp >> 6 & 0x3f));
		*to++ = (char)(0x80 | (cp & 0x3f));
	} else {
		*to++ = (char)(0xf0 | cp >> 18);
		*to++ = (char)(0x80 | (cp >> 12 & 0x3f));
		*to++ = (char)(0x80 | (cp >> 6 & 0x3f));
		*to++ = (char)(0x80 | (cp & 0x3f));
	}
	return to;
}

/* p->at stands behind "\u"; a pair of surrogates is one character, a lone one is refused. */
static int parse_unicode(struct parse *p, char **to)
{
	int hi = parse_hex4(p->at, p->end), lo;

	if (hi < 0)
		return parse_fail(p, "'\\u' needs four hexadecimal digits");
	p->at += 4;
	if (hi < 0xd800 || hi > 0xdfff) {
		*to = parse_put_utf8(*to, (unsigned)hi);
		return 0;
	}
	lo = hi < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u'
		     ? parse_hex4(p->at + 2, p->end)
		     : -1;
	if (lo < 0xdc00 || lo > 0xdfff)
		return parse_fail(p, "lone surrogate");
	p->at += 6;
	*to = parse_put_utf8(*to,
			     0x10000u + ((unsigned)(hi - 0xd800) << 10) + (unsigned)(lo - 0xdc00));
	return 0;
}

static int parse_escape(struct parse *p, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *which;
	char c;

	p->at++;
	c = p->at < p->end ? *p->at : '\0';
	if (c == 'u') {
		p->at++;
		return parse_unicode(p, to);
	}
	which = c ? strchr(from, c) : NULL;
	if (!which)
		return parse_fail_or_end(p, "unknown escape");
	p->at++;
	*(*to)++ = into[which - from];
	return 0;
}

/* The string of which p->at shows the first special byte, with its escapes undone. Escapes only
 * shrink, so the room up to the closing quote is enough. */
static int parse_string_slow(struct parse *p, const char *first, struct str *ret)
{
	const char *quote = p->at;
	char *out, *to;

	for (; quote < p->end && *quote != '"'; quote++)
		if (*quote == '\\' && quote + 1 < p->end)
			quote++;
	if (quote >= p->end)
		return parse_fail_at(p, first - 1, ERR_BAD_REQUEST, "the string does not end");
	to = out = arena_alloc(p->arena, (size_t)(quote - first) + 1);
	p->at = first;
	for (;;) {
		const char *s = parse_plain(p->at, p->end);
		size_t n;
		int r;

		memcpy(to, p->at, (size_t)(s - p->at));
		to += s - p->at;
		p->at = s;
		if (s == quote)
			break;
		if (*s == '\\') {
			r = parse_escape(p, &to);
			if (r < 0)
				return r;
			continue;
		}
		if ((unsigned char)*s < 0x20)
			return parse_fail(p, "control character in a string");
		n = parse_utf8(s, p->end);
		if (n == 0)
			return parse_fail(p, "not UTF-8");
		memcpy(to, s, n);
		to += n;
		p->at += n;
	}
	*to = '\0';
	*ret = str_n(out, (size_t)(to - out));
	p->at = quote + 1;
	return 0;
}

/* p->at stands on the opening quote. */
static int parse_string(struct parse *p, struct str *ret)
{
	const char *first = ++p->at;

	for (;;) {
		size_t n;

		p->at = parse_plain(p->at, p->end);
		if (p->at < p->end && *p->at == '"') {
			*ret = str_n(first, (size_t)(p->at++ - first));
			return 0;
		}
		n = p->at < p->end && (unsigned char)*p->at >= 0x80 ? parse_utf8(p->at, p->end) : 0;
		if (n == 0)
			return parse_string_slow(p, first, ret);
		p->at += n;
	}
}

static const char *parse_digits(const char *s, const char *end)
{
	while (s < end && *s >= '0' && *s <= '9')
		s++;
	return s;
}

/* Whether the digits (with their sign) are an int64_t. */
static bool parse_int64(const char *s, const char *end, int64_t *ret)
{
	bool is_negative = *s == '-';
	int64_t v = 0;

	s += is_negative;
	if (end - s <= PARSE_INT_DIGITS) {
		for (; s < end; s++)
			v = v * 10 + (*s - '0');
		*ret = is_negative ? -v : v;
		return true;
	}
	for (; s < end; s++) {
		int digit = is_negative ? '0' - *s : *s - '0';

		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = v;
	return true;
}

static double parse_double(struct parse *p, struct str text)
{
	char small[PARSE_NUMBER_BUF], *s = small;

	if (text.len >= sizeof(small))
		s = arena_alloc(p->arena, text.len + 1);
	memcpy(s, text.ptr, text.len);
	s[text.len] = '\0';
	return strtod(s, NULL); /* "C" locale: the program never calls setlocale */
}

static int parse_number(struct parse *p, struct json *n)
{
	const char *first = p->at, *s = first, *end = p->end, *digits;
	bool is_int = true;

	s += s < end && *s == '-';
	digits = s;
	s = parse_digits(s, end);
	p->at = s;
	if (s == digits)
		return parse_fail_or_end(p,
					 s > first ? "a digit is missing" : "a value is missing");
	if (*digits == '0' && s - digits > 1)
		return parse_fail_at(p, digits, ERR_BAD_REQUEST, "leading zero");
	if (s < end && *s == '.') {
		is_int = false;
		digits = ++s;
		p->at = s = parse_digits(s, end);
		if (s == digits)
			return parse_fail_or_end(p, "a digit is missing");
	}
	if (s < end && (*s == 'e' || *s == 'E')) {
		is_int = false;
		s++;
		s += s < end && (*s == '+' || *s == '-');
		digits = s;
		p->at = s = parse_digits(s, end);
		if (s == digits)
			return parse_fail_or_end(p, "a digit is missing");
	}
	if (is_int && parse_int64(first, s, &n->integer)) {
		n->type = JSON_INT;
		return 0;
	}
	n->type = JSON_NUMBER;
	n->text = str_n(first, (size_t)(s - first));
	n->number = parse_double(p, n->text);
	if (isinf(n->number))
		return parse_fail_at(p, first, ERR_BAD_REQUEST, "the number is out of range");
	return 0;
}

static int parse_word(struct parse *p, struct json *n)
{
	static const struct {
		struct str word;
		enum json_type type;
		bool value;
	} words[] = {
		{STR("true"), JSON_BOOL, true},
		{STR("false"), JSON_BOOL, false},
		{STR("null"), JSON_NULL, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct str w = words[i].word;

		if ((size_t)(p->end - p->at) < w.len || memcmp(p->at, w.ptr, w.len) != 0)
			continue;
		n->type = words[i].type;
		n->boolean = words[i].value;
		p->at += w.len;
		return 0;
	}
	return parse_fail_or_end(p, "a value is missing");
}

static int parse_value(struct parse *p, struct json *n);

static int parse_key(struct parse *p, struct str *ret)
{
	int r;

	if (p->at == p->end || *p->at != '"')
		return parse_fail_or_end(p, "a key in quotes is missing");
	r = parse_string(p, ret);
	if (r < 0)
		return r;
	parse_space(p);
	if (p->at == p->end || *p->at != ':')
		return parse_fail_or_end(p, "':' is missing after the key");
	p->at++;
	parse_space(p);
	return 0;
}

/* An array or an object; p->at stands on the bracket. */
static int parse_children(struct parse *p, struct json *n, char close)
{
	struct json **tail = &n->first;
	int r;

	n->last = NULL;
	if (++p->depth > JSON_DEPTH_MAX)
		return parse_fail_at(p, p->at, ERR_TOO_LARGE, "nested too deeply (limit 100)");
	p->at++;
	parse_space(p);
	if (p->at < p->end && *p->at == close)
		goto closed;
	for (;;) {
		struct json *child = parse_node(p);

		child->key = (struct str){0};
		r = n->type == JSON_OBJECT ? parse_key(p, &child->key) : 0;
		if (r == 0)
			r = parse_value(p, child);
		if (r < 0)
			return r;
		n->count++;
		*tail = n->last = child;
		tail = &child->next;
		parse_space(p);
		if (p->at < p->end && *p->at == close)
			break;
		if (p->at == p->end || *p->at != ',')
			return parse_fail_or_end(p, close == '}' ? "',' or '}' is missing"
								 : "',' or ']' is missing");
		p->at++;
		parse_space(p);
	}
closed:
	*tail = NULL;
	p->at++;
	p->depth--;
	return 0;
}

static int parse_value(struct parse *p, struct json *n)
{
	n->next = NULL;
	n->count = 0;
	switch (p->at < p->end ? *p->at : '\0') {
	case '"':
		n->type = JSON_STRING;
		return parse_string(p, &n->string);
	case '{':
		n->type = JSON_OBJECT;
		return parse_children(p, n, '}');
	case '[':
		n->type = JSON_ARRAY;
		return parse_children(p, n, ']');
	case 't':
	case 'f':
	case 'n':
		return parse_word(p, n);
	default:
		return parse_number(p, n);
	}
}

int json_parse(struct arena *a, struct str text, unsigned flags, struct json **ret, struct err *err)
{
	struct parse p = {.arena = a, .run = PARSE_RUN_FIRST, .err = err};
	struct json *n;
	int r;

	if (text.len > JSON_SIZE_MAX)
		return err_set(err, ERR_TOO_LARGE, "the text has %zu bytes, the limit is %d",
			       text.len, JSON_SIZE_MAX);
	if (!(flags & JSON_BORROW))
		text = str_dup(a, text);
	p.at = p.start = text.ptr ? text.ptr : "";
	p.end = p.start + text.len;
	n = parse_node(&p);
	n->key = (struct str){0};
	parse_space(&p);
	r = parse_value(&p, n);
	if (r < 0)
		return r;
	parse_space(&p);
	if (p.at < p.end)
		return parse_fail(&p, "something follows the value");
	*ret = n;
	return 0;
}
