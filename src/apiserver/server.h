/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The server's own state, shared inside this room only. */

#include "apiserver/apiserver.h"
#include "apiserver/cache.h"
#include "base/clock.h"
#include "base/rand.h"
#include "loop/loop.h"

#define SERVER_REGISTRY "/registry/" /* what every key of the store begins with */

/* What a file of a room above keeps for as long as the server lives: made and freed by it, and
 * nobody else looks inside. */
struct access_nodes; /* access/node.h: what nodes may do; follows the caches */
struct access_rbac;  /* access/rbac.h: who may do what; likewise */
struct authenticate; /* access/authenticate.c: who sends a request */
struct await_list;   /* read/await.c: requests for a later revision */
struct boot;         /* serve/boot.c: what must be there */
struct documents;    /* serve/documents.c: discovery and OpenAPI */
struct feed;         /* serve/feed.c: how the caches follow the store */
struct op_list;      /* write/op.c: writes under way */
struct peers;        /* serve/peers.c: the API servers of this store */
struct relay_list;   /* connect/relay.c: calls to agents and Pods */
struct repair;       /* write/repair.c: of Services' claims */
struct services;     /* write/services.c: what allocation needs */

struct apiserver {
	struct apiserver_config config;
	struct loop *loop;
	const struct clock *clock;
	struct store *store;
	struct arena arena; /* what lives as long as the server: resources' strings */
	struct rand rand;
	struct str server_address; /* "host:port" for clients */

	struct resource *resources; /* one for each kind, in api_kinds' order */
	size_t n_resources;
	VEC(struct cache *) caches;       /* one for each storage name */
	uint64_t rev;                     /* every event up to it is in the caches */
	size_t n_watches;                 /* open */
	struct http_transport *own_calls; /* server_calls */
	struct loop_timer *tick;          /* each second: bookmarks, time limits, compaction */
	bool is_loaded, is_ready, is_stopping;
	bool is_stale;  /* the feed has ended: nothing is served until the caches are loaded anew */
	bool was_ready; /* … and what every cluster has was there before */

	struct access_nodes *nodes;
	struct access_rbac *rbac;
	struct authenticate *authenticate;
	struct await_list *awaits;
	struct boot *boot;
	struct documents *documents;
	struct feed *feed;
	struct op_list *ops;
	struct peers *peers;
	struct relay_list *relays;
	struct repair *repair;
	struct services *services;
};

const struct resource *server_resource(const struct apiserver *s, struct str group,
				       struct str version, struct str plural);
const struct resource *server_resource_of(const struct apiserver *s, const char *kind);
/* For the server's calls to itself, made at the first one. */
struct http_transport *server_calls(struct apiserver *s);
void server_tell(struct apiserver *s, bool is_error, const char *fmt, ...) _printf_(3, 4);
/* "/registry/services/ns/name" */
struct str server_store_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name);
/* The key within a cache: "ns/name" or "name". */
struct str server_cache_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name);
/* Index range of what follows "/registry/<storage>/" in a store key; NULL: no kind's. */
struct cache *server_cache_of(const struct apiserver *s, struct str store_key, struct str *ret_key);
