/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/slices.h"

#include "base/buf.h"
#include "base/map.h"
#include "controller/endpoints/select.h"

#include <string.h>

struct slice_want {
	struct api_endpoint endpoint;
	bool is_taken; /* it is in a slice already */
};

/* The endpoints with one set of ports, and the slices that have it. */
struct slice_group {
	const struct api_endpoint_port *ports;
	size_t n_ports;
	VEC(struct slice_want) wants;
	VEC(const struct api_endpoint_slice *) existing;
	struct map by_identity; /* identity -> index in wants, plus 1 */
	size_t n_left;          /* wants that are not taken */
};

/* A slice under way. `from` NULL: new. */
struct slice_draft {
	const struct api_endpoint_slice *from;
	VEC(struct api_endpoint) endpoints;
};

struct slice_planner {
	struct arena *a;
	const struct controller_slices_in *in;
	struct controller_slices_plan *plan;
	size_t max;
	struct api_pairs labels;
	struct api_owner *owner;
	enum ip_family family;                            /* under way */
	struct map groups;                                /* ports key -> struct slice_group */
	size_t n_kept;                                    /* slices of this family that remain */
	VEC(const struct api_endpoint_slice *) unchanged; /* of this family */
};

static enum api_address_type address_type(enum ip_family f)
{
	return f == IP_V4 ? API_ADDR_IPV4 : API_ADDR_IPV6;
}

static bool is_own(const struct slice_planner *p, const struct api_endpoint_slice *s)
{
	for (size_t i = 0; i < s->meta.n_owners; i++)
		if (s->meta.owners[i].is_controller)
			return str_eq(s->meta.owners[i].uid, p->in->service->meta.uid);
	return false;
}

/* Service labels that are not ours to give, plus ours. */
static struct api_pairs want_labels(struct arena *a, const struct api_service *svc)
{
	struct api_pairs l = svc->meta.labels;

	l = controller_pairs_with(a, &l, LABEL_SERVICE_NAME, svc->meta.name);
	l = controller_pairs_with(a, &l, LABEL_MANAGED_BY, STR(SLICE_CONTROLLER));
	return controller_pairs_with(a, &l, LABEL_HEADLESS,
				     svc->n_cluster_addrs ? (struct str){0} : STR(""));
}

static struct api_owner *want_owner(struct arena *a, const struct api_service *svc)
{
	struct api_owner *o = arena_new(a, struct api_owner);

	*o = (struct api_owner){STR("v1"), STR("Service"), svc->meta.name, svc->meta.uid, true};
	return o;
}

static struct str identity(struct arena *a, const struct api_endpoint *e)
{
	struct buf b;
	struct str id;

	buf_init(&b);
	for (size_t i = 0; i < e->addresses.n; i++)
		buf_printf(&b, "%.*s,", STR_ARG(e->addresses.ptr[i]));
	buf_printf(&b, "|%.*s|", STR_ARG(e->hostname));
	if (e->target)
		buf_printf(&b, "%.*s/%.*s", STR_ARG(e->target->ns), STR_ARG(e->target->name));
	id = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return id;
}

/* Endpoints of one identity that need no write. */
static bool endpoint_eq(const struct api_endpoint *x, const struct api_endpoint *y)
{
	return x->ready == y->ready && x->serving == y->serving &&
	       x->terminating == y->terminating && x->is_ready_alone == y->is_ready_alone &&
	       str_eq(x->node_name, y->node_name) && str_eq(x->zone, y->zone) &&
	       controller_ref_eq(x->target, y->target) &&
	       api_strs_eq(&x->zone_hints, &y->zone_hints) &&
	       api_strs_eq(&x->node_hints, &y->node_hints);
}

static struct api_strs one_str(struct arena *a, struct str s)
{
	struct str *p = arena_alloc(a, sizeof(*p));

	*p = s;
	return (struct api_strs){p, 1};
}

enum distribution {
	DISTRIBUTION_NONE,
	DISTRIBUTION_ZONE,
	DISTRIBUTION_NODE,
};

bool controller_service_wants_topology(const struct api_service *svc)
{
	struct str mode =
		api_pairs_get(&svc->meta.annotations, "service.kubernetes.io/topology-aware-hints");

	if (!str_is_set(mode))
		mode = api_pairs_get(&svc->meta.annotations, "service.kubernetes.io/topology-mode");
	return str_eq_c(mode, "Auto") || str_eq_c(mode, "auto");
}

