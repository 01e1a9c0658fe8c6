/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEM_ARENA_FIRST = 4096,
	MEM_ARENA_LARGEST = 256 * 1024, /* blocks double up to this */
};

struct mem_block {
	struct mem_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

static int mem_fault = -1;

void mem_fault_after(int n)
{
	mem_fault = n;
}

static bool mem_should_fail(void)
{
	if (mem_fault < 0)
		return false;
	return mem_fault-- == 0;
}

static _noreturn_ void mem_exhausted(size_t size)
{
	fprintf(stderr, "fairlead: out of memory: %zu bytes wanted\n", size);
	abort();
}

static void *mem_check(void *p, size_t size)
{
	if (!p)
		mem_exhausted(size);
	return p;
}

void *mem_xalloc(size_t size)
{
	return mem_check(malloc(size ? size : 1), size);
}

void *mem_xzalloc(size_t size)
{
	return mem_check(calloc(1, size ? size : 1), size);
}

void *mem_xrealloc(void *p, size_t size)
{
	return mem_check(realloc(p, size ? size : 1), size);
}

void *mem_xarray(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		mem_exhausted(SIZE_MAX);
	return mem_xzalloc(total);
}

void *mem_try_array(size_t n, size_t size)
{
	size_t total;

	if (mem_should_fail() || __builtin_mul_overflow(n, size, &total))
		return NULL;
	return calloc(1, total ? total : 1);
}

void *mem_try_realloc(void *p, size_t n, size_t size)
{
	size_t total;

	if (mem_should_fail() || __builtin_mul_overflow(n, size, &total))
		return NULL;
	return realloc(p, total ? total : 1);
}

char *mem_xstrndup(const char *s, size_t n)
{
	char *p = mem_xalloc(n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *mem_xstrdup(const char *s)
{
	return mem_xstrndup(s, strlen(s));
}

char *mem_xprintf(const char *fmt, ...)
{
	char *p = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&p, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_exhausted(0);
	return p;
}

void mem_freep(void *p)
{
	free(*(void **)p);
}

void arena_init(struct arena *a, size_t first)
{
	*a = (struct arena){.next = first ? first : MEM_ARENA_FIRST};
}

void arena_fini(struct arena *a)
{
	struct mem_block *next;

	if (!a)
		return;
	for (struct mem_block *b = a->head; b; b = next) {
		next = b->next;
		free(b);
	}
	*a = (struct arena){.next = MEM_ARENA_FIRST};
}

void arena_clear(struct arena *a)
{
	struct mem_block *keep = a->head;

	if (!keep)
		return;
	a->head = keep->next;
	keep->next = NULL;
	for (struct mem_block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->head = keep;
	a->at = keep->data;
	a->end = keep->data + keep->size;
	a->total = keep->size;
}

static void arena_grow(struct arena *a, size_t size)
{
	size_t want = a->next ? a->next : MEM_ARENA_FIRST;
	struct mem_block *b;

	if (want < size)
		want = size;
	if (want > SIZE_MAX - sizeof(*b))
		mem_exhausted(want);
	b = mem_xalloc(sizeof(*b) + want);
	b->next = a->head;
	b->size = want;
	a->head = b;
	a->at = b->data;
	a->end = b->data + want;
	a->total += want;
	if (a->next < MEM_ARENA_LARGEST)
		a->next = want < MEM_ARENA_LARGEST / 2 ? want * 2 : MEM_ARENA_LARGEST;
}

static size_t arena_round(size_t size)
{
	enum {
		ALIGN = alignof(max_align_t)
	};

	if (size == 0)
		size = 1;
	if (size > SIZE_MAX - ALIGN)
		mem_exhausted(size);
	return (size + ALIGN - 1) & ~((size_t)ALIGN - 1);
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	size = arena_round(size);
	if (!a->head || (size_t)(a->end - a->at) < size)
		arena_grow(a, size);
	p = a->at;
	a->at += size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size ? size : 1);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		mem_exhausted(SIZE_MAX);
	return arena_zalloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}
