/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "controller"
#include "controller/frame/sync.h"

#include "base/log.h"
#include "base/map.h"

#include <string.h>

enum {
	SYNC_BASE_MS = 1000, /* service-api.md section 12.2 */
	SYNC_MAX_MS = 1000 * 1000,
	SYNC_RETRIES = 15,
	SYNC_WORKERS = 32,      /* keys whose writes are under way at a time */
	SYNC_BEHIND_MS = 10,    /* until the next look at a cache that was behind */
	SYNC_CONFLICT_MS = 50,  /* until the cache is likely to know what we lost to */
	SYNC_CHECK_MS = 1000,   /* after a foreign change of what we write */
	SYNC_BEHIND_MAX = 1000, /* looks after which it is believed (the server was set back) */
};

struct controller_sync {
	struct controllers *c;
	const struct controller_sync_ops *ops;
	struct client_queue *queue;
	struct map states; /* key -> struct controller_sync_state */
};

/* A key whose writes are under way. */
struct sync_run {
	struct controller_sync *sync;
	bool ok;
	char key[];
};

static void state_free(const struct controller_sync_ops *ops, struct controller_sync_state *state)
{
	if (!state)
		return;
	if (state->own)
		ops->free_own(state->own);
	free(state);
}

static void sync_written(void *ctx, const struct controller_written *w)
{
	struct sync_run *run = ctx;
	struct controller_sync *s = run->sync;
	struct str key = str_of(run->key), ns, name;
	struct controller_sync_state *state = map_get(&s->states, key);

	controller_key_split(key, &ns, &name);
	if (state)
		state->rev = MAX(state->rev, w->rev);
	if (state && state->own && s->ops->ended)
		s->ops->ended(state->own, w);
	if (w->r < 0 && w->r != ERR_CONFLICT && w->r != ERR_NOT_FOUND) {
		log_warning("%s: writing failed object=%s error=\"%s\"", s->ops->name, run->key,
			    w->err ? w->err->msg : "");
		s->ops->failed(s->c, ns, name, w);
	}
	if (w->r == ERR_CONFLICT || w->r == ERR_NOT_FOUND) {
		client_queue_done(s->queue, key, true);
		client_queue_add_after(s->queue, key, SYNC_CONFLICT_MS);
	} else if (!client_queue_done(s->queue, key, w->r == 0 && run->ok)) {
		log_error("%s: giving up until it changes object=%s", s->ops->name, run->key);
	}
}

/* The cache has not seen what was written for this key. */
static bool sync_is_behind(struct controller_sync *s, struct controller_sync_state *state)
{
	if (client_reflector_rev(s->ops->cache(s->c)) >= state->rev) {
		state->waits = 0;
		return false;
	}
	if (++state->waits < SYNC_BEHIND_MAX)
		return true;
	state->rev = 0;
	return false;
}

static struct controller_sync_state *sync_state(struct controller_sync *s, struct str key)
{
	struct controller_sync_state *state = map_get(&s->states, key);

	if (!state) {
		state = mem_xnew(struct controller_sync_state);
		map_put(&s->states, key, state);
	}
	return state;
}

static void sync_work(void *ctx, struct str key)
{
	struct controller_sync *s = ctx;
	struct controller_sync_state *state;
	struct controller_writes *w;
	struct sync_run *run;
	struct str ns, name;
	struct arena a;

	controller_key_split(key, &ns, &name);
	if (!s->ops->wants(s->c, ns, name)) {
		state_free(s->ops, map_remove(&s->states, key));
		client_queue_done(s->queue, key, true);
		return;
	}
	state = sync_state(s, key);
	if (sync_is_behind(s, state)) {
		client_queue_done(s->queue, key, true);
		client_queue_add_after(s->queue, key, SYNC_BEHIND_MS);
		return;
	}
	w = controller_writes_new(s->c, s->ops->kind(), ns);
	run = controller_writes_alloc(w, sizeof(*run) + key.len + 1);
	run->sync = s;
	memcpy(run->key, key.ptr, key.len);
	arena_init(&a, 16 * 1024);
	run->ok = s->ops->plan(s->c, state, &a, ns, name, w);
	arena_fini(&a);
	controller_writes_run(w, sync_written, run);
}

struct controller_sync *controller_sync_new(struct controllers *c,
					    const struct controller_sync_ops *ops)
{
	const struct client_queue_config config = {
		.name = ops->name,
		.base_ms = SYNC_BASE_MS,
		.max_ms = SYNC_MAX_MS,
		.max_retries = SYNC_RETRIES,
		.workers = SYNC_WORKERS,
	};
	struct controller_sync *s = mem_xnew(struct controller_sync);

	s->c = c;
	s->ops = ops;
	s->queue = client_queue_new(c->loop, &config, sync_work, s);
	return s;
}

void controller_sync_free(struct controller_sync *s)
{
	if (!s)
		return;
	client_queue_free(s->queue);
	map_foreach(e, &s->states)
		state_free(s->ops, e->value);
	map_fini(&s->states);
	free(s);
}

void controller_sync_add_after(struct controller_sync *s, struct str ns, struct str name,
			       int64_t after_ms)
{
	struct arena a;

	arena_init(&a, 512);
	client_queue_add_after(s->queue, controller_key(&a, ns, name), after_ms);
	arena_fini(&a);
}

void controller_sync_add(struct controller_sync *s, struct str ns, struct str name)
{
	controller_sync_add_after(s, ns, name, 0);
}

void controller_sync_check(struct controller_sync *s, const struct api_meta *meta, struct str name)
{
	const struct controller_sync_state *state;
	struct arena a;
	uint64_t rev;

	arena_init(&a, 512);
	state = map_get(&s->states, controller_key(&a, meta->ns, name));
	arena_fini(&a);
	if (state && str_to_u64(meta->resource_version, 0, UINT64_MAX, &rev, NULL) == 0 &&
	    rev <= state->rev)
		return;
	controller_sync_add_after(s, meta->ns, name, SYNC_CHECK_MS);
}
