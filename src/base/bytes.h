/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * struct bytes: an immutable, reference-counted run of bytes: what is written once and read by
 * many (a watch event to 5,000 watchers, a stored object). The count is atomic, so a reference may
 * be dropped on another thread; the content must not change once a second reference exists.
 */

#include "base/buf.h"

#include <stdatomic.h>
#include <stdbool.h>

struct bytes {
	atomic_uint refs;
	bool is_counted;
	size_t len;
	char data[]; /* len bytes, then a NUL */
};

struct bytes *bytes_new(size_t len); /* content not set, one reference */
struct bytes *bytes_dup(struct str s);
struct bytes *bytes_ref(struct bytes *b);
void bytes_unref(struct bytes *b); /* NULL is fine */

/* Counts it in bytes_counted until it is freed: for those who limit what is kept for others, such
 * as answers that clients are slow to take. Before there is a second reference; once is enough. */
void bytes_count(struct bytes *b);
size_t bytes_counted(void); /* of this process */

static inline struct str bytes_str(const struct bytes *b)
{
	return b ? str_n(b->data, b->len) : (struct str){0};
}
