/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/server.h"

#include "access/rbac.h"
#include "api/event_shape.h"
#include "apiserver/authenticate.h"
#include "apiserver/authorize.h"
#include "apiserver/await.h"
#include "apiserver/boot.h"
#include "apiserver/documents.h"
#include "apiserver/namespace.h"
#include "apiserver/op.h"
#include "apiserver/peers.h"
#include "apiserver/relay.h"
#include "apiserver/repair.h"
#include "apiserver/services.h"
#include "apiserver/stats.h"
#include "apiserver/strategy.h"
#include "apiserver/watch.h"

static const struct str registry = {"/registry/", 10};

enum {
	TICK_MS = 1000,
};

const struct resource *server_resource(const struct apiserver *s, struct str group,
				       struct str version, struct str plural)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	const struct api_kind *kind = api_kind_by_resource(group, version, plural);

	return kind ? &s->resources[kind - kinds] : NULL;
}

const struct resource *server_resource_of(const struct apiserver *s, const char *kind)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	const struct api_kind *k = api_kind_of(kind);

	assert(k);
	return &s->resources[k - kinds];
}

void server_tell(struct apiserver *s, bool is_error, const char *fmt, ...)
{
	struct err err;
	va_list ap;

	if (!s->config.tell)
		return;
	va_start(ap, fmt);
	IGNORE(err_vset(&err, ERR_INTERNAL, fmt, ap), "only the text is wanted");
	va_end(ap);
	s->config.tell(s->config.ctx, is_error, err.msg);
}

struct str server_store_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name)
{
	return str_printf(a, "/registry/%s/%.*s%s%.*s", res->kind->storage, STR_ARG(ns),
			  ns.len ? "/" : "", STR_ARG(name));
}

struct str server_cache_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name)
{
	if (!res->kind->is_namespaced)
		return name;
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

struct cache *server_cache_of(const struct apiserver *s, struct str store_key, struct str *ret_key)
{
	struct str rest = str_skip(store_key, registry.len);

