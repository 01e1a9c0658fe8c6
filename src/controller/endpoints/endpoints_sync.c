/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the Endpoints controller; its core is endpoints.c. */
#include "base/clock.h"
#include "controller/endpoints/drivers.h"
#include "controller/endpoints/endpoints.h"
#include "controller/endpoints/lookup.h"
#include "controller/endpoints/select.h"
#include "controller/endpoints/trigger.h"

static const struct api_endpoints *existing_endpoints(struct controllers *c, struct str ns,
						      struct str name)
{
	struct client_object *o = client_reflector_get(c->endpoints, ns, name);

	return o ? o->view : NULL;
}

/* Endpoints of a Service that is gone go too, unless they are some program's lock. */
static bool is_orphan(const struct api_endpoints *e)
{
	return e &&
	       !api_pairs_has(&e->meta.annotations, "control-plane.alpha.kubernetes.io/leader");
}

static bool endpoints_wants(struct controllers *c, struct str ns, struct str name)
{
	const struct api_service *svc = controller_find_service(c, ns, name);

	if (svc)
		return controller_service_is_selecting(svc);
	return is_orphan(existing_endpoints(c, ns, name));
}

/* A merge patch of what we own, so that what others added to the object stays. */
static struct json *endpoints_patch(struct arena *a, const struct api_endpoints *before,
				    const struct api_endpoints *want)
{
	struct json *all = api_endpoints_encode(a, want), *patch = json_new(a, JSON_OBJECT);
	struct json *meta = json_new(a, JSON_OBJECT), *labels = json_new(a, JSON_OBJECT);
	struct json *annotations = json_new(a, JSON_OBJECT), *subsets = json_get(all, "subsets");
	static const char *const ours[] = {ANNOTATION_TRIGGER, ANNOTATION_CAPACITY};

	for (size_t i = 0; i < before->meta.labels.n; i++)
		json_set_str(labels, before->meta.labels.ptr[i].key, json_new(a, JSON_NULL));
	for (size_t i = 0; i < want->meta.labels.n; i++)
		json_set_str(labels, want->meta.labels.ptr[i].key,
			     json_new_string(a, want->meta.labels.ptr[i].value));
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		struct str value = api_pairs_get(&want->meta.annotations, ours[i]);

		json_set(annotations, ours[i],
			 str_is_set(value) ? json_new_string(a, value) : json_new(a, JSON_NULL));
	}
	json_set(meta, "resourceVersion", json_new_string(a, before->meta.resource_version));
	json_set(meta, "labels", labels);
	json_set(meta, "annotations", annotations);
	json_set(patch, "metadata", meta);
	json_set(patch, "subsets", subsets ? json_clone(a, subsets) : json_new(a, JSON_NULL));
	return patch;
}

static bool endpoints_plan(struct controllers *c, struct controller_sync_state *state,
			   struct arena *a, struct str ns, struct str name,
			   struct controller_writes *w)
{
	const struct api_service *svc = controller_find_service(c, ns, name);
	struct controller_endpoints_in in = {.service = svc};
	struct api_endpoints want;
	char text[CLOCK_RFC3339_MAX];
	int64_t trigger;

	in.existing = existing_endpoints(c, ns, name);
	if (!svc) { /* … these, not what someone may have made under the name meanwhile */
		if (in.existing)
			controller_writes_delete_as_read(w, &in.existing->meta);
		return true;
	}
	if (!state->own)
		state->own = mem_xnew(struct controller_trigger);
	in.n_pods = controller_service_pods(c, a, svc, &in.pods);
	trigger = controller_trigger_next(state->own, svc, in.pods, in.n_pods);
	if (trigger)
		in.trigger = clock_format(text, trigger, trigger % 1000000000 ? 9 : 0);
	switch (controller_endpoints_plan(a, &in, &want)) {
	case CONTROLLER_ENDPOINTS_KEEP:
		break;
	case CONTROLLER_ENDPOINTS_CREATE:
		controller_writes_add(w, HTTP_POST, (struct str){0}, NULL,
				      api_endpoints_encode(a, &want));
		break;
	case CONTROLLER_ENDPOINTS_UPDATE:
		controller_writes_add(w, HTTP_PATCH, name, "application/merge-patch+json",
				      endpoints_patch(a, in.existing, &want));
		break;
	}
	return true;
}

static void endpoints_failed(struct controllers *c, struct str ns, struct str name,
			     const struct controller_written *w)
{
	const struct api_meta about = {.ns = ns, .name = name};
	bool is_create = w->method == HTTP_POST;

	client_event(c->events, "v1", "Endpoints", &about, CLIENT_EVENT_WARNING,
		     is_create ? "FailedToCreateEndpoint" : "FailedToUpdateEndpoint",
		     "Failed to %s %.*s/%.*s: %s",
		     is_create ? "create endpoint for service" : "update endpoint", STR_ARG(ns),
		     STR_ARG(name), w->err ? w->err->msg : "");
}

static void endpoints_free_own(void *own)
{
	controller_trigger_fini(own);
	free(own);
}

static const struct api_kind *endpoints_kind(void)
{
	return api_kind_of("Endpoints");
}

static struct client_reflector *endpoints_cache(struct controllers *c)
{
	return c->endpoints;
}

const struct controller_sync_ops controller_endpoints_ops = {
	.name = "endpoints",
	.wants = endpoints_wants,
	.plan = endpoints_plan,
	.failed = endpoints_failed,
	.free_own = endpoints_free_own,
	.kind = endpoints_kind,
	.cache = endpoints_cache,
};
