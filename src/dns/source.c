/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/source.h"

#include "base/vec.h"
#include "client/reflector.h"
#include "loop/loop.h"

#include <stdlib.h>

#define BY_SERVICE "service"

struct dns_source {
	struct loop *loop;
	struct dns_zone *zone;
	struct client_reflector *services, *slices, *namespaces;
	void (*on_synced)(void *ctx);
	void *ctx;
};

static uint32_t source_now_s(struct dns_source *s)
{
	const struct clock *c = loop_clock(s->loop);

	return (uint32_t)(c->wall_ns(c) / 1000000000);
}

struct slice_list {
	VEC(const struct api_endpoint_slice *) slices;
};

static void source_collect(void *ctx, struct client_object *o)
{
	struct slice_list *list = ctx;

	*vec_push(&list->slices) = o->view;
}

/* Makes one Service's records anew from the caches. */
static void source_refresh(struct dns_source *s, struct str ns, struct str name)
{
	struct client_object *svc = client_reflector_get(s->services, ns, name);
	struct slice_list list = {0};
	struct dns_records *records = NULL;
	struct arena scratch;

	if (svc) {
		arena_init(&scratch, 256);
		client_reflector_each_in(
			s->slices, BY_SERVICE,
			str_printf(&scratch, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name)),
			source_collect, &list);
		records = dns_records_new(svc->view, list.slices.ptr, list.slices.len);
		vec_fini(&list.slices);
		arena_fini(&scratch);
	}
	IGNORE(dns_zone_put(s->zone, ns, name, records, source_now_s(s)), "nobody waits for it");
}

static void source_prune_service(void *view)
{
	struct api_service *s = view;

	client_reflector_prune_meta(&s->meta);
	s->selector = (struct api_pairs){0};
	s->cluster_ips = s->external_ips = s->lb_source_ranges = (struct api_strs){0};
	s->lb_class = s->lb_ip = s->traffic_distribution = (struct str){0};
	s->n_ingress = 0;
}

static void source_prune_slice(void *view)
{
	struct api_endpoint_slice *s = view;

	client_reflector_prune_meta(&s->meta);
	for (size_t i = 0; i < s->n_endpoints; i++) {
		struct api_endpoint *e = (struct api_endpoint *)(uintptr_t)&s->endpoints[i];

		e->node_name = e->zone = (struct str){0};
		e->zone_hints = e->node_hints = (struct api_strs){0};
		e->target = NULL;
	}
}

static void source_service(void *ctx, struct client_object *before, struct client_object *after)
{
	const struct api_meta *m = (after ? after : before)->meta;

	source_refresh(ctx, m->ns, m->name);
}

static void source_slice(void *ctx, struct client_object *before, struct client_object *after)
{
	const struct api_endpoint_slice *old = before ? before->view : NULL;
	const struct api_endpoint_slice *new = after ? after->view : NULL;

	if (old && old->service.len)
		source_refresh(ctx, old->meta.ns, old->service);
	if (new &&new->service.len && (!old || !str_eq(old->service, new->service)))
		source_refresh(ctx, new->meta.ns, new->service);
}

static void source_namespace(void *ctx, struct client_object *before, struct client_object *after)
{
	struct dns_source *s = ctx;

	dns_zone_put_namespace(s->zone, (after ? after : before)->meta->name, after != NULL,
			       source_now_s(s));
}

static void source_synced(void *ctx)
{
	struct dns_source *s = ctx;

	if (s->zone->is_synced || !client_reflector_is_synced(s->services) ||
	    !client_reflector_is_synced(s->slices) || !client_reflector_is_synced(s->namespaces))
		return;
	s->zone->is_synced = true;
	if (s->on_synced)
		s->on_synced(s->ctx);
}

static void source_slice_keys(const struct client_object *o, client_emit_fn emit, void *emit_ctx)
{
	const struct api_endpoint_slice *slice = o->view;
	struct arena scratch;

	if (!slice->service.len)
		return;
	arena_init(&scratch, 256);
	emit(emit_ctx,
	     str_printf(&scratch, "%.*s/%.*s", STR_ARG(slice->meta.ns), STR_ARG(slice->service)));
	arena_fini(&scratch);
}

static struct client_reflector *source_reflect(struct dns_source *s, struct client *c,
					       const char *kind,
					       void (*fn)(void *, struct client_object *,
							  struct client_object *))
{
	struct client_selection all = {0};
	struct client_handler h = {.on_change = fn, .on_synced = source_synced, .ctx = s};
	struct client_reflector *r = client_reflector_new(s->loop, c, api_kind_of(kind), &all);

	client_reflector_add(r, &h);
	return r;
}

struct dns_source *dns_source_new(struct loop *l, struct client *c, struct dns_zone *z,
				  void (*on_synced)(void *ctx), void *ctx)
{
	struct dns_source *s = mem_xnew(struct dns_source);

	*s = (struct dns_source){.loop = l, .zone = z, .on_synced = on_synced, .ctx = ctx};
	s->namespaces = source_reflect(s, c, "Namespace", source_namespace);
	s->slices = source_reflect(s, c, "EndpointSlice", source_slice);
	client_reflector_index(s->slices, BY_SERVICE, source_slice_keys);
	client_reflector_prune(s->slices, source_prune_slice);
	s->services = source_reflect(s, c, "Service", source_service);
	client_reflector_prune(s->services, source_prune_service);
	return s;
}

void dns_source_free(struct dns_source *s)
{
	if (!s)
		return;
	client_reflector_free(s->services);
	client_reflector_free(s->slices);
	client_reflector_free(s->namespaces);
	free(s);
}

uint64_t dns_source_rev(const struct dns_source *s)
{
	return client_reflector_rev(s->slices);
}
