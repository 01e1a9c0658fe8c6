/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct buf: a growing string of bytes.
 *
 * Always: `ptr` is never NULL and ptr[len] is NUL, so a fresh buf is a valid C string. The memory
 * is owned by the buf until buf_fini or buf_detach. Growth aborts on exhaustion: whoever appends
 * what a peer sent checks its limit first.
 */

#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap; /* 0: ptr is the shared empty string */
};

extern char buf_empty[1];
#define BUF_INIT ((struct buf){.ptr = buf_empty})

void buf_init(struct buf *b);
void buf_fini(struct buf *b);                 /* leaves an empty, usable buf */
void buf_clear(struct buf *b);                /* keeps the memory */
void buf_reserve(struct buf *b, size_t more); /* room for `more` bytes and the NUL */
void buf_set_len(struct buf *b, size_t len);  /* len <= reserved room */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, const char *s);
void buf_add_byte(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_add_base64(struct buf *b, struct str s); /* RFC 4648 section 4: padded */
void buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes, n <= len */

static inline struct str buf_str(const struct buf *b)
{
	return str_n(b->ptr, b->len);
}

/* The heap string (free with free()); the buf is empty again. */
char *buf_detach(struct buf *b);
