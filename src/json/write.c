/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <math.h>

/* Skips what is written as it is: neither a control character nor '"' nor '\\'. */
static inline const char *write_plain(const char *s, const char *end)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	for (; end - s >= 8; s += 8) {
		uint64_t w, quote, slash;

		memcpy(&w, s, 8);
		quote = w ^ (ones * '"');
		slash = w ^ (ones * '\\');
		if ((((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) |
		     ((slash - ones) & ~slash)) &
		    high)
			break;
	}
	while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
		s++;
	return s;
}

static void write_escape(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	static const char hex[] = "0123456789abcdef";
	const char *which = c ? strchr(from, c) : NULL;
	char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	if (which) {
		six[1] = into[which - from];
		buf_add(b, six, 2);
	} else {
		buf_add(b, six, sizeof(six));
	}
}

/* buf_add_byte without the call. */
static inline void write_byte(struct buf *b, char c)
{
	if (b->len + 2 > b->cap)
		buf_reserve(b, 1);
	b->ptr[b->len++] = c;
	b->ptr[b->len] = '\0';
}

void json_write_string(struct buf *b, struct str s)
{
	const char *at = s.ptr ? s.ptr : "", *end = at + s.len;

	write_byte(b, '"');
	while (at < end) {
		const char *run = at;

		at = write_plain(at, end);
		buf_add(b, run, (size_t)(at - run));
		if (at < end)
			write_escape(b, (unsigned char)*at++);
	}
	write_byte(b, '"');
}

void json_write_text(struct buf *b, struct str s)
{
	struct buf text = BUF_INIT;

	if (json_is_utf8(s)) {
		json_write_string(b, s);
		return;
	}
	while (s.len) {
		size_t n = json_utf8_len(s);

		buf_add_str(&text, str_sub(s, 0, n));
		if (n < s.len)
			buf_add_c(&text, "\xef\xbf\xbd");
		s = str_skip(s, n + 1);
	}
	json_write_string(b, buf_str(&text));
	buf_fini(&text);
}

/* The shortest decimal that reads back as the same double. */
static void write_double(struct buf *b, double v)
{
	char text[32];

	if (!isfinite(v)) {
		buf_add_c(b, "null"); /* JSON has no such number */
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		double back;

		snprintf(text, sizeof(text), "%.*g", digits, v);
		back = strtod(text, NULL);
		if (memcmp(&back, &v, sizeof(v)) == 0)
			break;
	}
	buf_add_c(b, text);
}

static void write_scalar(struct buf *b, const struct json *n)
{
	switch (n->type) {
	case JSON_BOOL:
		buf_add_str(b, n->boolean ? STR("true") : STR("false"));
		return;
	case JSON_INT:
		buf_add_i64(b, n->integer);
		return;
	case JSON_NUMBER:
		if (str_is_set(n->text))
			buf_add_str(b, n->text);
		else
			write_double(b, n->number);
		return;
	case JSON_STRING:
		json_write_string(b, n->string);
		return;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
	default:
		buf_add_str(b, STR("null"));
		return;
	}
}

void json_write(struct buf *b, const struct json *n)
{
	bool is_object = n->type == JSON_OBJECT;

	if (!is_object && n->type != JSON_ARRAY) {
		write_scalar(b, n);
		return;
	}
	write_byte(b, is_object ? '{' : '[');
	for (const struct json *c = n->first; c; c = c->next) {
		if (is_object) {
			json_write_string(b, c->key);
			write_byte(b, ':');
		}
		json_write(b, c);
		if (c->next)
			write_byte(b, ',');
	}
	write_byte(b, is_object ? '}' : ']');
}

static void write_line(struct buf *b, unsigned indent)
{
	write_byte(b, '\n');
	for (unsigned i = 0; i < indent; i++)
		buf_add_str(b, STR("  "));
}

static void write_pretty(struct buf *b, const struct json *n, unsigned indent)
{
	bool is_object = n->type == JSON_OBJECT;

	if ((!is_object && n->type != JSON_ARRAY) || !n->first) {
		json_write(b, n);
		return;
	}
	write_byte(b, is_object ? '{' : '[');
	for (const struct json *c = n->first; c; c = c->next) {
		write_line(b, indent + 1);
		if (is_object) {
			json_write_string(b, c->key);
			buf_add_str(b, STR(": "));
		}
		write_pretty(b, c, indent + 1);
		if (c->next)
			write_byte(b, ',');
	}
	write_line(b, indent);
	write_byte(b, is_object ? '}' : ']');
}

void json_write_pretty(struct buf *b, const struct json *n)
{
	write_pretty(b, n, 0);
}
