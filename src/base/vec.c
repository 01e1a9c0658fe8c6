/* SPDX-License-Identifier: Apache-2.0 */
#include "base/vec.h"

#include <string.h>

void vec_reserve_any(struct vec_any *v, size_t size, size_t n)
{
	size_t total;

	if (n <= v->cap)
		return;
	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX;
	v->ptr = mem_xrealloc(v->ptr, total);
	v->cap = n;
}

void *vec_grow(struct vec_any *v, size_t size, bool is_try)
{
	char *at;

	if (v->len == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 4;

		if (is_try) {
			void *p = mem_try_realloc(v->ptr, cap, size);

			if (!p)
				return NULL;
			v->ptr = p;
			v->cap = cap;
		} else {
			vec_reserve_any(v, size, cap);
		}
	}
	at = (char *)v->ptr + v->len++ * size;
	return memset(at, 0, size);
}

void vec_remove(struct vec_any *v, size_t size, size_t at)
{
	char *p = (char *)v->ptr + at * size;

	assert(at < v->len);
	memmove(p, p + size, (v->len - at - 1) * size);
	v->len--;
}
