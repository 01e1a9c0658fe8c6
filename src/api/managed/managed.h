/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * managedFields: which manager has set which fields, and server-side apply, which needs to know
 * (service-api.md section 18.9). Pure functions on trees; the API server calls them between
 * decoding and admission, so what is allocated or filled in later belongs to nobody.
 *
 * An entry is known by manager, operation and subresource, and one of an update by its apiVersion
 * too. A write that is no apply takes the fields that it changes from all others and adds them to
 * its manager's entry; fields that are gone leave all entries. An apply owns exactly what its
 * configuration sets; what it set the time before and nobody else owns is removed; a value that
 * another owns and has otherwise is a conflict, unless it is forced.
 *
 * The object of a request is changed in metadata.managedFields only; an entry's time moves only
 * when the write has changed something. Entries that another version of the kind has made are
 * dropped with the next change: every kind here has one version.
 */

#include "api/managed/field_set.h"

struct api_kind;

enum {
	API_MANAGED_UPDATES_MAX = 10,  /* entries of updates; older ones become one */
	API_MANAGED_ENTRIES_MAX = 256, /* of a client's own list, and beyond which none applies */
	API_MANAGED_CONFLICTS_MAX = 1000, /* told of one apply */
};

/* Who writes what, and when. */
struct api_managed_write {
	struct arena *a; /* of all that is made */
	const struct api_kind *kind;
	struct str sub;     /* subresource; absent: none */
	struct str manager; /* may be empty: "unknown" */
	struct str time;    /* RFC 3339, seconds */
};

/* Whether a client's list asks to forget all owners: [] or [{}]. To be asked before api/strict.h
 * drops what is empty. NULL is no list. */
bool api_managed_is_reset(const struct json *list);

/*
 * A create (`old` NULL) or an update: sets obj's metadata.managedFields from obj's own list or,
 * when that is missing, broken or too long, old's. With `is_reset` it begins from no owners. An
 * object that has none gets none, unless it is new. Borrows from both trees.
 */
void api_managed_update(const struct api_managed_write *w, const struct json *old, struct json *obj,
			bool is_reset);

/*
 * What a write of a kind's status leaves as it is stored, whoever sends it: nobody becomes its
 * owner. The caller puts it back before it stores, by this set, so that both agree. Where metadata
 * itself is a member, that is all of it that a client may set.
 */
const struct api_field_set *api_managed_kept_in_status(const struct api_kind *kind);

struct api_managed_conflict {
	struct str manager; /* `"kubectl" using v1` */
	struct str path;    /* .spec.type */
};

struct api_managed_conflicts {
	struct api_managed_conflict *ptr; /* in order of managers, then of fields */
	size_t n;
};

/*
 * Applies `config`, in which no key stands twice (json_duplicate: the caller has refused it), to
 * `old` (NULL: to nothing). *ret: the object with its managedFields, not yet checked by api_strict.
 * ERR_CONFLICT with *ret_conflicts filled and the message as Kubernetes words it; ERR_BAD_REQUEST:
 * the configuration has managedFields, or too many apply; ERR_INVALID:
 * it does not fit the kind.
 */
int api_managed_apply(const struct api_managed_write *w, const struct json *old,
		      const struct json *config, bool is_forced, struct json **ret,
		      struct api_managed_conflicts *ret_conflicts, struct err *err) _nodiscard_;

/* Whether the lists differ at most in times. */
bool api_managed_eq_but_times(const struct json *x, const struct json *y);