	vec_foreach(c, &s->caches) {
		struct str storage = str_of((*c)->res->kind->storage);

		if (rest.len > storage.len && str_has_prefix(rest, storage) &&
		    rest.ptr[storage.len] == '/') {
			*ret_key = str_skip(rest, storage.len + 1);
			return *c;
		}
	}
	return NULL;
}

/* Feed */

static void load(struct apiserver *s);
static void load_at(struct apiserver *s, uint64_t rev);

static void loaded(struct apiserver *s)
{
	s->is_loaded = true;
	s->is_ready = s->was_ready;
	if (!s->is_ready && !s->boot)
		boot_start(s);
	await_advance(s);
}

static void on_feed(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		    const struct err *err)
{
	struct apiserver *s = ctx;
	struct err why;

	if (r < 0) {
		server_tell(s, true, "the store's watch has ended, reading everything anew: %s",
			    err->msg);
		store_watch_close(s->store, TAKE_PTR(s->feed));
		s->was_ready |= s->is_ready;
		s->is_ready = s->is_loaded = false;
		s->is_stale = true;
		watch_end_all(s); /* their clients find out by 410 what they have missed */
		load(s);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct str key;
		struct cache *c = server_cache_of(s, events[i].key, &key);

		if (c && cache_apply(c, key, &events[i], &why) < 0)
			server_tell(s, true, "ignoring a change in the store: %s", why.msg);
		if (c)
			authorize_changed(s, c, key);
		services_on_event(s->services, &events[i]);
	}
	repair_on_events(s->repair, events, n);
	s->rev = rev;
	if (!n && !s->is_loaded)
		loaded(s);
	if (!list_is_empty(&s->awaiting))
		await_advance(s);
}

/* What the caches had is from before the feed ended; writes under way keep what they hold. */
static void forget(struct apiserver *s)
{
	vec_foreach(c, &s->caches)
		cache_clear(*c);
	services_forget(s->services);
	access_rbac_free(s->rbac);
	s->rbac = access_rbac_new();
	s->is_stale = false;
}

static void on_load(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct apiserver *s = ctx;
	struct err why;

	if (s->is_stopping)
		return;
	if (r < 0 && s->load_rev) {
		load_at(s, 0); /* compacted meanwhile */
		return;
	}
	if (r < 0) {
		server_tell(s, true, "cannot read the store, trying again: %s", err->msg);
		s->must_load = true;
		return;
	}
	if (s->is_stale)
		forget(s);
	for (size_t i = 0; i < range->n; i++) {
		struct str key;
		struct cache *c = server_cache_of(s, range->kvs[i].key, &key);

		if (c && cache_load(c, key, &range->kvs[i], &why) < 0)
			server_tell(s, true, "leaving out an object: %s", why.msg);
		services_on_load(s->services, &range->kvs[i]);
	}
	vec_foreach(c, &s->caches)
		cache_load_done(*c, range->rev);
	authorize_load(s);
	s->rev = s->compact_rev = range->rev;
	s->compact_at_ms = clock_mono_ms(s->clock) + APISERVER_HISTORY_MS;
	s->feed = store_watch(s->store, registry, range->rev, on_feed, s);
	/* Or the feed says when it has caught up. */
	if (range->rev >= store_current_rev(s->store))
		loaded(s);
}

static void load_at(struct apiserver *s, uint64_t rev)
{
	s->load_rev = rev;
	store_range(s->store, registry, (struct str){0}, 0, rev, on_load, s);
}

/* From the past, so that watches of clients who were here before a restart find their events in the
 * rings. Not from a store that does not know how far it is (etcd, whose other clients are many),
 * nor when the feed was lost: then what counts is to be back soon. */
static void load(struct apiserver *s)
{
	uint64_t now = store_current_rev(s->store), oldest = store_compacted_rev(s->store);
	uint64_t from = now > APISERVER_REPLAY_REVS ? now - APISERVER_REPLAY_REVS : 0;

	s->must_load = false;
	from = MAX(from, oldest);
	load_at(s, from < now && !s->is_stale ? from : 0);
}

static void on_compacted(void *ctx, int r, const struct store_txn_result *res,
			 const struct err *err)
{
	if (r < 0)
		server_tell(ctx, false, "history was not compacted, trying again later: %s",
			    err->msg);
}

/* What was newest a period ago is the oldest that stays readable. Servers that share a store all do
 * so, each at its own time: none forgets what is younger, and it does no harm to ask for what is
 * forgotten already, so nobody needs to be chosen for it. */
static void compact(struct apiserver *s)
{
	int64_t now = clock_mono_ms(s->clock);

	if (now < s->compact_at_ms)
		return;
	s->compact_at_ms = now + APISERVER_HISTORY_MS;
	if (s->compact_rev > store_compacted_rev(s->store))
		store_compact(s->store, s->compact_rev, on_compacted, s);
	s->compact_rev = s->rev;
}

static void on_await(void *ctx)
{
	await_advance(ctx);
}

static void on_tick(void *ctx)
{
	struct apiserver *s = ctx;

	if (s->must_load)
		load(s);
	op_tick(s);
	if (!s->is_loaded)
		return;
	watch_tick(s);
	namespace_sweep_tick(s);
	peers_tick(s->peers);
	boot_repair(s);
	repair_tick(s->repair);
	compact(s);
}

/* Life */

static void resource_init(struct apiserver *s, struct resource *res, const struct api_kind *kind)
{
	struct arena *a = &s->arena;

	res->kind = kind;
	res->api_version = api_kind_api_version(a, kind);
	res->resource_name = api_kind_resource_name(a, kind);
	res->qualified_kind = kind->group[0] ? str_printf(a, "%s.%s", kind->kind, kind->group)
					     : str_of(kind->kind);
	res->head = str_printf(a, "{\"kind\":\"%s\",\"apiVersion\":\"%.*s\",\"metadata\":{",
			       kind->kind, STR_ARG(res->api_version));
	res->strategy = strategy_of(kind);
	vec_foreach(c, &s->caches)
		if (str_eq_c(str_of(kind->storage), (*c)->res->kind->storage))
			res->cache = *c;
	if (res->cache) {
		/* The only kind that two groups have; others share a storage that holds nothing. */
		if (strcmp(kind->kind, "Event") == 0) {
			res->to_stored = api_event_to_core;
			res->from_stored = api_event_from_core;
		}
		return;
	}
	res->cache = cache_new(res);
	res->cache->on_event = watch_publish;
	res->cache->ctx = s;
	*vec_push(&s->caches) = res->cache;
}

static int check_config(const struct apiserver_config *c, struct err *err)
{
	if (!c->n_service_cidrs || c->n_service_cidrs > ARRAY_LEN(c->service_cidrs))
		return err_set(err, ERR_USAGE, "one or two service CIDRs are needed, not %zu",
			       c->n_service_cidrs);
	if (c->n_service_cidrs == 2 &&
	    ip_family(&c->service_cidrs[0].addr) == ip_family(&c->service_cidrs[1].addr))
		return err_set(err, ERR_USAGE,
			       "two service CIDRs must be of different IP families");
	if (!c->node_port_first || c->node_port_first > c->node_port_last)
		return err_set(err, ERR_USAGE, "the range of node ports %u-%u is empty",
			       c->node_port_first, c->node_port_last);
	return 0;
}

int apiserver_new(struct loop *l, const struct apiserver_config *config, struct apiserver **ret,
		  struct err *err)
{
	struct apiserver *s;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	char addr[IP_TEXT_MAX];
	int r = check_config(config, err);

