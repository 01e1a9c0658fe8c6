/* SPDX-License-Identifier: Apache-2.0 */
#include "access/pod_names.h"

struct walk {
	access_pod_name_fn fn;
	void *ctx;
};

/* What is wrongly typed or has no elements is walked as an empty list. */
static const struct json *list_of(const struct json *obj, const char *key)
{
	static const struct json empty = {.type = JSON_ARRAY};
	const struct json *list = json_get(obj, key);

	return json_is(list, JSON_ARRAY) ? list : &empty;
}

static void tell(const struct walk *w, enum access_pod_name what, struct str name)
{
	if (name.len)
		w->fn(w->ctx, what, name);
}

static void walk_env(const struct walk *w, const struct json *container)
{
	json_foreach(e, list_of(container, "env")) {
		const struct json *from = json_get(e, "valueFrom");

		tell(w, ACCESS_POD_SECRET, json_get_string(json_get(from, "secretKeyRef"), "name"));
		tell(w, ACCESS_POD_CONFIG_MAP,
		     json_get_string(json_get(from, "configMapKeyRef"), "name"));
	}
	json_foreach(e, list_of(container, "envFrom")) {
		tell(w, ACCESS_POD_SECRET, json_get_string(json_get(e, "secretRef"), "name"));
		tell(w, ACCESS_POD_CONFIG_MAP,
		     json_get_string(json_get(e, "configMapRef"), "name"));
	}
}

static void walk_projected(const struct walk *w, const struct json *projected)
{
	json_foreach(s, list_of(projected, "sources")) {
		const struct json *token = json_get(s, "serviceAccountToken");

		tell(w, ACCESS_POD_SECRET, json_get_string(json_get(s, "secret"), "name"));
		tell(w, ACCESS_POD_CONFIG_MAP, json_get_string(json_get(s, "configMap"), "name"));
		if (json_is(token, JSON_OBJECT))
			w->fn(w->ctx, ACCESS_POD_TOKEN, json_get_string(token, "audience"));
		if (json_is(json_get(s, "clusterTrustBundle"), JSON_OBJECT))
			w->fn(w->ctx, ACCESS_POD_TRUST_BUNDLE,
			      json_get_string(json_get(s, "clusterTrustBundle"), "name"));
	}
}

static void walk_volume(const struct walk *w, const struct json *volume)
{
	const struct json *azure = json_get(volume, "azureFile");

	tell(w, ACCESS_POD_SECRET, json_get_string(json_get(volume, "secret"), "secretName"));
	tell(w, ACCESS_POD_SECRET, json_get_string(azure, "secretName"));
	tell(w, ACCESS_POD_CONFIG_MAP, json_get_string(json_get(volume, "configMap"), "name"));
	tell(w, ACCESS_POD_CLAIM,
	     json_get_string(json_get(volume, "persistentVolumeClaim"), "claimName"));
	if (json_is(json_get(volume, "ephemeral"), JSON_OBJECT))
		w->fn(w->ctx, ACCESS_POD_OWN_CLAIM, json_get_string(volume, "name"));
	walk_projected(w, json_get(volume, "projected"));
	if (!json_is(volume, JSON_OBJECT))
		return;
	/* All other sources that need a Secret name it in one of two ways. */
	json_foreach(source, volume) {
		tell(w, ACCESS_POD_SECRET, json_get_string(json_get(source, "secretRef"), "name"));
		tell(w, ACCESS_POD_SECRET,
		     json_get_string(json_get(source, "nodePublishSecretRef"), "name"));
	}
}

void access_pod_names(const struct json *pod, access_pod_name_fn fn, void *ctx)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
	const struct json *spec = json_get(pod, "spec");
	const struct walk w = {fn, ctx};

	tell(&w, ACCESS_POD_ACCOUNT, json_get_string(spec, "serviceAccountName"));
	json_foreach(s, list_of(spec, "imagePullSecrets"))
		tell(&w, ACCESS_POD_SECRET, json_get_string(s, "name"));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_foreach(c, list_of(spec, lists[i]))
			walk_env(&w, c);
	json_foreach(v, list_of(spec, "volumes"))
		walk_volume(&w, v);
	json_foreach(c, list_of(spec, "resourceClaims"))
		fn(ctx, ACCESS_POD_RESOURCE, json_get_string(c, "name"));
}