/* service-api.md section 13.1 */
static enum distribution service_distribution(const struct api_service *svc)
{
	if (controller_service_wants_topology(svc))
		return DISTRIBUTION_NONE;
	if (str_eq_c(svc->traffic_distribution, "PreferClose") ||
	    str_eq_c(svc->traffic_distribution, "PreferSameZone"))
		return DISTRIBUTION_ZONE;
	if (str_eq_c(svc->traffic_distribution, "PreferSameNode"))
		return DISTRIBUTION_NODE;
	return DISTRIBUTION_NONE;
}

static void add_hints(const struct slice_planner *p, struct api_endpoint *e)
{
	enum distribution d = service_distribution(p->in->service);

	if (d == DISTRIBUTION_NONE || !e->ready)
		return;
	if (e->zone.len)
		e->zone_hints = one_str(p->a, e->zone);
	if (d == DISTRIBUTION_NODE && e->node_name.len)
		e->node_hints = one_str(p->a, e->node_name);
}

/* The Pod's addresses of that family, parsed and in their order. */
static size_t pod_addresses(struct slice_planner *p, const struct api_pod *pod,
			    struct api_endpoint *e)
{
	struct str *addresses = arena_array(p->a, pod->pod_ips.n + 1, sizeof(*addresses));
	size_t n = 0;

	for (size_t i = 0; i < pod->pod_ips.n; i++) {
		struct ip_addr ip;

		if (ip_parse_sloppy(pod->pod_ips.ptr[i], &ip, NULL) < 0 ||
		    ip_family(&ip) != p->family)
			continue;
		if (n == 0) {
			e->addr = ip;
			e->has_addr = true;
		}
		addresses[n++] = pod->pod_ips.ptr[i];
	}
	e->addresses = (struct api_strs){addresses, n};
	return n;
}

/* False when the Pod has no place in the slices of this family. */
static bool pod_endpoint(struct slice_planner *p, const struct api_pod *pod,
			 struct api_endpoint *ret)
{
	const struct api_service *svc = p->in->service;
	const struct api_node *node;
	struct api_endpoint e = {0};

	if (!controller_pod_is_candidate(pod) || !pod_addresses(p, pod, &e))
		return false;
	node = pod->node_name.len ? p->in->node(p->in->node_ctx, pod->node_name) : NULL;
	if (!node && !svc->publish_not_ready) {
		p->plan->n_missing_nodes++;
		return false;
	}
	e.serving = pod->is_ready;
	e.terminating = pod->meta.deleted_ns != 0;
	e.ready = svc->publish_not_ready || (e.serving && !e.terminating);
	e.node_name = pod->node_name;
	if (node && node->zone.len)
		e.zone = node->zone;
	e.hostname = controller_pod_hostname(svc, pod);
	e.target = controller_pod_ref(p->a, pod);
	add_hints(p, &e);
	*ret = e;
	return true;
}

static struct slice_group *group_of(struct slice_planner *p, const struct api_endpoint_port *ports,
				    size_t n)
{
	struct str key = controller_ports_key(p->a, ports, n);
	struct slice_group *g = map_get(&p->groups, key);

	if (g)
		return g;
	g = mem_xnew(struct slice_group);
	g->ports = ports;
	g->n_ports = n;
	map_put(&p->groups, key, g);
	return g;
}

static void group_free(void *ptr)
{
	struct slice_group *g = ptr;

	vec_fini(&g->wants);
	vec_fini(&g->existing);
	map_fini(&g->by_identity);
	free(g);
}

static void collect_pods(struct slice_planner *p)
{
	for (size_t i = 0; i < p->in->n_pods; i++) {
		const struct api_endpoint_port *ports;
		struct slice_group *g;
		struct api_endpoint e;
		struct str id;
		size_t n;

		if (!pod_endpoint(p, p->in->pods[i], &e))
			continue;
		n = controller_pod_ports(p->a, p->in->service, p->in->pods[i], &ports);
		g = group_of(p, ports, n);
		id = identity(p->a, &e);
		if (map_get(&g->by_identity, id))
			continue;
		vec_push(&g->wants)->endpoint = e;
		map_put(&g->by_identity, id, (void *)(uintptr_t)g->wants.len);
		g->n_left++;
	}
}

