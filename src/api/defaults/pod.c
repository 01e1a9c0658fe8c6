/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults/defaults-internal.h"
#include "json/index.h"

/* The part of an image's name behind the last ':' of the last path component, without the digest.
 */
static bool defaults_is_latest(struct str image)
{
	ptrdiff_t at = str_find(image, '@'), slash, colon;

	if (at >= 0) /* a digest alone names no tag */
		image = str_sub(image, 0, (size_t)at);
	slash = str_rfind(image, '/');
	colon = str_rfind(image, ':');
	if (colon <= slash)
		return at < 0;
	return str_eq_c(str_skip(image, (size_t)colon + 1), "latest");
}

static void defaults_pull_policy(struct arena *a, struct json *obj, const char *key,
				 struct str image)
{
	if (json_get(obj, key))
		return;
	json_set(obj, key,
		 json_new_string(a,
				 defaults_is_latest(image) ? STR("Always") : STR("IfNotPresent")));
}

/* A limit without a request is the request, too. */
static void defaults_requests(struct arena *a, struct json *container)
{
	const struct json *limits = json_path(container, "resources.limits");
	struct json_index index;
	struct json *requests;

	if (!json_is(limits, JSON_OBJECT) || !limits->first)
		return;
	requests = json_object_at(a, json_get(container, "resources"), "requests");
	json_index_init(&index, requests);
	for (const struct json *l = limits->first; l; l = l->next)
		if (!json_index_get(&index, l->key))
			json_index_add(&index, json_append(requests, json_clone(a, l)));
	json_index_fini(&index);
}

static void defaults_host_ports(struct arena *a, struct json *container)
{
	struct json *ports = json_get(container, "ports");

	if (!json_is(ports, JSON_ARRAY))
		return;
	json_foreach(p, ports) {
		const struct json *port = json_get(p, "containerPort");

		if (json_is(port, JSON_INT) && json_get_int(p, "hostPort", 0) == 0)
			json_set(p, "hostPort", json_new_int(a, port->integer));
	}
}

static void defaults_containers(struct arena *a, struct json *spec, const char *key, bool is_pod)
{
	bool is_host = json_get_bool(spec, "hostNetwork", false);
	bool is_ephemeral = strcmp(key, "ephemeralContainers") == 0;
	struct json *list = json_get(spec, key);

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(c, list) {
		defaults_pull_policy(a, c, "imagePullPolicy", json_get_string(c, "image"));
		if (is_ephemeral || !is_pod)
			continue;
		defaults_requests(a, c);
		if (is_host)
			defaults_host_ports(a, c);
	}
}

/* Members of a volume that do not say where it comes from. */
static bool defaults_has_source(const struct json *volume)
{
	for (const struct json *m = volume->first; m; m = m->next)
		if (!str_eq_c(m->key, "name"))
			return true;
	return false;
}

static void defaults_volumes(struct arena *a, struct json *spec)
{
	struct json *list = json_get(spec, "volumes");

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(v, list) {
		struct json *image = json_get(v, "image");

		if (!defaults_has_source(v))
			json_set(v, "emptyDir", json_new(a, JSON_OBJECT));
		if (json_is(image, JSON_OBJECT))
			defaults_pull_policy(a, image, "pullPolicy",
					     json_get_string(image, "reference"));
	}
}

static void defaults_probe(struct arena *a, const struct json *container, const char *name)
{
	struct json *http = json_get(json_get(container, name), "httpGet");

	if (!json_is(http, JSON_OBJECT))
		return;
	api_defaults_text(a, http, "path", "/");
	api_defaults_text(a, http, "scheme", "HTTP");
}

enum qos {
	QOS_BEST_EFFORT,
	QOS_BURSTABLE,
	QOS_GUARANTEED,
};

/* Of one container: guaranteed when CPU and memory have limits that the requests equal. */
static enum qos container_qos(const struct json *container)
{
	static const char *const names[] = {"cpu", "memory"};
	const struct json *limits = json_path(container, "resources.limits");
	const struct json *requests = json_path(container, "resources.requests");
	enum qos qos = QOS_GUARANTEED;
	bool has_any = false;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct json *limit = json_get(limits, names[i]);
		const struct json *request = json_get(requests, names[i]);

		has_any = has_any || !json_is_null(limit) || !json_is_null(request);
		if (json_is_null(limit) || (!json_is_null(request) && !json_eq(limit, request)))
			qos = QOS_BURSTABLE;
	}
	return has_any ? qos : QOS_BEST_EFFORT;
}

static const char *pod_qos(const struct json *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	bool is_all_best = true, is_all_guaranteed = true;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_get(spec, lists[i]);

		if (!json_is(list, JSON_ARRAY))
			continue;
		json_foreach(it, list) {
			enum qos qos = container_qos(it);

			is_all_best = is_all_best && qos == QOS_BEST_EFFORT;
			is_all_guaranteed = is_all_guaranteed && qos == QOS_GUARANTEED;
		}
	}
	return is_all_best ? "BestEffort" : is_all_guaranteed ? "Guaranteed" : "Burstable";
}

/* What a new Pod has once its status was emptied. */
static void defaults_status(struct arena *a, struct json *pod)
{
	struct json *status = json_object_at(a, pod, "status");

	if (!json_is(status, JSON_OBJECT))
		return;
	api_defaults_text(a, status, "phase", "Pending");
	api_defaults_text(a, status, "qosClass", pod_qos(json_get(pod, "spec")));
}

/* Of the containers of a Pod's spec, or a template's. */
static void defaults_probes(struct arena *a, const struct json *spec)
{
	static const char *const lists[] = {"containers", "initContainers"};
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	static const char *const hooks[] = {"postStart", "preStop"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_get(spec, lists[i]);

		if (!json_is(list, JSON_ARRAY))
			continue;
		json_foreach(it, list) {
			for (size_t k = 0; k < ARRAY_LEN(probes); k++)
				defaults_probe(a, it, probes[k]);
			for (size_t k = 0; k < ARRAY_LEN(hooks); k++)
				defaults_probe(a, json_get(it, "lifecycle"), hooks[k]);
		}
	}
}

/* Of a Pod, or of a template, which leaves to its Pods what only they have. */
static void defaults_spec(struct arena *a, struct json *obj, bool is_pod)
{
	static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};
	struct json *spec = json_get(obj, "spec");

	if (!json_is(spec, JSON_OBJECT))
		return;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		defaults_containers(a, spec, lists[i], is_pod);
	defaults_volumes(a, spec);
	if (is_pod && !json_get(spec, "enableServiceLinks"))
		json_set(spec, "enableServiceLinks", json_new_bool(a, true));
}

void api_defaults_pod(struct arena *a, struct json *obj)
{
	defaults_spec(a, obj, true);
	defaults_probes(a, json_get(obj, "spec"));
	defaults_status(a, obj);
}

/* A template's Pods get their defaults where the template is written. */
void api_defaults_pod_template(struct arena *a, struct json *obj)
{
	struct json *template = json_path(obj, "spec.template");

	if (!json_is(template, JSON_OBJECT))
		return;
	defaults_spec(a, template, false);
	defaults_probes(a, json_get(template, "spec"));
}
