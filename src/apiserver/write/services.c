/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/services.h"

#include "api/defaults/service.h"
#include "apiserver/service/cidrs.h"
#include "apiserver/write/prepare.h"
#include "apiserver/write/repair.h"
#include "apiserver/write/strategy.h"

struct services {
	struct apiserver *s;
	struct ip_alloc ips[2];
	struct port_alloc ports;
	struct service_pools pools;
	struct service_cidrs cidrs;
};

/* The flag's ranges tell the families; what is drawn from are the ServiceCIDR objects. */
int services_new(struct apiserver *s, struct services **ret, struct err *err)
{
	const struct apiserver_config *c = &s->config;
	struct services *v = mem_xnew(struct services);
	int r = 0;

	v->s = s;
	port_alloc_init(&v->ports, c->node_port_first, c->node_port_last);
	v->pools.ports = &v->ports;
	for (size_t i = 0; i < c->n_service_cidrs; i++) {
		ip_alloc_init(&v->ips[i], ip_family(&c->service_cidrs[i].addr));
		v->pools.ips[v->pools.n_ips++] = &v->ips[i];
		if (r == 0)
			r = ip_alloc_add_range(&v->ips[i], &c->service_cidrs[i], err);
	}
	if (r < 0) {
		services_free(v);
		return err_wrap(err, ERR_USAGE, "service CIDR");
	}
	service_cidrs_fill(&v->cidrs, &v->pools);
	*ret = v;
	return 0;
}

void services_free(struct services *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->pools.n_ips; i++)
		ip_alloc_fini(v->pools.ips[i]);
	port_alloc_fini(&v->ports);
	service_cidrs_fini(&v->cidrs);
	free(v);
}

enum ip_family services_family(const struct services *v)
{
	return v->ips[0].family;
}

void services_forget(struct services *v)
{
	for (size_t i = 0; i < v->pools.n_ips; i++)
		ip_alloc_clear_claims(v->pools.ips[i]);
	port_alloc_clear_claims(&v->ports);
	service_cidrs_fini(&v->cidrs);
	service_cidrs_fill(&v->cidrs, &v->pools);
}

void services_on_change(struct services *v, struct str key, struct str value, uint64_t rev)
{
	if (service_cidrs_event(&v->cidrs, key, value))
		service_cidrs_fill(&v->cidrs, &v->pools);
	else
		service_pools_event(&v->pools, key, value, rev);
}

static void init(struct op *op, struct json *obj)
{
	json_object_at(&op->arena, json_get(obj, "status"), "loadBalancer");
}

static void decoded(struct op *op, struct json *obj)
{
	api_default_service_on_read(&op->arena, obj, services_family(op->s->services));
}

/* What is answered is what a GET will tell. */
static void settle(struct op *op, const struct json *old, struct json *obj)
{
	decoded(op, obj);
}

static void write_claims(struct op *op, const struct json *service)
{
	const struct service_plan *plan = op->held;
	struct services *v = op->s->services;
	struct arena *a = &op->arena;

	for (size_t i = 0; i < plan->n_add; i++) {
		struct str key = service_claim_key(a, &plan->add[i]);

		op_compare(op, key, 0);
		op_put(op, key, services_claim_bytes(v, a, &plan->add[i], service));
	}
	for (size_t i = 0; i < plan->n_release; i++)
		op_put(op, service_claim_key(a, &plan->release[i]), NULL);
}

static void take_claims(struct apiserver *s, const void *plan)
{
	service_plan_hold(&s->services->pools, plan);
}

static void drop_claims(struct apiserver *s, const void *plan)
{
	service_plan_drop(&s->services->pools, plan);
}

/* A plan that claims nothing and gives nothing back is none. */
static void hold(struct op *op, const struct service_plan *plan)
{
	static const struct op_hold claims = {write_claims, take_claims, drop_claims};

	if (!plan->n_add && !plan->n_release)
		return;
	op->hold = &claims;
	op->held = plan;
}

