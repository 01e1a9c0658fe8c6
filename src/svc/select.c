/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/select.h"

/* An endpoint with what decides about it. */
struct candidate {
	struct svc_backend b;
	const struct api_endpoint *ep;
};

struct candidates {
	struct candidate *ptr;
	size_t len, cap;
};

static enum ip_family slice_family(const struct api_endpoint_slice *s)
{
	return s->address_type == API_ADDR_IPV4   ? IP_V4
	       : s->address_type == API_ADDR_IPV6 ? IP_V6
						  : IP_NONE;
}

static uint16_t flags_of(const struct svc_config *c, const struct api_endpoint *e)
{
	unsigned f = (e->ready ? SVC_READY : 0) | (e->serving ? SVC_SERVING : 0) |
		     (e->terminating ? SVC_TERMINATING : 0);

	if (str_is_set(e->node_name) && str_eq(e->node_name, c->node_name))
		f |= SVC_HERE;
	return (uint16_t)f;
}

static void gather_slice(const struct svc_config *c, const struct api_endpoint_slice *s,
			 uint16_t port, enum ip_family family, struct candidates *all)
{
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct api_endpoint *e = &s->endpoints[i];

		if (!e->has_addr || ip_family(&e->addr) != family)
			continue;
		*vec_push(all) = (struct candidate){
			.b = {.addr = e->addr, .port = port, .flags = flags_of(c, e)}, .ep = e};
	}
}

/* How much a copy is worth: not terminating before terminating, then ready, then serving. */
static int worth(const struct candidate *c)
{
	return (c->b.flags & SVC_TERMINATING ? 0 : 4) + (c->b.flags & SVC_READY ? 2 : 0) +
	       (c->b.flags & SVC_SERVING ? 1 : 0);
}

static int target_cmp(const struct candidate *x, const struct candidate *y)
{
	int c = ip_cmp(&x->b.addr, &y->b.addr);

	return c ? c : (int)x->b.port - (int)y->b.port;
}

static int strs_cmp(const struct api_strs *a, const struct api_strs *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int c = str_cmp(a->ptr[i], b->ptr[i]);

		if (c)
			return c;
	}
	return a->n < b->n ? -1 : a->n > b->n;
}

/* Total: what two slices say about one target must not depend on which came first. */
static int candidate_cmp(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int c = target_cmp(x, y);

	if (!c)
		c = worth(y) - worth(x);
	if (!c)
		c = (int)y->b.flags - (int)x->b.flags;
	if (!c)
		c = strs_cmp(&x->ep->node_hints, &y->ep->node_hints);
	return c ? c : strs_cmp(&x->ep->zone_hints, &y->ep->zone_hints);
}

static void gather(const struct svc_config *c, const struct svc_wanted *w,
		   const struct api_endpoint_slice *const *slices, size_t n_slices,
		   struct candidates *all)
{
	size_t n = 0;

	for (size_t i = 0; i < n_slices; i++) {
		if (slice_family(slices[i]) != w->family)
			continue;
		for (size_t j = 0; j < slices[i]->n_ports; j++) {
			const struct api_endpoint_port *p = &slices[i]->ports[j];

			if (p->has_port && p->port && p->protocol == w->protocol &&
			    str_eq(p->name, w->port_name))
				gather_slice(c, slices[i], p->port, w->family, all);
		}
	}
	vec_sort(all, candidate_cmp);
	for (size_t i = 0; i < all->len; i++)
		if (n == 0 || target_cmp(&all->ptr[n - 1], &all->ptr[i]))
			all->ptr[n++] = all->ptr[i];
	all->len = n;
}

static bool names(const struct api_strs *hints, struct str what)
{
	for (size_t i = 0; i < hints->n; i++)
		if (str_eq(hints->ptr[i], what))
			return true;
	return false;
}

enum topology {
	ANYWHERE,
	SAME_NODE,
	SAME_ZONE,
};

/* From the hints alone: one Ready endpoint without a hint switches its kind of hint off. */
static enum topology topology_of(const struct svc_config *c, const struct candidates *all)
{
	bool all_node = true, all_zone = str_is_set(c->zone), has_node = false, has_zone = false;

