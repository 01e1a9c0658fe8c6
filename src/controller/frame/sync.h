/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The frame of controllers that keep something for a key: a queue of "ns/name", and for each key
 * what was written last. `plan` adds the writes that are needed; false: the key failed and is
 * retried once the writes are done (a Pod's Node that is not known yet).
 */
#include "client/queue.h"
#include "controller/frame/writes.h"

struct controller_sync_state {
	void *own; /* the driver's; freed by its free_own */
	uint64_t rev;
	unsigned waits; /* times that the cache was found behind */
};

struct controller_sync_ops {
	const char *name;
	/* False: nothing to keep for this key (any longer). */
	bool (*wants)(struct controllers *c, struct str ns, struct str name);
	bool (*plan)(struct controllers *c, struct controller_sync_state *state, struct arena *a,
		     struct str ns, struct str name, struct controller_writes *w);
	void (*failed)(struct controllers *c, struct str ns, struct str name,
		       const struct controller_written *w);
	/* A run is over, well or not; may be NULL. */
	void (*ended)(void *own, const struct controller_written *w);
	void (*free_own)(void *own); /* NULL when nothing is kept */
	const struct api_kind *(*kind)(void);
	struct client_reflector *(*cache)(struct controllers *c); /* of what is written */
};

struct controller_sync *controller_sync_new(struct controllers *c,
					    const struct controller_sync_ops *ops);
void controller_sync_free(struct controller_sync *s);
void controller_sync_add(struct controller_sync *s, struct str ns, struct str name);
void controller_sync_add_after(struct controller_sync *s, struct str ns, struct str name,
			       int64_t after_ms);
/* The same for an object that others may have changed: not when `meta` is as we wrote it. */
void controller_sync_check(struct controller_sync *s, const struct api_meta *meta, struct str name);
