/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

/* ConfigMap and Secret: keys with values of limited size. */

enum {
	DATA_BYTES_MAX = 1024 * 1024, /* of all values of a ConfigMap or Secret */
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