static struct slice_want *group_find(struct slice_planner *p, struct slice_group *g,
				     const struct api_endpoint *e)
{
	uintptr_t at = (uintptr_t)map_get(&g->by_identity, identity(p->a, e));

	return at ? &g->wants.ptr[at - 1] : NULL;
}

static void draft_push(struct slice_draft *d, const struct api_endpoint *e)
{
	*vec_push(&d->endpoints) = *e;
}

/* What remains of a slice; true when it differs from what is there. */
static bool draft_existing(struct slice_planner *p, struct slice_group *g,
			   const struct api_endpoint_slice *s, struct slice_draft *d)
{
	bool is_changed = false;

	d->from = s;
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct api_endpoint *old = &s->endpoints[i];
		struct slice_want *w = group_find(p, g, old);

		if (!w || w->is_taken) {
			is_changed = true;
			continue;
		}
		w->is_taken = true;
		g->n_left--;
		if (p->in->topology || /* plan_topology will see to them */
		    (!w->endpoint.ready &&
		     service_distribution(p->in->service) != DISTRIBUTION_NONE)) {
			w->endpoint.zone_hints = old->zone_hints;
			w->endpoint.node_hints = old->node_hints;
		}
		is_changed |= !endpoint_eq(old, &w->endpoint);
		draft_push(d, &w->endpoint);
	}
	return is_changed;
}

/* Writes a draft into the plan. */
static void plan_draft(struct slice_planner *p, const struct api_endpoint_port *ports,
		       size_t n_ports, struct slice_draft *d)
{
	struct api_endpoint *endpoints = arena_array(p->a, d->endpoints.len, sizeof(*endpoints));
	const struct api_service *svc = p->in->service;
	struct api_endpoint_slice *s;

	if (d->endpoints.len)
		memcpy(endpoints, d->endpoints.ptr, d->endpoints.len * sizeof(*endpoints));
	if (d->from) {
		s = vec_push(&p->plan->updates);
		s->meta = d->from->meta;
	} else {
		s = vec_push(&p->plan->creates);
		s->meta.ns = svc->meta.ns;
		s->meta.generate_name = str_printf(p->a, "%.*s-", STR_ARG(svc->meta.name));
	}
	s->meta.labels = p->labels;
	s->meta.owners = p->owner;
	s->meta.n_owners = 1;
	s->meta.annotations = controller_pairs_with(p->a, &s->meta.annotations, ANNOTATION_TRIGGER,
						    p->in->trigger);
	s->service = svc->meta.name;
	s->address_type = address_type(p->family);
	s->endpoints = endpoints;
	s->n_endpoints = d->endpoints.len;
	s->ports = ports;
	s->n_ports = n_ports;
	p->n_kept++;
}

/* The drafts of one group, while it is packed. */
struct slice_pack {
	VEC(struct slice_draft) updates, unchanged;
	size_t next; /* the wants before it are placed */
};

static int fuller_first(const void *x, const void *y)
{
	const struct slice_draft *a = x, *b = y;

	if (a->endpoints.len != b->endpoints.len)
		return a->endpoints.len > b->endpoints.len ? -1 : 1;
	return str_cmp(a->from->meta.name, b->from->meta.name);
}

static void pack_fill(struct slice_planner *p, struct slice_group *g, struct slice_pack *k,
		      struct slice_draft *d)
{
	while (g->n_left && d->endpoints.len < p->max) {
		struct slice_want *w = &g->wants.ptr[k->next++];

		if (w->is_taken)
			continue;
		w->is_taken = true;
		g->n_left--;
		draft_push(d, &w->endpoint);
	}
}

/* Step a: what is there, sorted into changed, unchanged and gone. */
static void pack_existing(struct slice_planner *p, struct slice_group *g, struct slice_pack *k)
{
	vec_foreach(s, &g->existing) {
		struct slice_draft d = {0};

		if (draft_existing(p, g, *s, &d)) {
			if (d.endpoints.len) {
				*vec_push(&k->updates) = d;
			} else {
				*vec_push(&p->plan->deletes) = *s;
				vec_fini(&d.endpoints);
			}
		} else if (!controller_pairs_eq(&(*s)->meta.labels, &p->labels)) {
			*vec_push(&k->updates) = d;
		} else {
			*vec_push(&k->unchanged) = d;
		}
	}
}

