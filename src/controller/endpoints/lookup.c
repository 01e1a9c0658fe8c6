/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/lookup.h"

#include "base/vec.h"
#include "controller/endpoints/select.h"
#include "controller/endpoints/slices.h"

enum {
	LABEL_KEY_MAX = 63 + 253 + 1 + 63 + 63 + 3, /* namespace / prefix / name = value */
};

/* "ns/key=value". Labels longer than the API allows are cut: a filter follows each lookup. */
static struct str label_key(char buf[LABEL_KEY_MAX], struct str ns, const struct api_pair *p)
{
	int n = snprintf(buf, LABEL_KEY_MAX, "%.*s/%.*s=%.*s", STR_ARG(ns), STR_ARG(p->key),
			 STR_ARG(p->value));

	return str_n(buf, MIN((size_t)n, (size_t)LABEL_KEY_MAX - 1));
}

static void pod_label_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	char buf[LABEL_KEY_MAX];

	for (size_t i = 0; i < o->meta->labels.n; i++)
		emit(ctx, label_key(buf, o->meta->ns, &o->meta->labels.ptr[i]));
}

static void service_selector_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	const struct api_service *svc = o->view;
	char buf[LABEL_KEY_MAX];

	if (controller_service_is_selecting(svc))
		emit(ctx, label_key(buf, svc->meta.ns, &svc->selector.ptr[0]));
}

static void service_topology_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	if (controller_service_wants_topology(o->view))
		emit(ctx, STR("hints"));
}

static void slice_service_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	const struct api_endpoint_slice *s = o->view;
	struct arena a;

	if (!s->service.len)
		return;
	arena_init(&a, 512);
	emit(ctx, controller_key(&a, s->meta.ns, s->service));
	arena_fini(&a);
}

const struct api_service *controller_find_service(struct controllers *c, struct str ns,
						  struct str name)
{
	struct client_object *o = client_reflector_get(c->services, ns, name);

	return o ? o->view : NULL;
}

struct pods_of {
	const struct api_service *svc;
	VEC(const struct api_pod *) pods;
};

static void match_pod(void *ctx, struct client_object *o)
{
	struct pods_of *v = ctx;

	if (str_eq(o->meta->ns, v->svc->meta.ns) &&
	    api_pairs_match(&v->svc->selector, &o->meta->labels))
		*vec_push(&v->pods) = o->view;
}

static int pod_order(const void *x, const void *y)
{
	const struct api_pod *const *a = x, *const *b = y;

	return str_cmp((*a)->meta.name, (*b)->meta.name);
}

size_t controller_service_pods(struct controllers *c, struct arena *a,
			       const struct api_service *svc, const struct api_pod *const **ret)
{
	struct pods_of v = {.svc = svc};
	const struct api_pod **pods;
	char buf[LABEL_KEY_MAX];
	size_t n;

	client_reflector_each_in(c->pods, INDEX_LABEL,
				 label_key(buf, svc->meta.ns, &svc->selector.ptr[0]), match_pod,
				 &v);
	vec_sort(&v.pods, pod_order);
	n = v.pods.len;
	pods = arena_array(a, n, sizeof(*pods));
	for (size_t i = 0; i < n; i++)
		pods[i] = v.pods.ptr[i];
	vec_fini(&v.pods);
	*ret = pods;
	return n;
}

struct slices_of {
	struct str manager;
	VEC(const struct api_endpoint_slice *) slices;
};

static void match_slice(void *ctx, struct client_object *o)
{
	struct slices_of *v = ctx;

	if (!o->meta->deleted_ns &&
	    str_eq(api_pairs_get(&o->meta->labels, LABEL_MANAGED_BY), v->manager))
		*vec_push(&v->slices) = o->view;
}

size_t controller_service_slices(struct controllers *c, struct arena *a, struct str ns,
				 struct str service, struct str manager,
				 const struct api_endpoint_slice *const **ret)
{
	struct slices_of v = {.manager = manager};
	const struct api_endpoint_slice **slices;
	size_t n;

	client_reflector_each_in(c->slices, INDEX_SERVICE, controller_key(a, ns, service),
				 match_slice, &v);
	n = v.slices.len;
	slices = arena_array(a, n, sizeof(*slices));
	for (size_t i = 0; i < n; i++)
		slices[i] = v.slices.ptr[i];
	vec_fini(&v.slices);
	*ret = slices;
	return n;
}

struct services_of {
	const struct api_pod *before, *after;
	void (*fn)(void *ctx, const struct api_service *svc);
	void *ctx;
};

static void match_service(void *ctx, struct client_object *o)
{
	const struct services_of *v = ctx;
	const struct api_service *svc = o->view;

	if ((v->before && api_pairs_match(&svc->selector, &v->before->meta.labels)) ||
	    (v->after && api_pairs_match(&svc->selector, &v->after->meta.labels)))
		v->fn(v->ctx, svc);
}

static void visit_labels(struct controllers *c, const struct api_pod *pod, struct services_of *v)
{
	char buf[LABEL_KEY_MAX];

	for (size_t i = 0; pod && i < pod->meta.labels.n; i++)
		client_reflector_each_in(c->services, INDEX_SELECTOR,
					 label_key(buf, pod->meta.ns, &pod->meta.labels.ptr[i]),
					 match_service, v);
}

void controller_each_service_of(struct controllers *c, const struct api_pod *before,
				const struct api_pod *after,
				void (*fn)(void *ctx, const struct api_service *svc), void *ctx)
{
	struct services_of v = {before, after, fn, ctx};

	visit_labels(c, before, &v);
	visit_labels(c, after, &v);
}

struct topology_visit {
	void (*fn)(void *ctx, const struct api_service *svc);
	void *ctx;
};

static void visit_topology(void *ctx, struct client_object *o)
{
	const struct topology_visit *v = ctx;

	v->fn(v->ctx, o->view);
}

void controller_each_topology_service(struct controllers *c,
				      void (*fn)(void *ctx, const struct api_service *svc),
				      void *ctx)
{
	struct topology_visit v = {fn, ctx};

	client_reflector_each_in(c->services, INDEX_TOPOLOGY, STR("hints"), visit_topology, &v);
}

void controller_endpoints_index(struct controllers *c)
{
	client_reflector_index(c->pods, INDEX_LABEL, pod_label_keys);
	client_reflector_index(c->services, INDEX_SELECTOR, service_selector_keys);
	client_reflector_index(c->services, INDEX_TOPOLOGY, service_topology_keys);
	client_reflector_index(c->slices, INDEX_SERVICE, slice_service_keys);
}
