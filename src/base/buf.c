/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char buf_empty[1];

void buf_init(struct buf *b)
{
	*b = BUF_INIT;
}

void buf_fini(struct buf *b)
{
	if (!b)
		return;
	if (b->cap)
		free(b->ptr);
	*b = BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->cap)
		b->ptr[0] = '\0';
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t want, cap;

	assert(more < SIZE_MAX / 2 - b->len);
	want = b->len + more + 1;
	if (want <= b->cap)
		return;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap += cap / 2;
	if (b->cap) {
		b->ptr = mem_xrealloc(b->ptr, cap);
	} else {
		b->ptr = mem_xalloc(cap);
		b->ptr[0] = '\0';
	}
	b->cap = cap;
}

void buf_set_len(struct buf *b, size_t len)
{
	assert(len < b->cap || (len == 0 && b->cap == 0));
	b->len = len;
	if (b->cap)
		b->ptr[len] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!n)
		return;
	buf_reserve(b, n);
	memcpy(b->ptr + b->len, p, n);
	buf_set_len(b, b->len + n);
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_add_c(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_byte(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char text[20];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, text + at, sizeof(text) - at);
}

void buf_add_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_add_byte(b, '-');
	buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	buf_reserve(b, (size_t)n);
	vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

void buf_add_base64(struct buf *b, struct str s)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.len; i += 3) {
		uint32_t acc = (uint32_t)(uint8_t)s.ptr[i] << 16;

		if (i + 1 < s.len)
			acc |= (uint32_t)(uint8_t)s.ptr[i + 1] << 8;
		if (i + 2 < s.len)
			acc |= (uint8_t)s.ptr[i + 2];
		buf_add_byte(b, alphabet[acc >> 18]);
		buf_add_byte(b, alphabet[acc >> 12 & 63]);
		buf_add_byte(b, i + 1 < s.len ? alphabet[acc >> 6 & 63] : '=');
		buf_add_byte(b, i + 2 < s.len ? alphabet[acc & 63] : '=');
	}
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (!n)
		return;
	memmove(b->ptr, b->ptr + n, b->len - n);
	buf_set_len(b, b->len - n);
}

char *buf_detach(struct buf *b)
{
	char *p = b->cap ? b->ptr : mem_xstrdup("");

	*b = BUF_INIT;
	return p;
}