/* Step c's choice: the unchanged slice that would be fullest with all that remains; NULL: none. */
static struct slice_draft *pack_best_fit(struct slice_planner *p, struct slice_group *g,
					 struct slice_pack *k)
{
	struct slice_draft *best = NULL;

	if (g->n_left >= p->max)
		return NULL;
	vec_foreach(d, &k->unchanged) {
		if (!d->from || d->endpoints.len + g->n_left > p->max)
			continue;
		if (!best || fuller_first(d, best) < 0)
			best = d;
	}
	return best;
}

static void pack_group(struct slice_planner *p, struct slice_group *g)
{
	struct slice_pack k = {0};

	pack_existing(p, g, &k);
	vec_sort(&k.updates, fuller_first);
	vec_foreach(d, &k.updates) {
		pack_fill(p, g, &k, d);
		plan_draft(p, g->ports, g->n_ports, d);
	}
	while (g->n_left) {
		struct slice_draft *d = pack_best_fit(p, g, &k), fresh = {0};

		if (!d)
			d = &fresh;
		pack_fill(p, g, &k, d);
		plan_draft(p, g->ports, g->n_ports, d);
		d->from = NULL; /* no longer unchanged */
		vec_fini(&fresh.endpoints);
	}
	vec_foreach(d, &k.unchanged) {
		if (d->from) {
			*vec_push(&p->unchanged) = d->from;
			p->n_kept++;
		}
		vec_fini(&d->endpoints);
	}
	vec_foreach(d, &k.updates)
		vec_fini(&d->endpoints);
	vec_fini(&k.updates);
	vec_fini(&k.unchanged);
}

static bool is_placeholder(const struct slice_planner *p, const struct api_endpoint_slice *s)
{
	return s->n_endpoints == 0 && s->n_ports == 0 && is_own(p, s) &&
	       s->address_type == address_type(p->family) &&
	       controller_pairs_eq(&s->meta.labels, &p->labels);
}

/* A family without any slice gets an empty one, so that "no endpoints" is written down. */
static void plan_placeholder(struct slice_planner *p)
{
	struct slice_draft empty = {0};

	for (size_t i = 0; i < p->plan->deletes.len; i++) {
		if (!is_placeholder(p, p->plan->deletes.ptr[i]))
			continue;
		vec_remove_at(&p->plan->deletes, i);
		return;
	}
	plan_draft(p, NULL, 0, &empty);
}

static struct controller_hint_slice hint_slice(struct arena *a, const struct api_endpoint *e,
					       size_t n, bool is_kept)
{
	struct controller_hint_slice s = {arena_array(a, n + 1, sizeof(*e)), n, is_kept};

	if (n)
		memcpy(s.endpoints, e, n * sizeof(*e));
	return s;
}

/* An unchanged slice whose hints change is one more to write. */
static void plan_rehinted(struct slice_planner *p, const struct api_endpoint_slice *from,
			  const struct controller_hint_slice *hinted)
{
	struct slice_draft d = {.from = from};

	for (size_t i = 0; i < hinted->n; i++)
		draft_push(&d, &hinted->endpoints[i]);
	plan_draft(p, from->ports, from->n_ports, &d);
	vec_fini(&d.endpoints);
}

/* Hints for this family's slices: of the plan, its creates and updates from these on. */
static void plan_topology(struct slice_planner *p, size_t first_create, size_t first_update)
{
	struct controller_slices_plan *plan = p->plan;
	size_t n_creates = plan->creates.len - first_create, n_kept = p->unchanged.len, n = 0;
	size_t n_updates = plan->updates.len - first_update;
	struct controller_hint_slice *hinted =
		arena_array(p->a, n_creates + n_updates + n_kept + 1, sizeof(*hinted));
	struct api_endpoint_slice *s;

	for (size_t i = 0; i < n_creates; i++) {
		s = &plan->creates.ptr[first_create + i];
		hinted[n] = hint_slice(p->a, s->endpoints, s->n_endpoints, false);
		s->endpoints = hinted[n++].endpoints;
	}
	for (size_t i = 0; i < n_updates; i++) {
		s = &plan->updates.ptr[first_update + i];
		hinted[n] = hint_slice(p->a, s->endpoints, s->n_endpoints, false);
		s->endpoints = hinted[n++].endpoints;
	}
	vec_foreach(u, &p->unchanged)
		hinted[n++] = hint_slice(p->a, (*u)->endpoints, (*u)->n_endpoints, true);
	plan->hints[plan->n_hints++] = (struct controller_slices_hints){
		p->family, controller_topology_hint(p->a, p->in->topology, hinted, n)};
	for (size_t i = 0; i < n_kept; i++)
		if (!hinted[n - n_kept + i].is_kept)
			plan_rehinted(p, p->unchanged.ptr[i], &hinted[n - n_kept + i]);
}

