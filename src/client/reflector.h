/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The reflector: a local, indexed copy of all objects of a kind (or those that a selector picks),
 * kept up to date by list + watch.
 *
 * It lists in pages, then watches from the list's revision with bookmarks; when the watch ends it
 * goes on from the last revision; when that is too old (410) or an event does not decode it lists
 * again and tells the difference, so that consumers see deletions that happened in the gap (what
 * was deleted and made anew between is an update with another uid). Failures are retried after a
 * growing, jittered pause (100 ms to 10 s), for ever.
 *
 * Objects are immutable and reference-counted; a consumer may keep one as long as it holds a
 * reference. They hold what the view holds, less the annotation
 * kubectl.kubernetes.io/last-applied-configuration. An object that does not decode is left out (one
 * that was there before stays as it was) and counted. Handlers run on the loop's thread. Before the
 * first complete list nothing is told; then on_change for every object, then on_synced once.
 */

#include "api/decode/decode.h"
#include "client/client.h"

struct client_reflector;

struct client_object {
	unsigned refs;
	uint32_t size; /* bytes of this block, which holds the view and its strings too */
	const struct api_kind *kind;
	const struct api_meta *meta; /* first member of the view */
	const void *view;            /* struct api_service *, … */
};
struct client_object *client_object_ref(struct client_object *o);
void client_object_unref(struct client_object *o); /* NULL is fine */

struct client_handler {
	/* before NULL: added; after NULL: deleted. */
	void (*on_change)(void *ctx, struct client_object *before, struct client_object *after);
	void (*on_synced)(void *ctx); /* may be NULL */
	void *ctx;
};

struct client_selection {
	struct str ns;             /* absent: all namespaces */
	struct str label_selector; /* absent: all */
	struct str field_selector;
};

/* The selection is copied. Starts at once; handlers may be added until the loop turns. */
struct client_reflector *client_reflector_new(struct loop *l, struct client *c,
					      const struct api_kind *kind,
					      const struct client_selection *sel);
void client_reflector_add(struct client_reflector *r, const struct client_handler *h);
void client_reflector_free(struct client_reflector *r);

bool client_reflector_is_synced(const struct client_reflector *r);
/* The newest revision that has been told to the handlers. */
uint64_t client_reflector_rev(const struct client_reflector *r);
size_t client_reflector_len(const struct client_reflector *r);
/* Borrowed: valid until the next turn of the loop unless referenced. */
struct client_object *client_reflector_get(struct client_reflector *r, struct str ns,
					   struct str name);

/* An index: `keys` calls emit for each value under which the object is to be found. Add before the
 * first turn. Walks are in no order; the callback must not change the cache. */
typedef void (*client_emit_fn)(void *emit_ctx, struct str value);
void client_reflector_index(struct client_reflector *r, const char *name,
			    void (*keys)(const struct client_object *o, client_emit_fn emit,
					 void *emit_ctx));
/* For consumers that must be lean: called with each freshly decoded view (struct api_service *, …)
 * before it is copied into the cache, to blank what nobody will read. Names, namespace, uid and
 * resourceVersion must stay. Set before the first turn. */
void client_reflector_prune(struct client_reflector *r, void (*prune)(void *view));

/* For such a `prune`: blanks all of the metadata that may go. */
void client_reflector_prune_meta(struct api_meta *m);

/* Objects left out of the newest list because they do not decode, and why the last of them did not
 * (or why listing or watching fails at present); "" when all is well. */
size_t client_reflector_undecodable(const struct client_reflector *r);
const char *client_reflector_error(const struct client_reflector *r);

void client_reflector_each(struct client_reflector *r,
			   void (*fn)(void *ctx, struct client_object *o), void *ctx);
void client_reflector_each_in(struct client_reflector *r, const char *index, struct str value,
			      void (*fn)(void *ctx, struct client_object *o), void *ctx);
