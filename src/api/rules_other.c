/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules.h"

/*
 * The kinds around Services: Namespace, Node, ConfigMap, Secret, Event, Lease.
 */

enum {
	DATA_BYTES_MAX = 1024 * 1024, /* of all values of a ConfigMap or Secret */
};

static void check_namespace(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "finalizers");
	const struct json *list = json_path(obj, "spec.finalizers");

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct str name = json_string(it);

		api_rules_check_name(c, &p, name, api_name_qualified);
		if (str_find(name, '/') < 0 && !str_eq_c(name, "kubernetes") &&
		    !str_eq_c(name, "orphan") && !str_eq_c(name, "foregroundDeletion"))
			api_causes_invalid(c, &p, name,
					   "name is neither a standard finalizer name nor is it "
					   "fully qualified");
	}
}

const struct api_rules api_rules_namespace = {
	.kind = "Namespace",
	.name = api_name_dns1123_label,
	.object = check_namespace,
};

static void check_node(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct api_path spec = api_path("spec"), taints = api_path_child(&spec, "taints");
	struct api_path cidrs = api_path_child(&spec, "podCIDRs");
	const struct json *list = json_path(obj, "spec.taints");
	const struct json *ranges = json_path(obj, "spec.podCIDRs");
	size_t i = 0;

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			struct api_path at = api_path_at(&taints, i++);
			struct api_path key = api_path_child(&at, "key");
			struct api_path value = api_path_child(&at, "value");
			struct api_path effect = api_path_child(&at, "effect");

			api_rules_check_name(c, &key, json_get_string(it, "key"),
					     api_name_qualified);
			api_rules_check_name(c, &value, json_get_string(it, "value"),
					     api_name_label_value);
			api_rules_check_one_of(c, &effect, json_get_string(it, "effect"), effects);
		}
	}
	if (!json_is(ranges, JSON_ARRAY))
		return;
	i = 0;
	json_foreach(it, ranges) {
		struct api_path at = api_path_at(&cidrs, i++);

		if (!api_rules_has_string(json_path(old, "spec.podCIDRs"), json_string(it)))
			api_rules_check_cidr(c, &at, json_string(it));
	}
}

static void node_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), cidrs = api_path_child(&spec, "podCIDRs");
	struct api_path provider = api_path_child(&spec, "providerID");
	const struct json *was = json_path(old, "spec.podCIDRs");
	struct str id = json_string(json_path(old, "spec.providerID"));

	if (api_rules_count(was) && !api_rules_same(was, json_path(obj, "spec.podCIDRs")))
		api_causes_forbidden(
			c, &cidrs, "node updates may not change podCIDR except from \"\" to valid");
	if (id.len && !str_eq(id, json_string(json_path(obj, "spec.providerID"))))
		api_causes_forbidden(
			c, &provider,
			"node updates may not change providerID except from \"\" to valid");
}

const struct api_rules api_rules_node = {
	.kind = "Node",
	.name = api_name_dns1123_subdomain,
	.object = check_node,
	.transition = node_transition,
};

/* Adds the bytes of the values to *bytes. */
static void check_data_keys(const struct json *obj, const char *field, size_t *bytes,
			    struct api_causes *c)
{
	const struct json *data = json_get(obj, field);
	struct api_path p = api_path(field);

	if (!json_is(data, JSON_OBJECT))
		return;
	json_foreach(it, data) {
		struct api_path at = api_path_key(&p, it->key);

		api_rules_check_name(c, &at, it->key, api_name_config_key);
		*bytes += json_string(it).len;
	}
}

static void check_config_map(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *data = json_get(obj, "data"), *binary = json_get(obj, "binaryData");
	struct api_path p = api_path("data");
	size_t text_bytes = 0, binary_bytes = 0;

	check_data_keys(obj, "data", &text_bytes, c);
	check_data_keys(obj, "binaryData", &binary_bytes, c);
	if (json_is(data, JSON_OBJECT) && json_is(binary, JSON_OBJECT)) {
		struct map keys = {0};

		json_foreach(it, binary)
			(void)api_rules_seen(&keys, it->key);
		json_foreach(it, data) {
			struct api_path at = api_path_key(&p, it->key);

			if (map_get(&keys, it->key))
				api_causes_invalid(c, &at, it->key,
						   "duplicate of key present in binaryData");
		}
		map_fini(&keys);
	}
	if (text_bytes + binary_bytes / 4 * 3 > DATA_BYTES_MAX)
		api_causes_too_long(c, NULL, DATA_BYTES_MAX);
}

