/* SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <math.h>

static bool write_is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
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

void json_write_string(struct buf *b, struct str s)
{
	const char *at = s.ptr, *end = at + s.len;

	buf_reserve(b, s.len + 2);
	buf_add_byte(b, '"');
	while (at < end) {
		const char *run = at;

		while (at < end && write_is_plain((unsigned char)*at))
			at++;
		buf_add(b, run, (size_t)(at - run));
		if (at < end)
			write_escape(b, (unsigned char)*at++);
	}
	buf_add_byte(b, '"');
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
	buf_add_byte(b, is_object ? '{' : '[');
	for (const struct json *c = n->first; c; c = c->next) {
		if (is_object) {
			json_write_string(b, c->key);
			buf_add_byte(b, ':');
		}
		json_write(b, c);
		if (c->next)
			buf_add_byte(b, ',');
	}
	buf_add_byte(b, is_object ? '}' : ']');
}

static void write_line(struct buf *b, unsigned indent)
{
	buf_add_byte(b, '\n');
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
	buf_add_byte(b, is_object ? '{' : '[');
	for (const struct json *c = n->first; c; c = c->next) {
		write_line(b, indent + 1);
		if (is_object) {
			json_write_string(b, c->key);
			buf_add_str(b, STR(": "));
		}
		write_pretty(b, c, indent + 1);
		if (c->next)
			buf_add_byte(b, ',');
	}
	write_line(b, indent);
	buf_add_byte(b, is_object ? '}' : ']');
}

void json_write_pretty(struct buf *b, const struct json *n)
{
	write_pretty(b, n, 0);
}
