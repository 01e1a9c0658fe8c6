/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

/*
 * IPAddress (service-api.md section 10.5).
 */

static void ip_name(struct str s, struct api_problems *ret)
{
	struct ip_addr addr;

	if (ip_parse(s, &addr, NULL) >= 0)
		return;
	ret->text[ret->n++] =
		ip_parse_sloppy(s, &addr, NULL) < 0
			? "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
		: str_find(s, ':') >= 0 ? "must not be an IPv4-mapped IPv6 address"
					: "must not have leading 0s";
}

/* Required, and one segment of a path. */
static void check_segment(const struct json *ref, const struct api_path *p, const char *field,
			  bool is_required, struct api_causes *c)
{
	struct api_path at = api_path_child(p, field);
	struct str s = json_get_string(ref, field);

	if (s.len)
		api_rules_check_name(c, &at, s, api_name_path_segment);
	else if (is_required)
		api_causes_required(c, &at, NULL);
}

static void check_parent(const struct json *ref, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "parentRef");
	struct api_path group = api_path_child(&p, "group");
	struct str s = json_get_string(ref, "group");

	if (!json_is(ref, JSON_OBJECT)) {
		api_causes_required(c, &p, NULL);
		return;
	}
	if (s.len)
		api_rules_check_name(c, &group, s, api_name_dns1123_subdomain);
	check_segment(ref, &p, "resource", true, c);
	check_segment(ref, &p, "name", true, c);
	check_segment(ref, &p, "namespace", false, c);
}

static void check_ip_address(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path meta = api_path("metadata"), p = api_path_child(&meta, "name");
	struct str name = json_get_string(json_get(obj, "metadata"), "name"), canonical;
	char text[IP_TEXT_MAX];
	struct ip_addr addr;

	if (old)
		return;
	if (ip_parse(name, &addr, NULL) >= 0) {
		canonical = ip_format(&addr, text);
		if (!str_eq(canonical, name))
			api_causes_invalid(c, &p, name,
					   str_printf(c->a, "must be in canonical form (\"%.*s\")",
						      STR_ARG(canonical))
						   .ptr);
	}
	check_parent(json_path(obj, "spec.parentRef"), c);
}

/* Kubernetes shows the Go struct's members. */
static struct json *parent_as_shown(struct api_causes *c, const struct json *ref)
{
	static const char *const fields[][2] = {{"group", "Group"},
						{"resource", "Resource"},
						{"namespace", "Namespace"},
						{"name", "Name"}};
	struct json *o = json_new(c->a, JSON_OBJECT);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_set(o, fields[i][1],
			 json_new_string(c->a, json_get_string(ref, fields[i][0])));
	return o;
}

static bool is_same_parent(const struct json *a, const struct json *b)
{
	static const char *const fields[] = {"group", "resource", "namespace", "name"};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!str_eq(json_get_string(a, fields[i]), json_get_string(b, fields[i])))
			return false;
	return !a == !b;
}

static void ip_address_transition(const struct json *old, const struct json *obj,
				  struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "parentRef");
	const struct json *was = json_path(old, "spec.parentRef"),
			  *is = json_path(obj, "spec.parentRef");

	if (!is_same_parent(was, is))
		api_causes_invalid_json(c, &p, is ? parent_as_shown(c, is) : NULL,
					"field is immutable");
}

const struct api_rules api_rules_ip_address = {
	.kind = "IPAddress",
	.name = ip_name,
	.object = check_ip_address,
	.transition = ip_address_transition,
};
