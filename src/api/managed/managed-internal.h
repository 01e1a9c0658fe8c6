/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What managed.c (entries, updates) and apply.c (apply) share. */

#include "api/managed/field_walk.h"
#include "api/managed/managed.h"

struct managed_entry {
	struct str manager, api_version, subresource;
	struct str time; /* absent: none */
	bool is_apply;
	struct api_field_set set;
	struct json *fields; /* the set as it came; NULL: the set is another by now */
};

struct managed {
	struct managed_entry *ptr;
	size_t n, cap;
};

int api_managed_decode(struct arena *a, const struct json *list, struct managed *ret,
		       struct err *err);
/* Puts the entries into obj's metadata; none: takes the member out. */
void api_managed_store(const struct api_managed_write *w, struct managed *m, struct json *obj);
/* The entry of the write's manager, NULL when there is none. */
struct managed_entry *api_managed_find(const struct api_managed_write *w, const struct managed *m,
				       bool is_apply);
struct managed_entry *api_managed_add(const struct api_managed_write *w, struct managed *m,
				      bool is_apply);
void api_managed_set(struct managed_entry *e, struct api_field_set set);
/* What all of them have. One after the other would take the square of it all, in memory too. */
struct api_field_set api_managed_union(struct arena *a, struct managed_entry *const *list,
				       size_t n);
/* Without entries of other versions. */
void api_managed_drop_versions(const struct api_managed_write *w, struct managed *m);
/* Without entries that own nothing. */
void api_managed_drop_empty(struct managed *m);
/* What has changed from `old` to `obj`, without what this kind of write cannot change. */
struct api_field_diff api_managed_diff(const struct api_managed_write *w, const struct json *old,
				       const struct json *obj);
/* Fields that are not for this write: status, or what is not status. */
const struct api_field_set *api_managed_ignored(const struct api_managed_write *w);
/* Records the change from `old` to `obj` as an update by w's manager. */
void api_managed_record(const struct api_managed_write *w, struct managed *m,
			const struct json *old, const struct json *obj);
/* An object of the kind with nothing in it. */
struct json *api_managed_blank(const struct api_managed_write *w);
