/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

static atomic_size_t counted;

struct bytes *bytes_new(size_t len)
{
	struct bytes *b = mem_xalloc(sizeof(*b) + len + 1);

	atomic_init(&b->refs, 1);
	b->is_counted = false;
	b->len = len;
	b->data[len] = '\0';
	return b;
}

struct bytes *bytes_dup(struct str s)
{
	struct bytes *b = bytes_new(s.len);

	if (s.len)
		memcpy(b->data, s.ptr, s.len);
	return b;
}

struct bytes *bytes_ref(struct bytes *b)
{
	unsigned before = atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);

	assert(before > 0);
	IGNORE(before, "only the assertion reads it");
	return b;
}

void bytes_unref(struct bytes *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (b->is_counted)
		atomic_fetch_sub_explicit(&counted, b->len, memory_order_relaxed);
	free(b);
}

void bytes_count(struct bytes *b)
{
	if (b->is_counted)
		return;
	b->is_counted = true;
	atomic_fetch_add_explicit(&counted, b->len, memory_order_relaxed);
}

size_t bytes_counted(void)
{
	return atomic_load_explicit(&counted, memory_order_relaxed);
}
