/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "base/rand.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

bool str_eq_nocase(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = MIN(a.len, b.len);
	int r = n ? memcmp(a.ptr, b.ptr, n) : 0;

	if (r)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

bool str_has_prefix(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_n(s.ptr, prefix.len), prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *p = s.len ? memchr(s.ptr, c, s.len) : NULL;

	return p ? p - s.ptr : -1;
}

ptrdiff_t str_rfind(struct str s, char c)
{
	const char *p = s.len ? memrchr(s.ptr, c, s.len) : NULL;

	return p ? p - s.ptr : -1;
}

struct str str_sub(struct str s, size_t at, size_t len)
{
	if (at > s.len)
		at = s.len;
	return str_n(s.ptr ? s.ptr + at : NULL, MIN(len, s.len - at));
}

struct str str_skip(struct str s, size_t n)
{
	return str_sub(s, n, SIZE_MAX);
}

static bool str_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && str_is_space(s.ptr[0]))
		s = str_skip(s, 1);
	while (s.len && str_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool str_next(struct str *rest, char sep, struct str *ret)
{
	ptrdiff_t i;

	if (!rest->ptr)
		return false;
	i = str_find(*rest, sep);
	if (i < 0) {
		*ret = *rest;
		*rest = (struct str){0};
	} else {
		*ret = str_sub(*rest, 0, (size_t)i);
		*rest = str_skip(*rest, (size_t)i + 1);
	}
	return true;
}

struct str str_dup(struct arena *a, struct str s)
{
	return str_n(arena_strndup(a, s.ptr, s.len), s.len);
}

char *str_cstr(struct arena *a, struct str s)
{
	return arena_strndup(a, s.ptr, s.len);
}

struct str str_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return str_n(p, (size_t)n);
}

int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret, struct err *err)
{
	uint64_t v = 0;

	if (s.len == 0)
		return err_set(err, ERR_INVALID, "must be a number, got nothing");
	for (size_t i = 0; i < s.len; i++) {
		unsigned d = (unsigned char)s.ptr[i] - (unsigned)'0';

		if (d > 9)
			return err_set(err, ERR_INVALID, "must be a number, got '%.*s'",
				       STR_ARG(s));
		if (__builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, d, &v))
			return err_set(err, ERR_INVALID, "the number %.*s is too large",
				       STR_ARG(s));
	}
	if (v < min || v > max)
		return err_set(err, ERR_INVALID, "must be between %llu and %llu, got %.*s",
			       (unsigned long long)min, (unsigned long long)max, STR_ARG(s));
	*ret = v;
	return 0;
}

int str_to_i64(struct str s, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	bool is_negative = s.len && s.ptr[0] == '-';
	uint64_t v;
	int64_t n;
	int r = str_to_u64(is_negative ? str_skip(s, 1) : s, 0, (uint64_t)INT64_MAX + is_negative,
			   &v, err);

	if (r < 0)
		return r;
	n = is_negative ? (int64_t)(0 - v) : (int64_t)v;
	if (n < min || n > max)
		return err_set(err, ERR_INVALID, "must be between %lld and %lld, got %.*s",
			       (long long)min, (long long)max, STR_ARG(s));
	*ret = n;
	return 0;
}

static inline uint64_t str_rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static inline void str_sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = str_rotl(v[1], 13) ^ v[0];
	v[0] = str_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = str_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = str_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = str_rotl(v[1], 17) ^ v[2];
	v[2] = str_rotl(v[2], 32);
}

uint64_t str_hash(struct str s)
{
	const uint64_t *k = rand_process_key();
	uint64_t v[4] = {k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du,
			 k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u};
	uint64_t m, last = (uint64_t)s.len << 56;
	size_t i = 0;

	for (; i + 8 <= s.len; i += 8) {
		memcpy(&m, s.ptr + i, 8);
		v[3] ^= m;
		str_sip_round(v);
		v[0] ^= m;
	}
	for (size_t j = 0; i + j < s.len; j++)
		last |= (uint64_t)(unsigned char)s.ptr[i + j] << (8 * j);
	v[3] ^= last;
	str_sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int j = 0; j < 3; j++)
		str_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
