/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The difference of two tables, entry by entry, and a table made from another by changing a few
 * entries. Law (tested): svc_table_change(old, svc_diff(old, new)) has the entries of `new`.
 */

#include "base/vec.h"
#include "svc/table.h"

struct svc_change {
	struct svc_entry *before, *after; /* NULL before: added; NULL after: removed */
};

/* Borrows from both tables: valid while they are. */
struct svc_diff {
	const struct svc_table *before, *after;
	bool is_config_changed;         /* everything may differ: a back end syncs */
	VEC(struct svc_change) changes; /* by key */
};

void svc_diff_init(struct svc_diff *d, const struct svc_table *before,
		   const struct svc_table *after);
void svc_diff_fini(struct svc_diff *d);

/* A new table: `t` with n entries replaced, added or removed, by the key of before or after; only
 * `after` is looked at besides. Changes are sorted by key. Takes references. */
struct svc_table *svc_table_change(const struct svc_table *t, const struct svc_change *changes,
				   size_t n);
