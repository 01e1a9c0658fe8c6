/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/mirror.h"

#include "base/vec.h"
#include "controller/endpoints/repack.h"
#include "controller/endpoints/select.h"

struct mirror {
	struct arena *a;
	const struct api_endpoints *ep;
	const struct api_endpoint_slice *const *slices;
	size_t n_slices;
	bool *is_used; /* of each slice: it stays or is updated */
	struct api_pairs labels, annotations;
	struct api_owner *owner;
	struct controller_slices_plan *plan;
	struct controller_mirror_skips skips;
};

bool controller_mirror_applies(const struct api_endpoints *ep, const struct api_service *svc)
{
	if (!svc || svc->has_selector)
		return false;
	if (str_eq_c(api_pairs_get(&ep->meta.labels, "endpointslice.kubernetes.io/skip-mirror"),
		     "true"))
		return false;
	return !api_pairs_has(&ep->meta.annotations, "control-plane.alpha.kubernetes.io/leader");
}

/* The addresses of one readiness, of one family, up to the limit. */
static void mirror_addresses(struct mirror *m, const struct api_endpoints_address *from, size_t n,
			     bool is_ready, enum ip_family family, struct api_endpoint_slice *s,
			     struct api_endpoint *to)
{
	for (size_t i = 0; i < n; i++) {
		struct str *address;
		struct ip_addr ip;

		if (ip_parse_sloppy(from[i].ip, &ip, NULL) < 0) {
			m->skips.invalid += family == IP_V4;
			continue;
		}
		if (ip_family(&ip) != family)
			continue;
		if (s->n_endpoints == CONTROLLER_MIRROR_MAX) {
			m->skips.too_many++;
			continue;
		}
		address = arena_alloc(m->a, sizeof(*address));
		*address = from[i].ip;
		to[s->n_endpoints++] = (struct api_endpoint){
			.addresses = {address, 1},
			.addr = ip,
			.has_addr = true,
			.ready = is_ready,
			.serving = is_ready,
			.is_ready_alone = true,
			.hostname = from[i].hostname,
			.node_name = from[i].node_name,
			.target = str_is_set(from[i].target.kind) ? &from[i].target : NULL,
		};
	}
}

static bool endpoint_eq(const struct api_endpoint *x, const struct api_endpoint *y)
{
	return x->addresses.n == 1 && y->addresses.n == 1 &&
	       str_eq(x->addresses.ptr[0], y->addresses.ptr[0]) && x->ready == y->ready &&
	       str_eq(x->hostname, y->hostname) && str_eq(x->node_name, y->node_name) &&
	       controller_ref_eq(x->target, y->target);
}

static bool owner_eq(const struct api_endpoint_slice *s, const struct api_owner *o)
{
	return s->meta.n_owners == 1 && str_eq(s->meta.owners[0].uid, o->uid);
}

static bool slice_eq(const struct mirror *m, const struct api_endpoint_slice *x,
		     const struct api_endpoint_slice *y)
{
	if (x->n_endpoints != y->n_endpoints || !owner_eq(x, m->owner) ||
	    !controller_pairs_eq(&x->meta.labels, &y->meta.labels) ||
	    !controller_pairs_eq(&x->meta.annotations, &y->meta.annotations))
		return false;
	for (size_t i = 0; i < x->n_endpoints; i++)
		if (!endpoint_eq(&x->endpoints[i], &y->endpoints[i]))
			return false;
	return true;
}

/* The slice that holds this group at present: same family and ports. */
static const struct api_endpoint_slice *mirror_find(struct mirror *m,
						    const struct api_endpoint_slice *want)
{
	struct str key = controller_ports_key(m->a, want->ports, want->n_ports);

	for (size_t i = 0; i < m->n_slices; i++) {
		const struct api_endpoint_slice *s = m->slices[i];

		if (m->is_used[i] || s->address_type != want->address_type ||
		    !str_eq(controller_ports_key(m->a, s->ports, s->n_ports), key))
			continue;
		m->is_used[i] = true;
		return s;
	}
	return NULL;
}

