/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/repack.h"

#include "base/buf.h"
#include "base/map.h"
#include "controller/endpoints/select.h"

static int spot_port_cmp(const struct controller_spot *x, const struct controller_spot *y)
{
	if (!x->port || !y->port)
		return !!x->port - !!y->port;
	return controller_port_cmp(x->port, y->port);
}

static int spot_order(const void *px, const void *py)
{
	const struct controller_spot *x = px, *y = py;
	int c = spot_port_cmp(x, y);

	if (!c)
		c = str_cmp(x->address.ip, y->address.ip);
	if (!c)
		c = str_cmp(x->address.target.uid, y->address.target.uid);
	return c ? c : x->is_ready - y->is_ready; /* not ready first: it wins */
}

static bool is_same_address(const struct controller_spot *x, const struct controller_spot *y)
{
	return str_eq(x->address.ip, y->address.ip) &&
	       str_eq(x->address.target.uid, y->address.target.uid);
}

/* The run of spots[0] up to the next port, doubles removed: *ret_kept of *ret_run spots. */
static void port_run(struct controller_spot *spots, size_t n, size_t *ret_run, size_t *ret_kept)
{
	size_t run = 1, kept = 1;

	for (; run < n && spot_port_cmp(&spots[0], &spots[run]) == 0; run++)
		if (!is_same_address(&spots[kept - 1], &spots[run]))
			spots[kept++] = spots[run];
	*ret_run = run;
	*ret_kept = kept;
}

static struct str run_key(struct arena *a, const struct controller_spot *spots, size_t n)
{
	struct buf b;
	struct str key;

	buf_init(&b);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%.*s/%.*s/%d\n", STR_ARG(spots[i].address.ip),
			   STR_ARG(spots[i].address.target.uid), spots[i].is_ready);
	key = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return key;
}

/* A subset under way. */
struct repack_set {
	const struct controller_spot *spots;
	size_t n;
	VEC(struct api_endpoint_port) ports;
};

static struct api_endpoints_subset set_finish(struct arena *a, const struct repack_set *s)
{
	struct api_endpoints_address *addresses = arena_array(a, s->n, sizeof(*addresses));
	struct api_endpoint_port *ports = arena_array(a, s->ports.len, sizeof(*ports));
	size_t n_ready = 0, n_not = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->spots[i].is_ready)
			addresses[n_ready++] = s->spots[i].address;
	for (size_t i = 0; i < s->n; i++)
		if (!s->spots[i].is_ready)
			addresses[n_ready + n_not++] = s->spots[i].address;
	for (size_t i = 0; i < s->ports.len; i++)
		ports[i] = s->ports.ptr[i];
	return (struct api_endpoints_subset){
		.ready = addresses,
		.n_ready = n_ready,
		.not_ready = addresses + n_ready,
		.n_not_ready = n_not,
		.ports = ports,
		.n_ports = s->ports.len,
	};
}

static void set_free(void *p)
{
	struct repack_set *s = p;

	vec_fini(&s->ports);
	free(s);
}

size_t controller_repack(struct arena *a, struct controller_spot *spots, size_t n,
			 struct api_endpoints_subset **ret)
{
	struct map sets = {0};
	struct api_endpoints_subset *out;
	size_t n_out = 0, run, kept;

	if (n > 1)
		qsort(spots, n, sizeof(*spots), spot_order);
	for (size_t i = 0; i < n; i += run) {
		struct repack_set *s;
		struct str key;

		port_run(&spots[i], n - i, &run, &kept);
		key = run_key(a, &spots[i], kept);
		s = map_get(&sets, key);
		if (!s) {
			s = mem_xnew(struct repack_set);
			s->spots = &spots[i];
			s->n = kept;
			map_put(&sets, key, s);
		}
		if (spots[i].port)
			*vec_push(&s->ports) = *spots[i].port;
	}
	out = arena_array(a, map_len(&sets), sizeof(*out));
	map_foreach(e, &sets)
		out[n_out++] = set_finish(a, e->value);
	map_fini_values(&sets, set_free);
	*ret = out;
	return n_out;
}

void controller_spots_add(struct controller_spots *s, const struct controller_spot *spot)
{
	if (s->all.len < CONTROLLER_SPOTS_MAX)
		*vec_push(&s->all) = *spot;
	else
		s->n_left_out++;
}

static void spots_add(struct controller_spots *ret, const struct api_endpoints_subset *s,
		      const struct api_endpoint_port *port)
{
	if (ret->all.len == CONTROLLER_SPOTS_MAX) {
		ret->n_left_out += s->n_ready + s->n_not_ready;
		return;
	}
	for (size_t i = 0; i < s->n_ready; i++)
		controller_spots_add(ret, &(struct controller_spot){s->ready[i], port, true});
	for (size_t i = 0; i < s->n_not_ready; i++)
		controller_spots_add(ret, &(struct controller_spot){s->not_ready[i], port, false});
}

void controller_spots_of(const struct api_endpoints_subset *subsets, size_t n,
			 struct controller_spots *ret)
{
	*ret = (struct controller_spots){0};
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < subsets[i].n_ports; k++)
			spots_add(ret, &subsets[i], &subsets[i].ports[k]);
		if (!subsets[i].n_ports)
			spots_add(ret, &subsets[i], NULL);
	}
}

/* A subset's share of the budget, rounded up and bounded by what remains of it. */
static size_t share(size_t own, size_t total, size_t budget, size_t *remaining)
{
	size_t n = total ? (own * budget + total - 1) / total : 0;

	n = MIN(n, own);
	n = MIN(n, *remaining);
	*remaining -= n;
	return n;
}

bool controller_truncate(struct api_endpoints_subset *subsets, size_t *n, size_t max)
{
	size_t ready = 0, not_ready = 0, kept = 0, budget, rest;

	for (size_t i = 0; i < *n; i++) {
		ready += subsets[i].n_ready;
		not_ready += subsets[i].n_not_ready;
	}
	if (ready + not_ready <= max)
		return false;
	budget = rest = ready > max ? max : max - ready;
	for (size_t i = 0; i < *n; i++) {
		struct api_endpoints_subset *s = &subsets[i];

		if (ready > max) {
			s->n_ready = share(s->n_ready, ready, budget, &rest);
			s->n_not_ready = 0;
		} else {
			s->n_not_ready = share(s->n_not_ready, not_ready, budget, &rest);
		}
		if (s->n_ready || s->n_not_ready)
			subsets[kept++] = *s;
	}
	*n = kept;
	return true;
}
