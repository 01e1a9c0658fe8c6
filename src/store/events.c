/* SPDX-License-Identifier: Apache-2.0 */
#include "store/events.h"

void store_events_init(struct store_events *e)
{
	*e = (struct store_events){0};
	arena_init(&e->keys, 0);
}

void store_events_fini(struct store_events *e)
{
	vec_foreach(ev, &e->v)
		bytes_unref(ev->value);
	vec_fini(&e->v);
	arena_fini(&e->keys);
}

void store_events_add(struct store_events *e, const struct store_event *ev)
{
	struct store_event *to = vec_push(&e->v);

	*to = *ev;
	to->key = str_dup(&e->keys, ev->key);
	if (to->value)
		bytes_ref(to->value);
	e->n_bytes += ev->key.len + (ev->value ? ev->value->len : 0);
}

void store_kvs_init(struct store_kvs *k)
{
	*k = (struct store_kvs){0};
	arena_init(&k->keys, 0);
}

void store_kvs_fini(struct store_kvs *k)
{
	vec_foreach(kv, &k->v)
		bytes_unref(kv->value);
	vec_fini(&k->v);
	arena_fini(&k->keys);
}

void store_kvs_add(struct store_kvs *k, const struct store_kv *kv)
{
	struct store_kv *to = vec_push(&k->v);

	*to = *kv;
	to->key = str_dup(&k->keys, kv->key);
	bytes_ref(to->value);
}