static int plan(struct op *op, const struct json *old, struct json *obj)
{
	struct services *v = op->s->services;
	struct service_plan *made = arena_new(&op->arena, struct service_plan);
	struct service_plan_input in = {
		.a = &op->arena,
		.old = old,
		.object = obj,
		.pools = &v->pools,
		.rand = &op->s->rand,
		.is_dry_run = op->req->is_dry_run,
	};
	struct str internal = STR("Internal error occurred: "); /* it is told as a cause too */
	struct api_causes causes;
	struct err err;
	struct status *st = &op->req->st;
	int r;

	if (repair_is_urgent(op->s->repair))
		return status_set(st, ERR_UNAVAILABLE,
				  "allocator not ready: the Services of this store are being "
				  "looked at, try again in a moment");
	api_causes_init(&causes, &op->arena);
	r = service_plan_make(&in, made, &causes, &err);
	if (r == ERR_INVALID)
		return status_from_causes(st, op->req->res,
					  json_get_string(json_get(obj, "metadata"), "name"),
					  &causes);
	if (r < 0) {
		IGNORE(status_from_err(st, r, &err), "returned below");
		if (made->is_plain)
			st->reason = "";
		else if (str_has_prefix(st->message, internal))
			status_add_cause(st, "", (struct str){0},
					 str_skip(st->message, internal.len));
		return r;
	}
	hold(op, made);
	return 0;
}

/* Endpoints that go: they are removed or, while finalizers hold them, marked once. */
static void end_endpoints(struct op *op, const struct resource *endpoints, struct object *o,
			  struct str store_key)
{
	const struct clock *clock = op->s->clock;
	const struct json *finalizers;
	struct json *obj, *meta;

	op_compare(op, store_key, o->rev); /* or a write that came in between would be lost */
	if (object_decode_copy(&op->arena, o, o->rev, &obj, NULL) < 0) {
		op_put(op, store_key, NULL);
		return;
	}
	meta = json_get(obj, "metadata");
	finalizers = json_get(meta, "finalizers");
	if (!json_is(finalizers, JSON_ARRAY) || !finalizers->count) {
		op_put(op, store_key, NULL);
		return;
	}
	if (!json_is_null(json_get(meta, "deletionTimestamp")))
		return;
	json_set(meta, "deletionTimestamp",
		 json_new_string(&op->arena, prepare_timestamp(op, clock->wall_ns(clock))));
	json_set(meta, "deletionGracePeriodSeconds", json_new_int(&op->arena, 0));
	op_put(op, store_key, object_encode(&op->arena, endpoints, obj));
}

/* The Endpoints that bear its name go too. */
static void plan_delete(struct op *op, const struct json *old)
{
	const struct resource *endpoints = server_resource_of(op->s, "Endpoints");
	const struct json *meta = json_get(old, "metadata");
	struct str ns = json_get_string(meta, "namespace"), name = json_get_string(meta, "name");
	struct object *o;
	struct service_plan *made = arena_new(&op->arena, struct service_plan);

	service_plan_delete(&op->arena, old, &op->s->services->pools, made);
	hold(op, made);
	if (op->hold)
		op->hold->write(op, old);
	o = cache_get(endpoints->cache, server_cache_key(&op->arena, endpoints, ns, name));
	if (o)
		end_endpoints(op, endpoints, o, server_store_key(&op->arena, endpoints, ns, name));
}

const struct strategy services_strategy = {
	.kind = "Service",
	.init = init,
	.plan = plan,
	.settle = settle,
	.decoded = decoded,
	.plan_delete = plan_delete,
	.answers_object = true,
};

const struct service_pools *services_pools(const struct services *v)
{
	return &v->pools;
}

const struct service_cidrs *services_cidrs(const struct services *v)
{
	return &v->cidrs;
}

struct bytes *services_claim_bytes(struct services *v, struct arena *a,
				   const struct service_claim *c, const struct json *service)
{
	struct json *value = service_claim_value(a, c, service, v->s->clock->wall_ns(v->s->clock));
	struct buf b = BUF_INIT;
	struct bytes *ret;

	if (!c->is_port)
		return object_encode(a, server_resource_of(v->s, "IPAddress"), value);
	json_write(&b, value);
	ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	return ret;
}
