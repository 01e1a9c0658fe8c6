/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The changes between two tables, entry by entry, and a table made from another by changing a few
 * entries. Law (tested): svc_table_change(old, svc_changes_of(old, new)) has the entries of `new`.
 */

#include "base/vec.h"
#include "svc/table.h"

struct svc_change {
	struct svc_entry *before, *after; /* NULL before: added; NULL after: removed */
};

struct svc_changes { /* a VEC; by key. Borrows from both tables: valid while they are. */
	struct svc_change *ptr;
	size_t len, cap;
};

/* Adds to *ret; NULL `before` is an empty table. */
void svc_changes_of(const struct svc_table *before, const struct svc_table *after,
		    struct svc_changes *ret);
void svc_changes_sort(struct svc_changes *c);
static inline struct str svc_change_key(const struct svc_change *c)
{
	return c->after ? c->after->key : c->before->key;
}

/* A new table: `t` with n entries replaced, added or removed, by the key of before or after; only
 * `after` is looked at besides. Changes are sorted by key. Takes references. */
struct svc_table *svc_table_change(const struct svc_table *t, const struct svc_change *changes,
				   size_t n);