	vec_foreach(x, all) {
		if (!(x->b.flags & SVC_READY))
			continue;
		all_node &= x->ep->node_hints.n > 0;
		all_zone &= x->ep->zone_hints.n > 0;
		has_node |= names(&x->ep->node_hints, c->node_name);
		has_zone |= str_is_set(c->zone) && names(&x->ep->zone_hints, c->zone);
	}
	if (all_node && has_node)
		return SAME_NODE;
	return all_zone && has_zone ? SAME_ZONE : ANYWHERE;
}

static bool passes(const struct svc_config *c, enum topology t, const struct api_endpoint *e)
{
	switch (t) {
	case SAME_NODE:
		return names(&e->node_hints, c->node_name);
	case SAME_ZONE:
		return names(&e->zone_hints, c->zone);
	case ANYWHERE:
		break;
	}
	return true;
}

static bool is_fallback(const struct candidate *x)
{
	return (x->b.flags & SVC_SERVING) && (x->b.flags & SVC_TERMINATING);
}

static void mark_cluster(const struct svc_config *c, struct candidates *all)
{
	enum topology t = topology_of(c, all);
	bool found = false;

	vec_foreach(x, all)
		if ((x->b.flags & SVC_READY) && passes(c, t, x->ep)) {
			x->b.flags |= SVC_IN_CLUSTER;
			found = true;
		}
	if (found)
		return;
	vec_foreach(x, all)
		if (is_fallback(x))
			x->b.flags |= SVC_IN_CLUSTER;
}

static void mark_local(struct candidates *all)
{
	bool found = false;

	vec_foreach(x, all)
		if ((x->b.flags & SVC_READY) && (x->b.flags & SVC_HERE)) {
			x->b.flags |= SVC_IN_LOCAL;
			found = true;
		}
	if (found)
		return;
	vec_foreach(x, all)
		if (is_fallback(x) && (x->b.flags & SVC_HERE))
			x->b.flags |= SVC_IN_LOCAL;
}

void svc_select(const struct svc_config *c, const struct svc_wanted *w,
		const struct api_endpoint_slice *const *slices, size_t n_slices,
		struct svc_selection *ret)
{
	struct candidates all = {0};

	*ret = (struct svc_selection){0};
	gather(c, w, slices, n_slices, &all);
	if (w->cluster)
		mark_cluster(c, &all);
	if (w->local)
		mark_local(&all);
	vec_foreach(x, &all) {
		ret->has_any |= (x->b.flags & SVC_READY) || is_fallback(x);
		if (!(x->b.flags & (SVC_IN_CLUSTER | SVC_IN_LOCAL | SVC_SERVING)))
			continue;
		if (ret->backends.len == SVC_BACKENDS_MAX) {
			ret->is_cut = true;
			break;
		}
		*vec_push(&ret->backends) = x->b;
		ret->n_cluster += !!(x->b.flags & SVC_IN_CLUSTER);
		ret->n_local += !!(x->b.flags & SVC_IN_LOCAL);
	}
	vec_fini(&all);
}

void svc_selection_fini(struct svc_selection *s)
{
	vec_fini(&s->backends);
}

static int addr_cmp(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

uint32_t svc_select_ready_here(const struct svc_config *c,
			       const struct api_endpoint_slice *const *slices, size_t n_slices)
{
	VEC(struct ip_addr) found = {0};
	uint32_t n = 0;

	for (size_t i = 0; i < n_slices; i++)
		for (size_t j = 0; j < slices[i]->n_endpoints; j++) {
			const struct api_endpoint *e = &slices[i]->endpoints[j];

			if (e->has_addr && e->ready && str_eq(e->node_name, c->node_name))
				*vec_push(&found) = e->addr;
		}
	vec_sort(&found, addr_cmp);
	for (size_t i = 0; i < found.len; i++)
		n += i == 0 || !ip_eq(&found.ptr[i - 1], &found.ptr[i]);
	vec_fini(&found);
	return n;
}
