/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the mirroring controller; its core is mirror.c. Its keys are names of Endpoints. */
#include "base/vec.h"
#include "controller/endpoints/drivers.h"
#include "controller/endpoints/lookup.h"
#include "controller/endpoints/mirror.h"
#include "controller/endpoints/select.h"

static const struct api_endpoints *mirrored(struct controllers *c, struct str ns, struct str name)
{
	struct client_object *o = client_reflector_get(c->endpoints, ns, name);

	if (!o || !controller_mirror_applies(o->view, controller_find_service(c, ns, name)))
		return NULL;
	return o->view;
}

static size_t mirror_slices(struct controllers *c, struct arena *a, struct str ns, struct str name,
			    const struct api_endpoint_slice *const **ret)
{
	return controller_service_slices(c, a, ns, name, STR(MIRRORING_CONTROLLER), ret);
}

static bool mirror_wants(struct controllers *c, struct str ns, struct str name)
{
	const struct api_endpoint_slice *const *slices;
	struct arena a;
	size_t n;

	if (mirrored(c, ns, name))
		return true;
	arena_init(&a, 1024);
	n = mirror_slices(c, &a, ns, name, &slices);
	arena_fini(&a);
	return n > 0;
}

static void mirror_tell(struct controllers *c, const struct api_endpoints *ep,
			const struct controller_mirror_skips *skips)
{
	if (skips->invalid)
		client_event(c->events, "v1", "Endpoints", &ep->meta, CLIENT_EVENT_WARNING,
			     "InvalidIPAddress",
			     "Skipped %zu invalid IP addresses when mirroring to EndpointSlices",
			     skips->invalid);
	if (skips->too_many)
		client_event(
			c->events, "v1", "Endpoints", &ep->meta, CLIENT_EVENT_WARNING,
			"TooManyAddressesToMirror",
			"A max of %d addresses can be mirrored to EndpointSlices per Endpoints "
			"subset. %zu addresses were skipped",
			CONTROLLER_MIRROR_MAX, skips->too_many);
}

static bool mirror_plan(struct controllers *c, struct controller_sync_state *state, struct arena *a,
			struct str ns, struct str name, struct controller_writes *w)
{
	const struct api_endpoints *ep = mirrored(c, ns, name);
	const struct api_endpoint_slice *const *slices;
	size_t n = mirror_slices(c, a, ns, name, &slices);
	struct controller_slices_plan plan = {0};
	struct controller_mirror_skips skips = {0};

	if (ep)
		controller_mirror_plan(a, ep, slices, n, &plan, &skips);
	for (size_t i = 0; !ep && i < n; i++)
		*vec_push(&plan.deletes) = slices[i];
	controller_slices_write(a, &plan, w);
	controller_slices_plan_fini(&plan);
	if (ep)
		mirror_tell(c, ep, &skips);
	return true;
}

static void mirror_failed(struct controllers *c, struct str ns, struct str name,
			  const struct controller_written *w)
{
	const struct api_meta about = {.ns = ns, .name = name};

	client_event(c->events, "v1", "Endpoints", &about, CLIENT_EVENT_WARNING,
		     "FailedToUpdateEndpointSlices",
		     "Error mirroring Endpoints %.*s/%.*s to EndpointSlices: %s", STR_ARG(ns),
		     STR_ARG(name), w->err ? w->err->msg : "");
}

static const struct api_kind *mirror_kind(void)
{
	return api_kind_of("EndpointSlice");
}

static struct client_reflector *mirror_cache(struct controllers *c)
{
	return c->slices;
}

const struct controller_sync_ops controller_mirror_ops = {
	.name = "endpointslicemirroring",
	.wants = mirror_wants,
	.plan = mirror_plan,
	.failed = mirror_failed,
	.kind = mirror_kind,
	.cache = mirror_cache,
};
