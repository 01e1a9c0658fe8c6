/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * VEC(T): a growing array of T. Zero-initialised is empty.
 *
 *	VEC(struct port) ports = {0};
 *	*vec_push(&ports) = (struct port){.number = 80};
 *	vec_foreach (p, &ports)
 *		use(p);
 *	vec_fini(&ports);
 *
 * vec_push returns a pointer to a new zeroed element, valid until the next push. Growth aborts on
 * exhaustion; vec_try_push (for sizes that a peer decides) returns NULL instead.
 */

#include "base/mem.h"

#include <stdlib.h>

#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *ptr;                                                                         \
		size_t len;                                                                        \
		size_t cap;                                                                        \
	}

struct vec_any {
	void *ptr;
	size_t len;
	size_t cap;
};

/* Room for one more element of `size` bytes; the new element is zeroed. NULL only when is_try. */
void *vec_grow(struct vec_any *v, size_t size, bool is_try);
void vec_remove(struct vec_any *v, size_t size, size_t at);
void vec_reserve_any(struct vec_any *v, size_t size, size_t n);

#define vec_any_(v)         ((struct vec_any *)(void *)(v))
#define vec_push(v)         ((__typeof__((v)->ptr))vec_grow(vec_any_(v), sizeof(*(v)->ptr), false))
#define vec_try_push(v)     ((__typeof__((v)->ptr))vec_grow(vec_any_(v), sizeof(*(v)->ptr), true))
#define vec_reserve(v, n)   vec_reserve_any(vec_any_(v), sizeof(*(v)->ptr), (n))
#define vec_remove_at(v, i) vec_remove(vec_any_(v), sizeof(*(v)->ptr), (i)) /* keeps the order */
#define vec_last(v)         (&(v)->ptr[(v)->len - 1])
#define vec_pop(v)          ((v)->ptr[--(v)->len])
#define vec_clear(v)        ((void)((v)->len = 0))
#define vec_fini(v)                                                                                \
	do {                                                                                       \
		free((v)->ptr);                                                                    \
		(v)->ptr = NULL;                                                                   \
		(v)->len = (v)->cap = 0;                                                           \
	} while (0)
#define vec_foreach(it, v)                                                                         \
	for (__typeof__((v)->ptr + 0) it = (v)->ptr; it && it < (v)->ptr + (v)->len; it++)
#define vec_sort(v, cmp)                                                                           \
	do {                                                                                       \
		if ((v)->len > 1)                                                                  \
			qsort((v)->ptr, (v)->len, sizeof(*(v)->ptr), (cmp));                       \
	} while (0)
