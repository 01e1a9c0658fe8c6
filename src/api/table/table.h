/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tables (what `kubectl get` prints) and PartialObjectMetadata, service-api.md section 17.
 *
 * The column definitions are the kind's (api_kind.columns); the cells of each kind are functions
 * here, always all columns, in the order of the definitions. A Table is built row by row:
 *
 *	api_table_init(&t, a, kind, list_meta, &opts);
 *	api_table_add(&t, obj);			for each object
 *	json_write(&b, t.tree);
 *
 * A watch makes one Table an event; only the first one has definitions (opts.has_columns).
 * Objects are handed over: api_table_add may take the tree apart to avoid copies, and cells may
 * point into its texts, which must live as long as the arena.
 */

#include "json/json.h"

struct api_kind;

enum api_include { /* ?includeObject= */
	API_INCLUDE_METADATA,
	API_INCLUDE_NONE,
	API_INCLUDE_OBJECT,
};

struct api_table_opts {
	enum api_include include;
	bool is_beta;     /* the client asked for meta.k8s.io/v1beta1 */
	bool has_columns; /* write columnDefinitions; otherwise null */
	int64_t now_ns;   /* wall clock, for ages */
};

/* ERR_INVALID for another word than "", None, Metadata, Object. */
int api_include_parse(struct str s, enum api_include *ret, struct err *err) _nodiscard_;

struct api_table {
	struct arena *a;
	const struct api_kind *kind;
	const struct api_table_opts *opts;
	const struct api_printer *printer; /* the kind's, in table.c */
	struct json *tree, *rows;
};

/* `list_meta` (resourceVersion, continue, remainingItemCount) becomes the Table's metadata; NULL
 * gives {}. `opts` stay the caller's. */
void api_table_init(struct api_table *t, struct arena *a, const struct api_kind *kind,
		    struct json *list_meta, const struct api_table_opts *opts);
void api_table_add(struct api_table *t, struct json *obj);
/* The row of a BOOKMARK: no cells, an object that has only `resource_version`. */
void api_table_add_bookmark(struct api_table *t, struct str resource_version);

/* PartialObjectMetadata of `obj`, whose metadata is moved into it. */
struct json *api_partial_metadata(struct arena *a, struct json *obj, bool is_beta);

/* "5m30s", "3h", "2y17d": the age of something that is `ns` old; "<invalid>" from -2 s on. */
void api_human_duration(struct buf *b, int64_t ns);
