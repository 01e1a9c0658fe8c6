/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/mirror.h"

#include "base/map.h"
#include "base/vec.h"
#include "controller/endpoints/repack.h"
#include "controller/endpoints/select.h"

struct mirror {
	struct arena *a;
	const struct api_endpoints *ep;
	const struct api_endpoint_slice *const *slices;
	size_t n_slices;
	struct map by_key; /* of the slices that are left, the first of each family and ports */
	bool *is_used;     /* of each slice: it stays or is updated */
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

/* A slice that is there, behind it the next one of the same family and ports. */
struct mirrored {
	size_t at;
	struct mirrored *next;
};

static struct str mirror_key(struct arena *a, const struct api_endpoint_slice *s)
{
	return str_printf(a, "%d %.*s", (int)s->address_type,
			  STR_ARG(controller_ports_key(a, s->ports, s->n_ports)));
}

static void mirror_note_slices(struct mirror *m)
{
	for (size_t i = m->n_slices; i-- > 0;) {
		struct mirrored *s = arena_new(m->a, struct mirrored);
		struct str key = mirror_key(m->a, m->slices[i]);

		*s = (struct mirrored){i, map_get(&m->by_key, key)};
		map_put(&m->by_key, key, s);
	}
}

/* The slice that holds this group at present: same family and ports. */
static const struct api_endpoint_slice *mirror_find(struct mirror *m,
						    const struct api_endpoint_slice *want)
{
	struct str key = mirror_key(m->a, want);
	const struct mirrored *s = map_remove(&m->by_key, key);

	if (!s)
		return NULL;
	if (s->next)
		map_put(&m->by_key, key, s->next);
	m->is_used[s->at] = true;
	return m->slices[s->at];
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

/* The next one to be created of this family, from *at on. */
static struct api_endpoint_slice *next_create(struct controller_slices_plan *plan,
					      enum api_address_type type, size_t *at)
{
	while (*at < plan->creates.len && plan->creates.ptr[*at].address_type != type)
		++*at;
	return *at < plan->creates.len ? &plan->creates.ptr[(*at)++] : NULL;
}

/* Slices that are no group's any more become one that is wanted, or go. */
static void mirror_leftovers(struct mirror *m)
{
	struct controller_slices_plan *plan = m->plan;
	size_t at[] = {[API_ADDR_IPV4] = 0, [API_ADDR_IPV6] = 0, [API_ADDR_FQDN] = 0};
	size_t n_left = 0;

	for (size_t i = 0; i < m->n_slices; i++) {
		const struct api_endpoint_slice *s = m->slices[i];
		struct api_endpoint_slice *c = NULL;

		if (m->is_used[i])
			continue;
		if (owner_eq(s, m->owner))
			c = next_create(plan, s->address_type, &at[s->address_type]);
		if (!c) {
			*vec_push(&plan->deletes) = s;
			continue;
		}
		c->meta.name = s->meta.name;
		c->meta.uid = s->meta.uid;
		c->meta.resource_version = s->meta.resource_version;
		*vec_push(&plan->updates) = *c;
	}
	/* What has got a name is no new one any more. */
	for (size_t i = 0; i < plan->creates.len; i++)
		if (!str_is_set(plan->creates.ptr[i].meta.name))
			plan->creates.ptr[n_left++] = plan->creates.ptr[i];
	plan->creates.len = n_left;
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
	m.skips.too_many += spots.n_left_out;
	n = controller_repack(a, spots.all.ptr, spots.all.len, &subsets);
	mirror_note_slices(&m);
	for (size_t i = 0; i < n; i++) {
		mirror_group(&m, &subsets[i], IP_V4);
		mirror_group(&m, &subsets[i], IP_V6);
	}
	vec_fini(&spots.all);
	map_fini(&m.by_key);
	mirror_leftovers(&m);
	if (ep->meta.deleted_ns)
		vec_clear(&ret->creates);
	*ret_skips = m.skips;
}