static void mirror_group(struct mirror *m, const struct api_endpoints_subset *subset,
			 enum ip_family family)
{
	struct api_endpoint_slice want = {
		.meta = {.ns = m->ep->meta.ns, .labels = m->labels, .annotations = m->annotations},
		.service = m->ep->meta.name,
		.address_type = family == IP_V4 ? API_ADDR_IPV4 : API_ADDR_IPV6,
		.ports = subset->ports,
		.n_ports = subset->n_ports,
	};
	size_t n = MIN(subset->n_ready + subset->n_not_ready, (size_t)CONTROLLER_MIRROR_MAX);
	struct api_endpoint *endpoints = arena_array(m->a, n, sizeof(*endpoints));
	const struct api_endpoint_slice *old;

	mirror_addresses(m, subset->ready, subset->n_ready, true, family, &want, endpoints);
	mirror_addresses(m, subset->not_ready, subset->n_not_ready, false, family, &want,
			 endpoints);
	if (!want.n_endpoints)
		return;
	want.endpoints = endpoints;
	want.meta.owners = m->owner;
	want.meta.n_owners = 1;
	old = mirror_find(m, &want);
	if (old && slice_eq(m, old, &want))
		return;
	if (old) {
		want.meta.name = old->meta.name;
		want.meta.uid = old->meta.uid;
		want.meta.resource_version = old->meta.resource_version;
		*vec_push(&m->plan->updates) = want;
	} else {
		want.meta.generate_name = str_printf(m->a, "%.*s-", STR_ARG(m->ep->meta.name));
		*vec_push(&m->plan->creates) = want;
	}
}

/* Slices that are no group's any more become one that is wanted, or go. */
static void mirror_leftovers(struct mirror *m)
{
	struct controller_slices_plan *plan = m->plan;

	for (size_t i = 0; i < m->n_slices; i++) {
		const struct api_endpoint_slice *s = m->slices[i];
		size_t c = 0;

		if (m->is_used[i])
			continue;
		while (c < plan->creates.len &&
		       (plan->creates.ptr[c].address_type != s->address_type ||
			!owner_eq(s, m->owner)))
			c++;
		if (c == plan->creates.len) {
			*vec_push(&plan->deletes) = s;
			continue;
		}
		plan->creates.ptr[c].meta.name = s->meta.name;
		plan->creates.ptr[c].meta.uid = s->meta.uid;
		plan->creates.ptr[c].meta.resource_version = s->meta.resource_version;
		*vec_push(&plan->updates) = plan->creates.ptr[c];
		vec_remove_at(&plan->creates, c);
	}
}

void controller_mirror_plan(struct arena *a, const struct api_endpoints *ep,
			    const struct api_endpoint_slice *const *slices, size_t n_slices,
			    struct controller_slices_plan *ret,
			    struct controller_mirror_skips *ret_skips)
{
	struct mirror m = {.a = a, .ep = ep, .slices = slices, .n_slices = n_slices, .plan = ret};
	struct controller_spots spots;
	struct api_endpoints_subset *subsets;
	size_t n;

	*ret = (struct controller_slices_plan){0};
	m.is_used = arena_array(a, n_slices, sizeof(*m.is_used));
	m.labels = controller_pairs_with(a, &ep->meta.labels, LABEL_SERVICE_NAME, ep->meta.name);
	m.labels = controller_pairs_with(a, &m.labels, LABEL_MANAGED_BY, STR(MIRRORING_CONTROLLER));
	m.annotations = controller_pairs_with(a, &ep->meta.annotations, ANNOTATION_TRIGGER,
					      (struct str){0});
	m.annotations = controller_pairs_with(a, &m.annotations,
					      "kubectl.kubernetes.io/last-applied-configuration",
					      (struct str){0});
	m.owner = arena_new(a, struct api_owner);
	*m.owner =
		(struct api_owner){STR("v1"), STR("Endpoints"), ep->meta.name, ep->meta.uid, true};
	controller_spots_of(ep->subsets, ep->n_subsets, &spots);
	n = controller_repack(a, spots.all.ptr, spots.all.len, &subsets);
	for (size_t i = 0; i < n; i++) {
		mirror_group(&m, &subsets[i], IP_V4);
		mirror_group(&m, &subsets[i], IP_V6);
	}
	vec_fini(&spots.all);
	mirror_leftovers(&m);
	if (ep->meta.deleted_ns)
		vec_clear(&ret->creates);
	*ret_skips = m.skips;
}
