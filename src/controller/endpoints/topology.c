/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/topology.h"

#include "base/vec.h"

#include <math.h>
#include <stdlib.h>

/* No zone gets more than this much above its share. */
#define TOPOLOGY_OVERLOAD 1.2

static bool node_counts(const struct api_node *node)
{
	static const char *const control[] = {"node-role.kubernetes.io/control-plane",
					      "node-role.kubernetes.io/master"};

	for (size_t i = 0; i < ARRAY_LEN(control); i++)
		if (api_pairs_has(&node->meta.labels, control[i]))
			return false;
	for (size_t i = 0; i < node->n_conditions; i++)
		if (str_eq_c(node->conditions[i].type, "Ready"))
			return str_eq_c(node->conditions[i].status, "True");
	return false;
}

static int by_name(const void *x, const void *y)
{
	const struct controller_zone *a = x, *b = y;

	return str_cmp(a->name, b->name);
}

void controller_topology_of(struct arena *a, const struct api_node *const *nodes, size_t n,
			    struct controller_topology *ret)
{
	struct controller_zone *zones = arena_array(a, n + 1, sizeof(*zones));
	size_t n_zones = 0;
	double sum = 0;

	*ret = (struct controller_topology){0};
	for (size_t i = 0; i < n; i++) {
		size_t z = 0;

		if (!node_counts(nodes[i]))
			continue;
		if (!nodes[i]->zone.len || nodes[i]->cpu_milli <= 0) {
			ret->why_not = "Insufficient Node information: allocatable CPU or zone not "
				       "specified on one or more nodes";
			return;
		}
		while (z < n_zones && !str_eq(zones[z].name, nodes[i]->zone))
			z++;
		if (z == n_zones)
			zones[n_zones++] = (struct controller_zone){.name = nodes[i]->zone};
		zones[z].ratio += (double)nodes[i]->cpu_milli;
		sum += (double)nodes[i]->cpu_milli;
	}
	if (n_zones < 2) {
		ret->why_not = "Nodes only ready in one zone";
		return;
	}
	qsort(zones, n_zones, sizeof(*zones), by_name);
	for (size_t z = 0; z < n_zones; z++)
		zones[z].ratio /= sum;
	ret->zones = zones;
	ret->n_zones = n_zones;
}

bool controller_topology_matters(const struct api_node *before, const struct api_node *after)
{
	bool did = before && node_counts(before), does = after && node_counts(after);

	return did != does || (did && (!str_eq(before->zone, after->zone) ||
				       before->cpu_milli != after->cpu_milli));
}

/* What a zone is to get, and has got. */
struct share {
	struct str zone;
	double want;
	size_t max, has;
	double spare; /* has - want, while endpoints are moved */
	size_t n_give, n_take;
};

struct shares {
	struct share *ptr;
	size_t n;
};

static struct share *share_of(const struct shares *s, struct str zone)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->ptr[i].zone, zone))
			return &s->ptr[i];
	return NULL;
}

/* False when some zone cannot have its least without another being overloaded. */
static bool share_out(const struct controller_topology *t, size_t n_ready, struct shares *s)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->n_zones; i++) {
		struct share *z = &s->ptr[i];

		z->zone = t->zones[i].name;
		z->want = t->zones[i].ratio * (double)n_ready;
		z->max = (size_t)ceil(z->want / TOPOLOGY_OVERLOAD); /* the least, so far */
		sum += z->max;
	}
	if (sum > n_ready)
		return false;
	for (size_t i = 0; i < t->n_zones; i++)
		s->ptr[i].max += n_ready - sum;
	return true;
}

/* Whether a slice that nothing else changes in may keep its hints; counts them if so. */
static bool keep_hints(const struct controller_hint_slice *slice, const struct shares *s)
{
	bool fits = true;
	size_t i;

	for (i = 0; i < slice->n && fits; i++) {
		const struct api_endpoint *e = &slice->endpoints[i];
		struct share *z = e->zone_hints.n == 1 ? share_of(s, e->zone_hints.ptr[0]) : NULL;

		fits = e->node_hints.n == 0;
		if (!e->ready) {
			fits = fits && e->zone_hints.n == 0;
			continue;
		}
		fits = fits && z;
		if (z)
			fits = ++z->has <= z->max && fits;
	}
	while (!fits && i-- > 0) {
		const struct api_endpoint *e = &slice->endpoints[i];
		struct share *z = e->zone_hints.n == 1 ? share_of(s, e->zone_hints.ptr[0]) : NULL;

		if (e->ready && z)
			z->has--;
	}
	return fits;
}

