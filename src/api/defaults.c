/* SPDX-License-Identifier: Apache-2.0 */
#include "api/defaults.h"

#include "api/kind.h"
#include "json/index.h"

static void defaults_type(struct arena *a, const struct api_type *type, struct json *obj);

static void defaults_field(struct arena *a, const struct api_field *f, struct json *obj)
{
	struct json *n = f->flags & API_FIELD_INLINE ? obj : json_get(obj, f->name);

	if (!n && f->default_json) {
		/* The schema's test parses every default, so this one does. */
		if (json_parse(a, str_of(f->default_json), JSON_BORROW, &n, NULL) < 0)
			return;
		json_set(obj, f->name, n);
	}
	if (!n || f->value != API_OBJECT || !f->type->has_defaults)
		return;
	if (f->shape == API_ONE) {
		defaults_type(a, f->type, n);
		return;
	}
	if (!json_is(n, JSON_ARRAY) && !json_is(n, JSON_OBJECT))
		return; /* null, or a type that api_strict refuses */
	json_foreach(c, n)
		defaults_type(a, f->type, c);
}

static void defaults_type(struct arena *a, const struct api_type *type, struct json *obj)
{
	if (!json_is(obj, JSON_OBJECT))
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct api_field *f = &type->fields[i];

		if (f->default_json || (f->value == API_OBJECT && f->type->has_defaults))
			defaults_field(a, f, obj);
	}
}

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

/* Of a Pod, or of a template, which leaves to its Pods what only they have. */
static void defaults_pod(struct arena *a, struct json *obj, bool is_pod)
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

/* The older field is the first of the newer; where they differ, an older client has set its own. */
static void defaults_pod_cidrs(struct arena *a, struct json *obj)
{
	struct json *spec = json_get(obj, "spec"), *list = json_get(spec, "podCIDRs");
	struct str one = json_get_string(spec, "podCIDR"), first = json_string(json_at(list, 0));

	if (one.len && !str_eq(one, first)) {
		list = json_set(spec, "podCIDRs", json_new(a, JSON_ARRAY));
		json_append(list, json_new_string(a, one));
	} else if (!one.len && first.len) {
		json_set(spec, "podCIDR", json_new_string(a, first));
	}
}

static void defaults_node(struct arena *a, struct json *obj)
{
	struct json *status = json_get(obj, "status");
	const struct json *capacity = json_get(status, "capacity");

	defaults_pod_cidrs(a, obj);
	if (json_is(capacity, JSON_OBJECT) && !json_get(status, "allocatable"))
		json_set(status, "allocatable", json_clone(a, capacity));
}

static void add_texts(struct arena *a, struct json *data, const struct json *texts)
{
	struct buf b = BUF_INIT;
	struct json_index x;

	json_index_init(&x, data);
	json_foreach(t, texts) {
		struct json *d = json_index_get(&x, t->key);

		if (!d) {
			d = json_new(a, JSON_STRING);
			d->key = t->key;
			json_append(data, d);
			json_index_add(&x, d);
		}
		buf_clear(&b);
		buf_add_base64(&b, json_string(t));
		d->type = JSON_STRING;
		d->string = str_dup(a, buf_str(&b));
	}
	json_index_fini(&x);
	buf_fini(&b);
}

/* stringData is for writing only: its texts become data, over what is there. */
static void defaults_secret(struct arena *a, struct json *obj)
{
	const struct json *texts = json_get(obj, "stringData");

	if (!texts)
		return;
	if (json_is(texts, JSON_OBJECT) && texts->count)
		add_texts(a, json_object_at(a, obj, "data"), texts);
	json_remove(obj, "stringData");
}

/* Every namespace can be selected by its name. */
static void defaults_namespace(struct arena *a, struct json *obj)
{
	struct json *meta = json_get(obj, "metadata");
	struct str name = json_get_string(meta, "name");
	struct json *labels;

	if (name.len == 0)
		return;
	labels = json_object_at(a, meta, "labels");
	if (!str_eq(json_get_string(labels, "kubernetes.io/metadata.name"), name))
		json_set(labels, "kubernetes.io/metadata.name", json_new_string(a, name));
}

/* What a rollout may be short of and have too much, unless it says. */
static void defaults_strategy(struct arena *a, struct json *obj)
{
	static const char *const amounts[] = {"maxUnavailable", "maxSurge"};
	struct json *spec = json_get(obj, "spec"), *strategy, *rolling;

	if (!json_is(spec, JSON_OBJECT))
		return;
	strategy = json_object_at(a, spec, "strategy");
	if (!json_get(strategy, "type"))
		json_set(strategy, "type", json_new_string(a, STR("RollingUpdate")));
	if (!str_eq_c(json_get_string(strategy, "type"), "RollingUpdate"))
		return;
	rolling = json_object_at(a, strategy, "rollingUpdate");
	for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
		if (json_is_null(json_get(rolling, amounts[i])))
			json_set(rolling, amounts[i], json_new_string(a, STR("25%")));
}

/* A template's Pods get their defaults where the template is written. */
static void defaults_template(struct arena *a, struct json *obj)
{
	struct json *template = json_path(obj, "spec.template");

	if (json_is(template, JSON_OBJECT))
		defaults_pod(a, template, false);
}

static void defaults_apps(struct arena *a, const struct api_kind *kind, struct json *obj)
{
	if (strcmp(kind->kind, "Deployment") == 0)
		defaults_strategy(a, obj);
	defaults_template(a, obj);
}

void api_defaults(struct arena *a, const struct api_kind *kind, struct json *obj)
{
	defaults_type(a, kind->type, obj);
	if (strcmp(kind->group, "apps") == 0)
		defaults_apps(a, kind, obj);
	if (*kind->group)
		return;
	if (strcmp(kind->kind, "Pod") == 0)
		defaults_pod(a, obj, true);
	else if (strcmp(kind->kind, "Node") == 0)
		defaults_node(a, obj);
	else if (strcmp(kind->kind, "Namespace") == 0)
		defaults_namespace(a, obj);
	else if (strcmp(kind->kind, "Secret") == 0)
		defaults_secret(a, obj);
}
