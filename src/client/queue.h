/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The work queue of a controller: keys, each at most once in the queue and never worked on twice at
 * a time; added while under way it is done again afterwards. A failed key comes back after a pause
 * that doubles from base_ms to max_ms; max_retries (0: no limit) failures in a row drop it.
 */

#include "base/str.h"

struct loop;
struct client_queue;

struct client_queue_config {
	const char *name; /* static; in fairlead_queue_depth, the keys that wait; NULL: not told */
	int64_t base_ms, max_ms; /* 0: 5 ms, 1,000 s */
	unsigned max_retries;
	unsigned workers; /* keys under way at a time; 0: 1 */
};

/* Begins work on `key` (valid during the call); client_queue_done must follow, at once or later. */
typedef void (*client_work_fn)(void *ctx, struct str key);

struct client_queue *client_queue_new(struct loop *l, const struct client_queue_config *config,
				      client_work_fn fn, void *ctx);
void client_queue_free(struct client_queue *q);
void client_queue_add(struct client_queue *q, struct str key);
void client_queue_add_after(struct client_queue *q, struct str key, int64_t after_ms);
/* ok false: retried with back-off; returns false when the key was dropped for good. */
bool client_queue_done(struct client_queue *q, struct str key, bool ok);