static void hint(struct arena *a, struct api_endpoint *e, struct str zone)
{
	struct str *one = arena_new(a, struct str);

	*one = zone;
	e->zone_hints = (struct api_strs){one, 1};
	e->node_hints = (struct api_strs){0};
}

static void hint_own_zones(struct arena *a, const struct controller_hint_slice *slice,
			   const struct shares *s)
{
	for (size_t i = 0; i < slice->n; i++) {
		struct api_endpoint *e = &slice->endpoints[i];
		struct share *z = share_of(s, e->zone);

		e->zone_hints = e->node_hints = (struct api_strs){0};
		if (!e->ready)
			continue;
		hint(a, e, e->zone);
		if (z)
			z->has++;
	}
}

/* How many endpoints each zone gives away and takes: one after the other from the zone that has
 * the most to spare to the one that lacks the most, while it is at least half of one for both and a
 * whole one for either. */
static void plan_moves(const struct shares *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->ptr[i].spare = (double)s->ptr[i].has - s->ptr[i].want;
	for (;;) {
		struct share *most = &s->ptr[0], *least = &s->ptr[0];

		for (size_t i = 1; i < s->n; i++) {
			if (s->ptr[i].spare > most->spare)
				most = &s->ptr[i];
			if (s->ptr[i].spare < least->spare)
				least = &s->ptr[i];
		}
		if (most->spare < 0.5 || least->spare > -0.5 ||
		    (most->spare < 1 && least->spare > -1))
			return;
		most->n_give++;
		most->spare--;
		least->n_take++;
		least->spare++;
	}
}

static struct share *next_taker(const struct shares *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ptr[i].n_take)
			return &s->ptr[i];
	return NULL;
}

static void move_hints(struct arena *a, const struct controller_hint_slice *slice,
		       const struct shares *s)
{
	for (size_t i = 0; i < slice->n; i++) {
		struct api_endpoint *e = &slice->endpoints[i];
		struct share *giver = e->ready ? share_of(s, e->zone) : NULL,
			     *taker = next_taker(s);

		if (!taker)
			return;
		if (!giver || !giver->n_give)
			continue;
		giver->n_give--;
		taker->n_take--;
		hint(a, e, taker->zone);
	}
}

static void clear_hints(struct controller_hint_slice *slice)
{
	for (size_t i = 0; i < slice->n; i++) {
		struct api_endpoint *e = &slice->endpoints[i];

		if (e->zone_hints.n || e->node_hints.n)
			slice->is_kept = false;
		e->zone_hints = e->node_hints = (struct api_strs){0};
	}
}

static const char *why_not(struct arena *a, const struct controller_topology *t,
			   const struct controller_hint_slice *slices, size_t n, struct shares *s)
{
	size_t n_ready = 0;
	bool has_zones = true;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < slices[i].n; k++) {
			n_ready += slices[i].endpoints[k].ready;
			has_zones &= !slices[i].endpoints[k].ready ||
				     slices[i].endpoints[k].zone.len > 0;
		}
	if (t->why_not)
		return t->why_not;
	if (n_ready < t->n_zones)
		return str_printf(a, "Insufficient number of endpoints (%zu endpoints, %zu zones)",
				  n_ready, t->n_zones)
			.ptr;
	if (!share_out(t, n_ready, s))
		return str_printf(a,
				  "Unable to allocate minimum required endpoints to each zone "
				  "without exceeding overload threshold (%zu endpoints, %zu zones)",
				  n_ready, t->n_zones)
			.ptr;
	return has_zones ? NULL : "One or more endpoints do not have a zone specified";
}

const char *controller_topology_hint(struct arena *a, const struct controller_topology *t,
				     struct controller_hint_slice *slices, size_t n)
{
	struct shares s = {arena_array(a, t->n_zones + 1, sizeof(struct share)), t->n_zones};
	const char *why = why_not(a, t, slices, n, &s);

	for (size_t i = 0; why && i < n; i++)
		clear_hints(&slices[i]);
	if (why)
		return why;
	for (size_t i = 0; i < n; i++)
		slices[i].is_kept = slices[i].is_kept && keep_hints(&slices[i], &s);
	for (size_t i = 0; i < n; i++)
		if (!slices[i].is_kept)
			hint_own_zones(a, &slices[i], &s);
	plan_moves(&s);
	for (size_t i = 0; i < n; i++)
		if (!slices[i].is_kept)
			move_hints(a, &slices[i], &s);
	return NULL;
}