/* ConfigMap and Secret: once `immutable` is true, it and the data stay. */
static void check_immutable(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const fields[] = {"data", "binaryData"};
	struct api_path p = api_path("immutable");

	if (!json_get_bool(old, "immutable", false))
		return;
	if (!json_get_bool(obj, "immutable", false))
		api_causes_forbidden(c, &p, "field is immutable when `immutable` is set");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct api_path at = api_path(fields[i]);

		if (!api_rules_same(json_get(old, fields[i]), json_get(obj, fields[i])))
			api_causes_forbidden(c, &at, "field is immutable when `immutable` is set");
	}
}

const struct api_rules api_rules_config_map = {
	.kind = "ConfigMap",
	.name = api_name_dns1123_subdomain,
	.object = check_config_map,
	.transition = check_immutable,
};

static void check_secret(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const struct {
		const char *type, *key;
	} needed[] = {
		{"kubernetes.io/dockercfg", ".dockercfg"},
		{"kubernetes.io/dockerconfigjson", ".dockerconfigjson"},
		{"kubernetes.io/ssh-auth", "ssh-privatekey"},
		{"kubernetes.io/tls", "tls.crt"},
		{"kubernetes.io/tls", "tls.key"},
	};
	const struct json *data = json_get(obj, "data");
	struct api_path p = api_path("data");
	size_t bytes = 0;

	check_data_keys(obj, "data", &bytes, c);
	if (bytes / 4 * 3 > DATA_BYTES_MAX)
		api_causes_too_long(c, &p, DATA_BYTES_MAX);
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		struct api_path at = api_path_key(&p, str_of(needed[i].key));

		if (str_eq_c(json_get_string(obj, "type"), needed[i].type) &&
		    !json_get(data, needed[i].key))
			api_causes_required(c, &at, NULL);
	}
}

static void secret_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path p = api_path("type");

	if (!api_rules_same(json_get(old, "type"), json_get(obj, "type")))
		api_causes_invalid_json(c, &p, json_get(obj, "type"), "field is immutable");
	check_immutable(old, obj, c);
}

const struct api_rules api_rules_secret = {
	.kind = "Secret",
	.name = api_name_dns1123_subdomain,
	.object = check_secret,
	.transition = secret_transition,
};

/* An Event is kept beside what it is about; Events about what has no namespace are in default. */
static void check_event(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const char *about = json_get(obj, "involvedObject") ? "involvedObject" : "regarding";
	struct api_path ref = api_path("involvedObject"), p = api_path_child(&ref, "namespace");
	struct str ns = json_get_string(json_get(obj, "metadata"), "namespace");
	struct str theirs = json_get_string(json_get(obj, about), "namespace");

	if (theirs.len ? !str_eq(theirs, ns) : ns.len && !str_eq_c(ns, "default"))
		api_causes_invalid(c, &p, theirs, "does not match event.namespace");
}

const struct api_rules api_rules_event = {
	.kind = "Event",
	.name = api_name_dns1123_subdomain,
	.object = check_event,
};

static void check_lease(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path spec_path = api_path("spec");
	struct api_path duration_path = api_path_child(&spec_path, "leaseDurationSeconds");
	struct api_path transitions_path = api_path_child(&spec_path, "leaseTransitions");
	const struct json *spec = json_get(obj, "spec");
	int64_t duration = json_get_int(spec, "leaseDurationSeconds", 1);
	int64_t transitions = json_get_int(spec, "leaseTransitions", 0);

	if (duration <= 0)
		api_causes_invalid_int(c, &duration_path, duration, "must be greater than 0");
	if (transitions < 0)
		api_causes_invalid_int(c, &transitions_path, transitions,
				       "must be greater than or equal to 0");
}

const struct api_rules api_rules_lease = {
	.kind = "Lease",
	.name = api_name_dns1123_subdomain,
	.object = check_lease,
};
