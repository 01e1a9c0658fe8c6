/* SPDX-License-Identifier: Apache-2.0 */
#include "client/object.h"

#include <string.h>

/* A view's part that is not plain data. `at` and `count` are offsets in its struct. */
enum part_type {
	PART_STR,     /* struct str */
	PART_STRS,    /* struct api_strs */
	PART_PAIRS,   /* struct api_pairs */
	PART_ARRAY,   /* pointer at `at`, size_t at `count` */
	PART_STRUCT,  /* a struct in place */
	PART_POINTER, /* pointer to one struct at `at`, or NULL */
};

struct part {
	enum part_type type;
	uint16_t at, count;
	const struct shape *of; /* PART_ARRAY, PART_STRUCT, PART_POINTER */
};

struct shape {
	size_t size;
	const struct part *parts;
	size_t n;
};

/* clang-format off */
#define P_STR(type, f)           {PART_STR, offsetof(struct type, f), 0, NULL}
#define P_STRS(type, f)          {PART_STRS, offsetof(struct type, f), 0, NULL}
#define P_PAIRS(type, f)         {PART_PAIRS, offsetof(struct type, f), 0, NULL}
#define P_ARRAY(type, f, n, s)   {PART_ARRAY, offsetof(struct type, f), offsetof(struct type, n), &s}
#define P_STRUCT(type, f, s)     {PART_STRUCT, offsetof(struct type, f), 0, &s}
#define P_POINTER(type, f, s)    {PART_POINTER, offsetof(struct type, f), 0, &s}
#define SHAPE(name, type, ...) \
	static const struct part name##_parts[] = {__VA_ARGS__}; \
	static const struct shape name = {sizeof(struct type), name##_parts, ARRAY_LEN(name##_parts)}

SHAPE(shape_pair, api_pair, P_STR(api_pair, key), P_STR(api_pair, value));
SHAPE(shape_owner, api_owner, P_STR(api_owner, api_version), P_STR(api_owner, kind), P_STR(api_owner, name),
      P_STR(api_owner, uid));
SHAPE(shape_meta, api_meta, P_STR(api_meta, name), P_STR(api_meta, ns), P_STR(api_meta, uid),
      P_STR(api_meta, generate_name), P_STR(api_meta, resource_version), P_PAIRS(api_meta, labels),
      P_PAIRS(api_meta, annotations), P_ARRAY(api_meta, owners, n_owners, shape_owner),
      P_STRS(api_meta, finalizers));
SHAPE(shape_int_or_str, api_int_or_str, P_STR(api_int_or_str, name));
SHAPE(shape_service_port, api_service_port, P_STR(api_service_port, name), P_STR(api_service_port, app_protocol),
      P_STRUCT(api_service_port, target_port, shape_int_or_str));
SHAPE(shape_ingress, api_lb_ingress, P_STR(api_lb_ingress, ip_text), P_STR(api_lb_ingress, hostname));
SHAPE(shape_service, api_service, P_STRUCT(api_service, meta, shape_meta),
      P_ARRAY(api_service, ports, n_ports, shape_service_port), P_PAIRS(api_service, selector),
      P_STRS(api_service, cluster_ips), P_STRS(api_service, external_ips), P_STR(api_service, external_name),
      P_STR(api_service, lb_class), P_STR(api_service, lb_ip), P_STR(api_service, traffic_distribution),
      P_STRS(api_service, lb_source_ranges), P_ARRAY(api_service, ingress, n_ingress, shape_ingress));
SHAPE(shape_ref, api_ref, P_STR(api_ref, kind), P_STR(api_ref, ns), P_STR(api_ref, name), P_STR(api_ref, uid),
      P_STR(api_ref, api_version), P_STR(api_ref, resource_version), P_STR(api_ref, field_path));
SHAPE(shape_endpoint, api_endpoint, P_STRS(api_endpoint, addresses), P_STR(api_endpoint, hostname),
      P_STR(api_endpoint, node_name), P_STR(api_endpoint, zone), P_POINTER(api_endpoint, target, shape_ref),
      P_STRS(api_endpoint, zone_hints), P_STRS(api_endpoint, node_hints));
SHAPE(shape_endpoint_port, api_endpoint_port, P_STR(api_endpoint_port, name),
      P_STR(api_endpoint_port, app_protocol));
SHAPE(shape_slice, api_endpoint_slice, P_STRUCT(api_endpoint_slice, meta, shape_meta),
      P_STR(api_endpoint_slice, service), P_ARRAY(api_endpoint_slice, endpoints, n_endpoints, shape_endpoint),
      P_ARRAY(api_endpoint_slice, ports, n_ports, shape_endpoint_port));
SHAPE(shape_address, api_endpoints_address, P_STR(api_endpoints_address, ip), P_STR(api_endpoints_address, hostname),
      P_STR(api_endpoints_address, node_name), P_STRUCT(api_endpoints_address, target, shape_ref));
SHAPE(shape_subset, api_endpoints_subset, P_ARRAY(api_endpoints_subset, ready, n_ready, shape_address),
      P_ARRAY(api_endpoints_subset, not_ready, n_not_ready, shape_address),
      P_ARRAY(api_endpoints_subset, ports, n_ports, shape_endpoint_port));
SHAPE(shape_endpoints, api_endpoints, P_STRUCT(api_endpoints, meta, shape_meta),
      P_ARRAY(api_endpoints, subsets, n_subsets, shape_subset));
SHAPE(shape_namespace, api_namespace, P_STRUCT(api_namespace, meta, shape_meta));
SHAPE(shape_node_address, api_node_address, P_STR(api_node_address, type), P_STR(api_node_address, address));
SHAPE(shape_taint, api_taint, P_STR(api_taint, key), P_STR(api_taint, value), P_STR(api_taint, effect));
SHAPE(shape_condition, api_condition, P_STR(api_condition, type), P_STR(api_condition, status),
      P_STR(api_condition, reason), P_STR(api_condition, message));
SHAPE(shape_node, api_node, P_STRUCT(api_node, meta, shape_meta), P_STRS(api_node, pod_cidrs),
      P_ARRAY(api_node, taints, n_taints, shape_taint), P_ARRAY(api_node, addresses, n_addresses, shape_node_address),
      P_ARRAY(api_node, conditions, n_conditions, shape_condition), P_STR(api_node, zone));
SHAPE(shape_container_port, api_container_port, P_STR(api_container_port, name), P_STR(api_container_port, host_ip));
SHAPE(shape_env, api_env, P_STR(api_env, name), P_STR(api_env, value), P_STR(api_env, field_path));
SHAPE(shape_probe, api_probe, P_STRS(api_probe, command), P_STR(api_probe, path), P_STR(api_probe, host),
      P_STR(api_probe, scheme), P_ARRAY(api_probe, headers, n_headers, shape_pair),
      P_STRUCT(api_probe, port, shape_int_or_str));
SHAPE(shape_container, api_container, P_STR(api_container, name), P_STR(api_container, image),
      P_STR(api_container, working_dir), P_STRS(api_container, command), P_STRS(api_container, args),
      P_ARRAY(api_container, ports, n_ports, shape_container_port), P_ARRAY(api_container, env, n_env, shape_env),
      P_STRUCT(api_container, readiness, shape_probe), P_STRUCT(api_container, liveness, shape_probe),
      P_STRUCT(api_container, pre_stop, shape_probe),
      P_STRUCT(api_container, startup, shape_probe));
SHAPE(shape_container_status, api_container_status, P_STR(api_container_status, name),
      P_STR(api_container_status, waiting_reason), P_STR(api_container_status, terminated_reason));
SHAPE(shape_toleration, api_toleration, P_STR(api_toleration, key), P_STR(api_toleration, op),
      P_STR(api_toleration, value), P_STR(api_toleration, effect));
SHAPE(shape_pod, api_pod, P_STRUCT(api_pod, meta, shape_meta), P_PAIRS(api_pod, node_selector),
      P_ARRAY(api_pod, tolerations, n_tolerations, shape_toleration), P_STR(api_pod, node_name), P_STR(api_pod, hostname),
      P_STR(api_pod, subdomain), P_STR(api_pod, service_account), P_STR(api_pod, restart_policy),
      P_STR(api_pod, dns_policy), P_ARRAY(api_pod, containers, n_containers, shape_container),
      P_ARRAY(api_pod, init_containers, n_init_containers, shape_container), P_STR(api_pod, phase),
      P_STR(api_pod, reason), P_STR(api_pod, message), P_STR(api_pod, pod_ip), P_STR(api_pod, host_ip),
      P_STRS(api_pod, pod_ips), P_ARRAY(api_pod, conditions, n_conditions, shape_condition),
      P_ARRAY(api_pod, statuses, n_statuses, shape_container_status));
SHAPE(shape_replica_set, api_replica_set, P_STRUCT(api_replica_set, meta, shape_meta),
      P_STR(api_replica_set, selector), P_STR(api_replica_set, template), P_PAIRS(api_replica_set, template_labels),
      P_ARRAY(api_replica_set, conditions, n_conditions, shape_condition));
SHAPE(shape_deployment, api_deployment, P_STRUCT(api_deployment, meta, shape_meta),
      P_STRUCT(api_deployment, max_surge, shape_int_or_str), P_STRUCT(api_deployment, max_unavailable, shape_int_or_str),
      P_STR(api_deployment, selector), P_STR(api_deployment, template),
      P_ARRAY(api_deployment, conditions, n_conditions, shape_condition));
SHAPE(shape_lease, api_lease, P_STRUCT(api_lease, meta, shape_meta), P_STR(api_lease, holder));
/* clang-format on */

static const struct {
	const char *kind;
	const struct shape *shape;
} shapes[] = {
	{"Service", &shape_service},
	{"EndpointSlice", &shape_slice},
	{"Pod", &shape_pod},
	{"Endpoints", &shape_endpoints},
	{"Node", &shape_node},
	{"Lease", &shape_lease},
	{"Namespace", &shape_namespace},
	{"ReplicaSet", &shape_replica_set},
	{"Deployment", &shape_deployment},
};

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* What every cluster repeats in every object: not copied at all. */
static const char *const well_known[] = {
	"v1",
	"Pod",
	"Node",
	"Service",
	"Endpoints",
	"default",
	"kubernetes.io/service-name",
	"kubernetes.io/metadata.name",
	"service.kubernetes.io/headless",
	"endpointslice.kubernetes.io/managed-by",
	"endpointslice-controller.k8s.io",
	"endpointslicemirroring-controller.k8s.io",
	"endpoints.kubernetes.io/last-change-trigger-time",
};

/* A string of the view and where its copy begins in the text part. */
struct word {
	struct str str;
	uint32_t offset; /* WORD_STATIC: str itself is the copy */
};

enum {
	WORD_STATIC = UINT32_MAX,
};

/* Both passes: first the sizes and the different words, then the copy. */
struct copier {
	struct word *words; /* open addressing, a power of two */
	size_t n_words, n_slots;
	size_t structs, text; /* bytes needed */
	char *at, *text_at;   /* second pass */
};

static void copier_put(struct copier *c, struct word w)
{
	size_t mask = c->n_slots - 1, i = str_hash(w.str) & mask;

	while (c->words[i].str.ptr)
		i = (i + 1) & mask;
	c->words[i] = w;
	c->n_words++;
}

static void copier_grow(struct copier *c)
{
	struct word *old = c->words;
	size_t n = c->n_slots;

	c->n_slots = n ? 2 * n : 64;
	c->words = mem_xarray(c->n_slots, sizeof(*c->words));
	c->n_words = 0;
	for (size_t i = 0; i < n; i++)
		if (old[i].str.ptr)
			copier_put(c, old[i]);
	free(old);
}

static const struct word *copier_find(const struct copier *c, struct str s)
{
	size_t mask = c->n_slots - 1;

	if (!c->n_slots)
		return NULL;
	for (size_t i = str_hash(s) & mask; c->words[i].str.ptr; i = (i + 1) & mask)
		if (str_eq(c->words[i].str, s))
			return &c->words[i];
	return NULL;
}

static void measure_str(struct copier *c, struct str s)
{
	if (!s.len || copier_find(c, s))
		return;
	if (2 * (c->n_words + 1) > c->n_slots)
		copier_grow(c);
	for (size_t i = 0; i < ARRAY_LEN(well_known); i++) {
		if (str_eq_c(s, well_known[i])) {
			copier_put(c, (struct word){str_of(well_known[i]), WORD_STATIC});
			return;
		}
	}
	copier_put(c, (struct word){s, (uint32_t)c->text});
	c->text += s.len;
	assert(c->text < WORD_STATIC);
}

static struct str copy_str(const struct copier *c, struct str s)
{
	const struct word *w;

	if (!s.len)
		return s.ptr ? STR("") : s;
	w = copier_find(c, s);
	assert(w);
	return w->offset == WORD_STATIC ? w->str : str_n(c->text_at + w->offset, s.len);
}

static bool pair_is_kept(const struct api_pair *p)
{
	return !str_eq_c(p->key, LAST_APPLIED);
}

/* The parts of one array: (first element, number, shape), whatever way the view says it. */
struct run {
	const char *ptr;
	size_t n;
	const struct shape *shape;
};

static struct run part_run(const struct part *p, const char *base)
{
	const void *ptr;
	struct run r = {.shape = p->of};

	memcpy(&ptr, base + p->at, sizeof(ptr));
	if (p->type == PART_ARRAY)
		memcpy(&r.n, base + p->count, sizeof(r.n));
	else
		r.n = ptr != NULL;
	r.ptr = ptr;
	return r;
}

static size_t align8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static void measure(struct copier *c, const struct shape *shape, const char *base);

static void measure_part(struct copier *c, const struct part *p, const char *base)
{
	switch (p->type) {
	case PART_STR:
		measure_str(c, *(const struct str *)(const void *)(base + p->at));
		break;
	case PART_STRS: {
		const struct api_strs *s = (const void *)(base + p->at);

		c->structs += s->n * sizeof(*s->ptr);
		for (size_t i = 0; i < s->n; i++)
			measure_str(c, s->ptr[i]);
		break;
	}
	case PART_PAIRS: {
		const struct api_pairs *s = (const void *)(base + p->at);

		for (size_t i = 0; i < s->n; i++) {
			if (!pair_is_kept(&s->ptr[i]))
				continue;
			c->structs += sizeof(*s->ptr);
			measure(c, &shape_pair, (const char *)&s->ptr[i]);
		}
		break;
	}
	case PART_ARRAY:
	case PART_POINTER: {
		struct run r = part_run(p, base);

		c->structs += align8(r.n * r.shape->size);
		for (size_t i = 0; i < r.n; i++)
			measure(c, r.shape, r.ptr + i * r.shape->size);
		break;
	}
	case PART_STRUCT:
		measure(c, p->of, base + p->at);
		break;
	}
}

static void measure(struct copier *c, const struct shape *shape, const char *base)
{
	for (size_t i = 0; i < shape->n; i++)
		measure_part(c, &shape->parts[i], base);
}

static void *copier_take(struct copier *c, size_t size)
{
	void *p = c->at;

	c->at += align8(size);
	return p;
}

static void relocate(struct copier *c, const struct shape *shape, char *base);

static void relocate_pairs(struct copier *c, struct api_pairs *s)
{
	size_t n = 0;
	struct api_pair *to;

	for (size_t i = 0; i < s->n; i++)
		n += pair_is_kept(&s->ptr[i]);
	to = n ? copier_take(c, n * sizeof(*to)) : NULL;
	n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (pair_is_kept(&s->ptr[i]))
			to[n++] = (struct api_pair){copy_str(c, s->ptr[i].key),
						    copy_str(c, s->ptr[i].value)};
	*s = (struct api_pairs){to, n};
}

static void relocate_array(struct copier *c, const struct part *p, char *base)
{
	struct run r = part_run(p, base);
	char *to = NULL;

	if (r.n) {
		to = copier_take(c, r.n * r.shape->size);
		memcpy(to, r.ptr, r.n * r.shape->size);
	}
	memcpy(base + p->at, &to, sizeof(to));
	for (size_t i = 0; i < r.n; i++)
		relocate(c, r.shape, to + i * r.shape->size);
}

static void relocate_strs(struct copier *c, struct api_strs *s)
{
	struct str *to = s->n ? copier_take(c, s->n * sizeof(*to)) : NULL;

	for (size_t i = 0; i < s->n; i++)
		to[i] = copy_str(c, s->ptr[i]);
	s->ptr = to;
}

/* `base` is a plain copy of a struct of that shape: points what it points at into the block. */
static void relocate(struct copier *c, const struct shape *shape, char *base)
{
	for (size_t i = 0; i < shape->n; i++) {
		const struct part *p = &shape->parts[i];
		void *at = base + p->at;

		switch (p->type) {
		case PART_STR:
			*(struct str *)at = copy_str(c, *(struct str *)at);
			break;
		case PART_STRS:
			relocate_strs(c, at);
			break;
		case PART_PAIRS:
			relocate_pairs(c, at);
			break;
		case PART_ARRAY:
		case PART_POINTER:
			relocate_array(c, p, base);
			break;
		case PART_STRUCT:
			relocate(c, p->of, at);
			break;
		}
	}
}

static void copy_words(const struct copier *c)
{
	for (size_t i = 0; i < c->n_slots; i++)
		if (c->words[i].str.ptr && c->words[i].offset != WORD_STATIC)
			memcpy(c->text_at + c->words[i].offset, c->words[i].str.ptr,
			       c->words[i].str.len);
}

static const struct shape *kind_shape(const struct api_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		if (str_eq_c(str_of(kind->kind), shapes[i].kind))
			return shapes[i].shape;
	return &shape_meta;
}

struct client_object *client_object_new(const struct api_kind *kind, const void *view)
{
	const struct shape *shape = kind_shape(kind);
	struct copier c = {.structs = align8(shape->size)};
	struct client_object *o;
	char *copy;
	size_t size;

	measure(&c, shape, view);
	size = sizeof(*o) + c.structs + c.text;
	o = mem_xalloc(size);
	c.at = (char *)o + sizeof(*o);
	c.text_at = c.at + c.structs;
	copy = copier_take(&c, shape->size);
	memcpy(copy, view, shape->size);
	relocate(&c, shape, copy);
	copy_words(&c);
	assert(c.at == c.text_at);
	free(c.words);
	*o = (struct client_object){.refs = 1,
				    .size = (uint32_t)size,
				    .kind = kind,
				    .meta = (const void *)copy,
				    .view = copy};
	return o;
}

size_t client_object_size(const struct client_object *o)
{
	return o->size;
}

struct client_object *client_object_ref(struct client_object *o)
{
	o->refs++;
	return o;
}

void client_object_unref(struct client_object *o)
{
	if (!o)
		return;
	assert(o->refs > 0);
	if (--o->refs == 0)
		free(o);
}
