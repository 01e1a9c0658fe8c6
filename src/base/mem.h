/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory.
 *
 * mem_x* abort when the machine has no memory left: for small sizes that our own code decides.
 * mem_try_* return NULL: for every size that comes from a peer or a file. Both go through one
 * hook so that a test can make the Nth allocation fail (mem_fault_after).
 *
 * An arena is a growing region freed in one call: one per request, per query, per object, per sync
 * round. What is allocated from it lives exactly as long as it; never store such a pointer in
 * something that lives longer. Arena allocation aborts on exhaustion; the bound on what a peer can
 * make us put into an arena is the bound on its input (HTTP_BODY_MAX, DNS_MESSAGE_MAX, …).
 */

#include "base/macro.h"

void *mem_xalloc(size_t size);  /* not zeroed */
void *mem_xzalloc(size_t size); /* zeroed */
void *mem_xrealloc(void *p, size_t size);
void *mem_xarray(size_t n, size_t size);               /* zeroed; aborts on overflow of n * size */
void *mem_try_array(size_t n, size_t size);            /* zeroed; NULL on overflow or exhaustion */
void *mem_try_realloc(void *p, size_t n, size_t size); /* NULL leaves p as it was */
char *mem_xstrdup(const char *s);
char *mem_xstrndup(const char *s, size_t n); /* n bytes and a NUL */
char *mem_xprintf(const char *fmt, ...) _printf_(1, 2);

#define mem_xnew(type) ((type *)mem_xzalloc(sizeof(type)))

/* For _cleanup_: frees the pointer in the variable that `p` points at. */
void mem_freep(void *p);

/* Tests: let `n` more mem_try_* calls succeed, then fail one. -1 (the default) never fails. */
void mem_fault_after(int n);

struct mem_block;

struct arena {
	struct mem_block *head; /* newest block, NULL when empty */
	char *at, *end;         /* free part of head */
	size_t total;           /* bytes taken from the heap */
	size_t next;            /* size of the next block */
};

/* An empty arena; `first` is the size of its first block in bytes (0: 4 KiB). No allocation yet. */
void arena_init(struct arena *a, size_t first);
void arena_fini(struct arena *a);

/* Empties the arena but keeps its newest block, so that a loop does not go to the heap each round.
 */
void arena_clear(struct arena *a);

/* Aligned for any type; arena_zalloc zeroes. Size 0 gives a unique valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t n, size_t size);     /* zeroed; aborts on overflow */
char *arena_strndup(struct arena *a, const char *s, size_t n); /* n bytes and a NUL */
char *arena_strdup(struct arena *a, const char *s);

#define arena_new(a, type) ((type *)arena_zalloc((a), sizeof(type)))
