/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/pod_account.h"

#define ACCOUNT    "default"
#define MOUNT_PATH "/var/run/secrets/kubernetes.io/serviceaccount"
#define VOLUME     "kube-api-access-"
#define MIRROR     "kubernetes.io/config.mirror"

enum {
	TOKEN_S = 3607,     /* as Kubernetes asks for: an hour, and room for clocks that differ */
	VOLUME_MODE = 0644, /* of the files */
};

/* [{…}] at `key`: the one element. */
static struct json *list_of_one(struct arena *a, struct json *obj, const char *key)
{
	return json_append(json_set(obj, key, json_new(a, JSON_ARRAY)), json_new(a, JSON_OBJECT));
}

static struct json *volume(struct arena *a, struct str name)
{
	struct json *v = json_new(a, JSON_OBJECT), *projected, *sources, *n;

	json_set_string(a, v, "name", name);
	projected = json_object_at(a, v, "projected");
	sources = json_set(projected, "sources", json_new(a, JSON_ARRAY));
	n = json_object_at(a, json_append(sources, json_new(a, JSON_OBJECT)),
			   "serviceAccountToken");
	json_set(n, "expirationSeconds", json_new_int(a, TOKEN_S));
	json_set_string(a, n, "path", STR("token"));
	n = json_object_at(a, json_append(sources, json_new(a, JSON_OBJECT)), "configMap");
	json_set_string(a, n, "name", STR("kube-root-ca.crt"));
	n = list_of_one(a, n, "items");
	json_set_string(a, n, "key", STR("ca.crt"));
	json_set_string(a, n, "path", STR("ca.crt"));
	n = json_object_at(a, json_append(sources, json_new(a, JSON_OBJECT)), "downwardAPI");
	n = list_of_one(a, n, "items");
	json_set_string(a, n, "path", STR("namespace"));
	n = json_object_at(a, n, "fieldRef");
	json_set_string(a, n, "apiVersion", STR("v1"));
	json_set_string(a, n, "fieldPath", STR("metadata.namespace"));
	json_set(projected, "defaultMode", json_new_int(a, VOLUME_MODE));
	return v;
}

static struct json *array_at(struct arena *a, struct json *obj, const char *key)
{
	struct json *list = json_get(obj, key);

	return json_is(list, JSON_ARRAY) ? list : json_set(obj, key, json_new(a, JSON_ARRAY));
}

/* True when the container got the mount: it has none there of its own. */
static bool mount(struct arena *a, struct json *container, struct str name)
{
	struct json *list, *n;

	if (!json_is(container, JSON_OBJECT))
		return false;
	list = array_at(a, container, "volumeMounts");
	json_foreach(m, list)
		if (str_eq_c(json_get_string(m, "mountPath"), MOUNT_PATH))
			return false;
	n = json_append(list, json_new(a, JSON_OBJECT));
	json_set_string(a, n, "name", name);
	json_set(n, "readOnly", json_new_bool(a, true));
	json_set_string(a, n, "mountPath", STR(MOUNT_PATH));
	return true;
}

/* A volume of ours that a client sent back with the Pod is used; otherwise one of a drawn name. */
static struct str volume_name(struct op *op, struct json *spec, bool *ret_is_there)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	const struct json *list = json_get(spec, "volumes");
	char suffix[5];

	*ret_is_there = true;
	if (json_is(list, JSON_ARRAY))
		json_foreach(v, list)
			if (str_has_prefix(json_get_string(v, "name"), STR(VOLUME)))
				return json_get_string(v, "name");
	*ret_is_there = false;
	for (size_t i = 0; i < sizeof(suffix); i++)
		suffix[i] = alphabet[rand_below(&op->s->rand, sizeof(alphabet) - 1)];
	return str_printf(&op->arena, VOLUME "%.*s", (int)sizeof(suffix), suffix);
}

static void mount_token(struct op *op, struct json *spec)
{
	static const char *const lists[] = {"initContainers", "containers"};
	bool is_there, is_used = false;
	struct str name = volume_name(op, spec, &is_there);

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_get(spec, lists[i]);

		if (!json_is(list, JSON_ARRAY))
			continue;
		json_foreach(c, list)
			is_used |= mount(&op->arena, c, name);
	}
	if (is_used && !is_there)
		json_append(array_at(&op->arena, spec, "volumes"), volume(&op->arena, name));
}

static int no_account(struct op *op, const struct json *obj, struct str account)
{
	struct request *req = op->req;
	struct str name = str_dup(req->arena, json_string(json_path(obj, "metadata.name")));

	status_about(&req->st, req->res, name);
	return status_set(&req->st, ERR_FORBIDDEN,
			  "pods \"%.*s\" is forbidden: error looking up service account "
			  "%.*s/%.*s: serviceaccount \"%.*s\" not found",
			  STR_ARG(name), STR_ARG(req->ns), STR_ARG(account), STR_ARG(account));
}

static void copy_pull_secrets(struct op *op, const struct json *account, struct json *spec)
{
	const struct json *own = json_get(spec, "imagePullSecrets");
	const struct json *theirs = json_get(account, "imagePullSecrets");

	if (json_is(theirs, JSON_ARRAY) && theirs->count &&
	    (!json_is(own, JSON_ARRAY) || !own->count))
		json_set(spec, "imagePullSecrets", json_clone(&op->arena, theirs));
}

int pod_account_admit(struct op *op, const struct json *old, struct json *obj)
{
	const struct resource *res = server_resource_of(op->s, "ServiceAccount");
	struct json *spec = json_get(obj, "spec"), *account = NULL;
	struct str name = json_get_string(spec, "serviceAccountName");
	bool is_named = name.len > 0;
	const struct object *o;

	if (old || op->s->config.has_no_pod_accounts || !json_is(spec, JSON_OBJECT) ||
	    json_get(json_path(obj, "metadata.annotations"), MIRROR))
		return 0;
	if (!is_named)
		name = STR(ACCOUNT);
	json_set_string(&op->arena, spec, "serviceAccountName", name);
	json_set_string(&op->arena, spec, "serviceAccount", name);
	o = cache_get(res->cache, server_cache_key(&op->arena, res, op->req->ns, name));
	if (!o || object_decode_copy(&op->arena, o, 0, &account, NULL) < 0)
		return is_named ? no_account(op, obj, name) : 0;
	if (json_get_bool(spec, "automountServiceAccountToken",
			  json_get_bool(account, "automountServiceAccountToken", true)))
		mount_token(op, spec);
	copy_pull_secrets(op, account, spec);
	return 0;
}
