/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The watch cache: what the store holds, by kind, and what has just changed.
 *
 * One store watch on /registry/ feeds it; the API server's reads and watches are served from here
 * and never wait for the store. Each kind has its objects sorted by key (as lists are), and a ring
 * of its newest events (CACHE_EVENTS_MAX, CACHE_EVENT_BYTES_MAX), from which a watch may resume.
 * Because the store gives a watch a transaction's events before it reports that transaction's
 * success, a client that has been answered reads its own writes.
 *
 * An event is published to the kind's listener as it arrives. Events are immutable and
 * reference-counted. Revisions are the store's.
 */

#include "apiserver/object.h"
#include "base/list.h"
#include "base/vec.h"
#include "store/store.h"

enum {
	CACHE_EVENTS_MAX = 4096, /* events of one kind that a watch may resume from */
	CACHE_EVENT_BYTES_MAX =
		64 * 1024 * 1024, /* of the objects in them; older ones are dropped */
};

enum cache_event_type {
	CACHE_ADDED,
	CACHE_MODIFIED,
	CACHE_DELETED,
};
const char *cache_event_name(enum cache_event_type t); /* "ADDED" */

struct cache_event {
	unsigned refs;
	enum cache_event_type type;
	uint64_t rev;
	struct object *object; /* after the change; DELETED: as it was last */
	struct object *before; /* NULL for ADDED */
};
void cache_event_unref(struct cache_event *e);

struct cache {
	const struct resource *res;
	VEC(struct object *) objects; /* by key, bytewise */
	struct cache_event **ring;    /* CACHE_EVENTS_MAX of them once the first event is there */
	uint64_t n_events;            /* ever; event i is in ring[i % CACHE_EVENTS_MAX] */
	uint64_t first_event;         /* the oldest that is kept */
	size_t event_bytes;
	uint64_t floor;           /* every event with a later revision is in the ring */
	uint64_t rev;             /* of the newest event, or the load */
	struct list_node watches; /* watch.c's, on this kind */
	void (*on_event)(void *ctx, struct cache *c, struct cache_event *e);
	void *ctx;
};

struct cache *cache_new(const struct resource *res);
void cache_free(struct cache *c);

/* The first load: every object once, at `rev`, in order of key. `key` is without the kind's
 * prefix. A value that is not in the stored form (written by another server) is brought into it;
 * ERR_BAD_REQUEST when it is no JSON object: it is left out then. */
int cache_load(struct cache *c, struct str key, const struct store_kv *kv,
	       struct err *err) _nodiscard_;
void cache_load_done(struct cache *c, uint64_t rev);
/* Forgets all, for another first load. No watch may be open: none could go on. */
void cache_clear(struct cache *c);
int cache_apply(struct cache *c, struct str key, const struct store_event *e,
		struct err *err) _nodiscard_;

struct object *cache_get(const struct cache *c, struct str key); /* borrowed; NULL: none */
/* Index of the first object whose key is >= `key`. */
size_t cache_lower_bound(const struct cache *c, struct str key);
/* Index range [*ret_first, *ret_end) of a namespace's objects; ns absent: all. */
void cache_span(const struct cache *c, struct str ns, size_t *ret_first, size_t *ret_end);

/* Number of the first event with a revision > rev: loop i from it while i < c->n_events. ERR_GONE
 * when rev is older than the ring. */
int cache_events_after(const struct cache *c, uint64_t rev, uint64_t *ret) _nodiscard_;
struct cache_event *cache_event_at(const struct cache *c, uint64_t i);