static void plan_family(struct slice_planner *p, enum ip_family family)
{
	size_t first_create = p->plan->creates.len, first_update = p->plan->updates.len;

	p->family = family;
	p->n_kept = 0;
	collect_pods(p);
	for (size_t i = 0; i < p->in->n_slices; i++) {
		const struct api_endpoint_slice *s = p->in->slices[i];
		struct slice_group *g;

		if (s->address_type != address_type(family) || !is_own(p, s))
			continue;
		g = map_get(&p->groups, controller_ports_key(p->a, s->ports, s->n_ports));
		if (g)
			*vec_push(&g->existing) = s;
		else
			*vec_push(&p->plan->deletes) = s;
	}
	map_foreach(e, &p->groups)
		pack_group(p, e->value);
	if (!p->n_kept)
		plan_placeholder(p);
	if (p->in->topology)
		plan_topology(p, first_create, first_update);
	vec_fini(&p->unchanged);
	map_fini_values(&p->groups, group_free);
}

static size_t service_families(const struct api_service *svc, enum ip_family ret[2])
{
	if (svc->n_families) {
		ret[0] = svc->families[0];
		ret[1] = svc->families[1];
		return svc->n_families;
	}
	if (svc->n_cluster_addrs) {
		ret[0] = ip_family(&svc->cluster_addrs[0]);
		return 1;
	}
	ret[0] = IP_V4;
	ret[1] = IP_V6;
	return 2;
}

/* Turns pairs of a create and a delete into an update of the slice that was to go. */
static void plan_recycle(struct slice_planner *p)
{
	struct controller_slices_plan *plan = p->plan;

	for (size_t i = 0; i < plan->creates.len;) {
		struct api_endpoint_slice *c = &plan->creates.ptr[i];
		size_t d = 0;

		while (d < plan->deletes.len &&
		       (plan->deletes.ptr[d]->address_type != c->address_type ||
			!is_own(p, plan->deletes.ptr[d])))
			d++;
		if (d == plan->deletes.len) {
			i++;
			continue;
		}
		c->meta.name = plan->deletes.ptr[d]->meta.name;
		c->meta.uid = plan->deletes.ptr[d]->meta.uid;
		c->meta.resource_version = plan->deletes.ptr[d]->meta.resource_version;
		c->meta.generate_name = plan->deletes.ptr[d]->meta.generate_name;
		*vec_push(&plan->updates) = *c;
		vec_remove_at(&plan->creates, i);
		vec_remove_at(&plan->deletes, d);
	}
}

void controller_slices_plan(struct arena *a, const struct controller_slices_in *in,
			    struct controller_slices_plan *ret)
{
	struct slice_planner p = {.a = a, .in = in, .plan = ret};
	enum ip_family families[2];
	size_t n = service_families(in->service, families);

	*ret = (struct controller_slices_plan){0};
	p.max = in->max ? in->max : CONTROLLER_SLICE_MAX;
	p.labels = want_labels(a, in->service);
	p.owner = want_owner(a, in->service);
	for (size_t i = 0; i < in->n_slices; i++) {
		const struct api_endpoint_slice *s = in->slices[i];
		bool is_wanted = is_own(&p, s);

		if (is_wanted) {
			is_wanted = false;
			for (size_t f = 0; f < n; f++)
				is_wanted |= s->address_type == address_type(families[f]);
		}
		if (!is_wanted)
			*vec_push(&ret->deletes) = s;
	}
	for (size_t f = 0; f < n; f++)
		plan_family(&p, families[f]);
	plan_recycle(&p);
	if (in->service->meta.deleted_ns)
		vec_clear(&ret->creates);
}

void controller_slices_plan_fini(struct controller_slices_plan *p)
{
	vec_fini(&p->creates);
	vec_fini(&p->updates);
	vec_fini(&p->deletes);
}
