/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the EndpointSlice controller; its core is slices.c. */
#include "base/clock.h"
#include "controller/controller-internal.h"
#include "controller/trigger.h"

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
		controller_writes_add(w, HTTP_DELETE, (*s)->meta.name, NULL, NULL);
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
	};
	struct controller_slices_plan plan;
	char text[CLOCK_RFC3339_MAX];
	int64_t trigger;
	bool is_whole;

	if (!state->own)
		state->own = mem_xnew(struct controller_trigger);
	in.n_pods = controller_service_pods(c, a, svc, &in.pods);
	in.n_slices = controller_service_slices(c, a, ns, name, STR(SLICE_CONTROLLER), &in.slices);
	trigger = controller_trigger_next(state->own, svc, in.pods, in.n_pods);
	if (trigger)
		in.trigger = clock_format(text, trigger, trigger % 1000000000 ? 9 : 0);
	controller_slices_plan(a, &in, &plan);
	controller_slices_write(a, &plan, w);
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
	controller_trigger_fini(own);
	free(own);
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