	if (r < 0)
		return r;
	stats_register();
	s = mem_xnew(struct apiserver);
	list_init(&s->awaiting);
	list_init(&s->ops);
	s->config = *config;
	s->loop = l;
	s->clock = loop_clock(l);
	s->store = config->store;
	s->authenticate = authenticate_new(s);
	s->rbac = access_rbac_new();
	arena_init(&s->arena, 0);
	list_init(&s->relays);
	rand_seed_system(&s->rand);
	r = services_new(s, &s->services, err);
	if (r < 0) {
		apiserver_free(s);
		return r;
	}
	s->resources = mem_xarray(n, sizeof(struct resource));
	s->n_resources = n;
	for (size_t i = 0; i < n; i++)
		resource_init(s, &s->resources[i], &kinds[i]);
	ip_format(&config->advertise, addr);
	s->server_address =
		str_printf(&s->arena, ip_family(&config->advertise) == IP_V6 ? "[%s]:%u" : "%s:%u",
			   addr, config->secure_port);
	if (!s->config.repair_ms)
		s->config.repair_ms = APISERVER_REPAIR_MS;
	if (!s->config.peer_dead_ms)
		s->config.peer_dead_ms = PEERS_DEAD_MS;
	s->peers = peers_new(s);
	s->repair = repair_new(s);
	s->await_timer = loop_timer_new(l, on_await, s);
	s->tick = loop_timer_new(l, on_tick, s);
	loop_timer_start(s->tick, TICK_MS, TICK_MS);
	load(s);
	*ret = s;
	return 0;
}

void apiserver_stop(struct apiserver *s)
{
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	if (s->is_ready)
		peers_leave(s->peers);
	s->is_ready = false;
	boot_free(TAKE_PTR(s->boot));
	if (s->own_calls)
		s->own_calls->ops->close(TAKE_PTR(s->own_calls));
	if (s->repair)
		repair_stop(s->repair);
	watch_end_all(s);
	await_advance(s);
	if (s->feed)
		store_watch_close(s->store, TAKE_PTR(s->feed));
	if (s->tick)
		loop_timer_close(TAKE_PTR(s->tick));
	if (s->await_timer)
		loop_timer_close(TAKE_PTR(s->await_timer));
}

void apiserver_free(struct apiserver *s)
{
	if (!s)
		return;
	apiserver_stop(s);
	vec_foreach(c, &s->caches)
		cache_free(*c);
	vec_fini(&s->caches);
	relay_cut_all(s);
	services_free(s->services);
	peers_free(s->peers);
	repair_free(s->repair);
	authenticate_free(s->authenticate);
	access_rbac_free(s->rbac);
	assert(map_len(&s->writes) == 0);
	documents_fini(s);
	free(s->resources);
	arena_fini(&s->arena);
	free(s);
}

void apiserver_set_token_keys(struct apiserver *s, struct access_jwt_keys *keys)
{
	authenticate_set_keys(s->authenticate, keys);
}

void apiserver_set_static_tokens(struct apiserver *s, struct access_tokens *tokens)
{
	authenticate_set_tokens(s->authenticate, tokens);
}

bool apiserver_is_ready(const struct apiserver *s)
{
	return s->is_ready;
}
