/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A list of events that owns its keys and holds references to its values, and the same for the
 * result of a range: what a back end gathers before the callback, maybe on another thread. */

#include "base/vec.h"
#include "store/store.h"

struct store_events {
	VEC(struct store_event) v;
	struct arena keys;
	size_t n_bytes; /* of keys and values */
};

void store_events_init(struct store_events *e);
void store_events_fini(struct store_events *e);
/* Copies the key, takes further references of the values. */
void store_events_add(struct store_events *e, const struct store_event *ev);

struct store_kvs {
	VEC(struct store_kv) v;
	struct arena keys;
};

void store_kvs_init(struct store_kvs *k);
void store_kvs_fini(struct store_kvs *k);
void store_kvs_add(struct store_kvs *k, const struct store_kv *kv);
