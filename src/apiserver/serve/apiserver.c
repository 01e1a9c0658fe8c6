/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/apiserver.h"

#include "api/event_shape.h"
#include "apiserver/access/authenticate.h"
#include "apiserver/access/authorize.h"
#include "apiserver/connect/relay.h"
#include "apiserver/read/await.h"
#include "apiserver/read/watch.h"
#include "apiserver/serve/boot.h"
#include "apiserver/serve/documents.h"
#include "apiserver/serve/feed.h"
#include "apiserver/serve/peers.h"
#include "apiserver/stats.h"
#include "apiserver/write/namespace.h"
#include "apiserver/write/op.h"
#include "apiserver/write/repair.h"
#include "apiserver/write/services.h"
#include "apiserver/write/strategy.h"

enum {
	TICK_MS = 1000,
};

static void on_tick(void *ctx)
{
	struct apiserver *s = ctx;

	feed_tick(s);
	op_tick(s);
	if (!s->is_loaded)
		return;
	watch_tick(s);
	namespace_sweep_tick(s);
	peers_tick(s->peers);
	boot_repair(s);
	repair_tick(s->repair);
}

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
	s->config = *config;
	s->loop = l;
	s->clock = loop_clock(l);
	s->store = config->store;
	arena_init(&s->arena, 0);
	s->authenticate = authenticate_new(s);
	authorize_init(s);
	s->awaits = await_list_new(s);
	s->boot = boot_new();
	s->documents = documents_new();
	s->feed = feed_new();
	s->ops = op_list_new();
	s->relays = relay_list_new();
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
	s->tick = loop_timer_new(l, on_tick, s);
	loop_timer_start(s->tick, TICK_MS, TICK_MS);
	feed_start(s);
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
	boot_stop(s->boot);
	if (s->own_calls)
		s->own_calls->ops->close(TAKE_PTR(s->own_calls));
	if (s->repair)
		repair_stop(s->repair);
	watch_end_all(s);
	await_advance(s);
	await_list_stop(s->awaits);
	feed_stop(s);
	if (s->tick)
		loop_timer_close(TAKE_PTR(s->tick));
}

void apiserver_free(struct apiserver *s)
{
	if (!s)
		return;
	apiserver_stop(s);
	vec_foreach(c, &s->caches)
		cache_free(*c);
	vec_fini(&s->caches);
	relay_list_free(s->relays);
	services_free(s->services);
	peers_free(s->peers);
	repair_free(s->repair);
	authenticate_free(s->authenticate);
	authorize_fini(s);
	await_list_free(s->awaits);
	boot_free(s->boot);
	documents_free(s->documents);
	feed_free(s->feed);
	op_list_free(s->ops);
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
