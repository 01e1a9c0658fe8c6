/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The server's own state, shared inside this room only. */

#include "apiserver/apiserver.h"
#include "apiserver/cache.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "loop/loop.h"

#define SERVER_REGISTRY "/registry/" /* what every key of the store begins with */

struct peers;
struct repair;
struct access_nodes;
struct access_rbac;
struct authenticate;
struct services;

struct apiserver {
	struct apiserver_config config;
	struct loop *loop;
	const struct clock *clock;
	struct store *store;
	struct arena arena; /* what lives as long as the server: resources' strings */
	struct rand rand;

	struct resource *resources; /* one for each kind, in api_kinds' order */
	size_t n_resources;
	VEC(struct cache *) caches; /* one for each storage name */
	struct store_watch *feed;
	uint64_t rev;                      /* every event up to it is in the caches */
	size_t n_watches, n_writes;        /* open; under way */
	struct loop_timer *tick;           /* each second: bookmarks, time limits, compaction */
	struct services *services;         /* what allocation needs, services.c */
	struct authenticate *authenticate; /* who sends a request */
	struct access_rbac *rbac;          /* who may do what; follows the caches */
	struct access_nodes *nodes;        /* what nodes may do; likewise */
	struct http_transport *own_calls;  /* made at first use, namespace.c */
	struct boot *boot;                 /* until what must be there is there, boot.c */
	uint64_t boot_peers;               /* version of the servers that boot.c has written */
	int64_t boot_at_ms;                /* when it looks again */
	struct peers *peers;               /* the API servers of this store */
	struct repair *repair;             /* of Services' claims */
	struct list_node ops;              /* op.c: writes that run */
	struct map writes;                 /* op.c: by store key, who writes it and who waits */
	struct list_node relays;           /* relay.c: calls to agents and Pods */
	struct map documents;      /* documents.c: discovery and OpenAPI by path, rendered once */
	struct str server_address; /* "host:port" for clients */
	uint64_t compact_rev;      /* newest revision at the last compaction */
	int64_t compact_at_ms;     /* of the next one */
	bool is_loaded, is_ready, is_stopping;
	bool must_load;    /* the first load has failed: the next tick tries again */
	uint64_t load_rev; /* what is loaded first, to hear the rest as events; 0: the newest */
	bool is_stale;  /* the feed has ended: nothing is served until the caches are loaded anew */
	bool was_ready; /* … and what every cluster has was there before */
	struct list_node awaiting; /* await.c: requests for a later revision */
	struct loop_timer *await_timer;
};

const struct resource *server_resource(const struct apiserver *s, struct str group,
				       struct str version, struct str plural);
const struct resource *server_resource_of(const struct apiserver *s, const char *kind);
void server_tell(struct apiserver *s, bool is_error, const char *fmt, ...) _printf_(3, 4);
/* "/registry/services/ns/name" */
struct str server_store_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name);
/* The key within a cache: "ns/name" or "name". */
struct str server_cache_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name);
/* Index range of what follows "/registry/<storage>/" in a store key; NULL: no kind's. */
struct cache *server_cache_of(const struct apiserver *s, struct str store_key, struct str *ret_key);
