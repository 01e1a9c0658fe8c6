/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the EndpointSlice controller; its core is slices.c. */
#include "base/clock.h"
#include "base/vec.h"
#include "controller/endpoints/drivers.h"
#include "controller/endpoints/lookup.h"
#include "controller/endpoints/select.h"
#include "controller/endpoints/topology.h"
#include "controller/endpoints/trigger.h"

#include <string.h>

/* What is kept of a Service between its plans. */
struct slice_state {
	struct controller_trigger trigger;
	struct slice_verdict {
		bool is_told;
		char why_not[160]; /* "": there are hints */
	} verdicts[2];             /* by family: what the last Event about hints said */
};

static const struct api_node *find_node(void *ctx, struct str name)
{
	return controller_find_node(ctx, name);
}

static bool slice_wants(struct controllers *c, struct str ns, struct str name)
{
	const struct api_service *svc = controller_find_service(c, ns, name);

	return svc && controller_service_is_selecting(svc);
}

void controller_slices_write(struct arena *a, const struct controller_slices_plan *plan,
			     struct controller_writes *w)
{
	vec_foreach(s, &plan->creates)
		controller_writes_add(w, HTTP_POST, (struct str){0}, NULL,
				      api_endpoint_slice_encode(a, s));
	vec_foreach(s, &plan->updates)
		controller_writes_add(w, HTTP_PUT, s->meta.name, NULL,
				      api_endpoint_slice_encode(a, s));
	vec_foreach(s, &plan->deletes)
		controller_writes_delete(w, &(*s)->meta, false);
}

static void tell_hints(struct controllers *c, struct slice_state *state,
		       const struct api_service *svc, const struct controller_slices_plan *plan)
{
	for (size_t i = 0; i < plan->n_hints; i++) {
		const struct controller_slices_hints *h = &plan->hints[i];
		struct slice_verdict *v = &state->verdicts[h->family == IP_V6];
		const char *family = h->family == IP_V6 ? "IPv6" : "IPv4";
		struct str why = str_of(h->why_not ? h->why_not : "");

		why.len = MIN(why.len, sizeof(v->why_not) - 1);
		if (v->is_told && str_eq_c(why, v->why_not))
			continue;
		v->is_told = true;
		memcpy(v->why_not, why.ptr, why.len);
		v->why_not[why.len] = '\0';
		if (why.len)
			client_event(c->events, "v1", "Service", &svc->meta, CLIENT_EVENT_WARNING,
				     "TopologyAwareHintsDisabled", "%s, addressType: %s",
				     h->why_not, family);
		else
			client_event(c->events, "v1", "Service", &svc->meta, CLIENT_EVENT_NORMAL,
				     "TopologyAwareHintsEnabled",
				     "Topology Aware Hints has been enabled, addressType: %s",
				     family);
	}
}

static const struct controller_topology *topology(struct controllers *c, struct arena *a,
						  const struct api_service *svc)
{
	struct controller_topology *t;
	const struct api_node *const *nodes;
	size_t n;

	if (!controller_service_wants_topology(svc))
		return NULL;
	t = arena_new(a, struct controller_topology);
	n = controller_nodes(c, a, &nodes);
	controller_topology_of(a, nodes, n, t);
	return t;
}

static bool slice_plan(struct controllers *c, struct controller_sync_state *state, struct arena *a,
		       struct str ns, struct str name, struct controller_writes *w)
{
	const struct api_service *svc = controller_find_service(c, ns, name);
	struct controller_slices_in in = {
		.service = svc,
		.node = find_node,
		.node_ctx = c,
		.max = c->config.max_endpoints_per_slice,
		.topology = topology(c, a, svc),
	};
	struct slice_state *own;
	struct controller_slices_plan plan;
	char text[CLOCK_RFC3339_MAX];
	int64_t trigger;
	bool is_whole;

	if (!state->own)
		state->own = mem_xnew(struct slice_state);
	own = state->own;
	in.n_pods = controller_service_pods(c, a, svc, &in.pods);
	in.n_slices = controller_service_slices(c, a, ns, name, STR(SLICE_CONTROLLER), &in.slices);
	trigger = controller_trigger_next(&own->trigger, svc, in.pods, in.n_pods);
	if (trigger)
		in.trigger = clock_format(text, trigger, trigger % 1000000000 ? 9 : 0);
	controller_slices_plan(a, &in, &plan);
	controller_slices_write(a, &plan, w);
	tell_hints(c, own, svc, &plan);
	is_whole = !plan.n_missing_nodes;
	controller_slices_plan_fini(&plan);
	return is_whole;
}

static void slice_failed(struct controllers *c, struct str ns, struct str name,
			 const struct controller_written *w)
{
	const struct api_service *svc = controller_find_service(c, ns, name);

	if (svc)
		client_event(c->events, "v1", "Service", &svc->meta, CLIENT_EVENT_WARNING,
			     "FailedToUpdateEndpointSlices",
			     "Error updating Endpoint Slices for Service %.*s/%.*s: %s",
			     STR_ARG(ns), STR_ARG(name), w->err ? w->err->msg : "");
}

static void slice_free_own(void *own)
{
	struct slice_state *state = own;

	controller_trigger_fini(&state->trigger);
	free(state);
}

static const struct api_kind *slice_kind(void)
{
	return api_kind_of("EndpointSlice");
}

static struct client_reflector *slice_cache(struct controllers *c)
{
	return c->slices;
}

const struct controller_sync_ops controller_slice_ops = {
	.name = "endpointslice",
	.wants = slice_wants,
	.plan = slice_plan,
	.failed = slice_failed,
	.free_own = slice_free_own,
	.kind = slice_kind,
	.cache = slice_cache,
};
