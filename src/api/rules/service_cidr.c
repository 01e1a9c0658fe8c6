/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

/*
 * ServiceCIDR (service-api.md section 10.4).
 */

enum {
	CIDRS_MAX = 2,
};

static const struct json *cidrs_of(const struct json *obj)
{
	return json_path(obj, "spec.cidrs");
}

static bool is_one_of_each_family(const struct json *list)
{
	struct ip_prefix a, b;

	return ip_prefix_parse(json_string(json_at(list, 0)), &a, NULL) >= 0 &&
	       ip_prefix_parse(json_string(json_at(list, 1)), &b, NULL) >= 0 &&
	       ip_family(&a.addr) != ip_family(&b.addr);
}

static void check_range(struct api_causes *c, const struct api_path *p, struct str s)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix prefix;
	struct str canonical;
	size_t before = c->n;

	api_rules_check_cidr(c, p, s);
	if (c->n > before || ip_prefix_parse(s, &prefix, NULL) < 0)
		return;
	canonical = ip_prefix_format(&prefix, text);
	if (!str_eq(canonical, s))
		api_causes_invalid(
			c, p, s,
			str_printf(c->a, "must be in canonical form (\"%.*s\")", STR_ARG(canonical))
				.ptr);
}

static void check_cidrs(const struct json *list, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "cidrs");
	struct json *all;
	size_t i = 0;

	if (!api_rules_count(list)) {
		api_causes_required(c, &p, "at least one CIDR required");
		return;
	}
	if (list->count > CIDRS_MAX) {
		all = json_new(c->a, JSON_OBJECT);
		json_set(all, "CIDRs", json_clone(c->a, list));
		api_causes_invalid_json(c, &p, all, "may only hold up to 2 values");
		return;
	}
	if (list->count == CIDRS_MAX && !is_one_of_each_family(list)) {
		api_causes_invalid_json(c, &p, list,
					"may specify no more than one IP for each IP family, i.e "
					"192.168.0.0/24 and 2001:db8::/64");
		return;
	}
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);

		check_range(c, &at, json_string(it));
	}
}

static void check_service_cidr(const struct json *old, const struct json *obj, struct api_causes *c)
{
	if (!old)
		check_cidrs(cidrs_of(obj), c);
}

/* What is there stays; one of the other family may be added. */
static void service_cidr_transition(const struct json *old, const struct json *obj,
				    struct api_causes *c)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, "cidrs");
	const struct json *was = cidrs_of(old), *is = cidrs_of(obj);
	size_t n_was = api_rules_count(was), n_is = api_rules_count(is), before = c->n;

	if (n_is < n_was) {
		api_causes_invalid_json(c, &p, is ? is : json_new(c->a, JSON_ARRAY),
					"field is immutable");
		return;
	}
	for (size_t i = 0; i < n_was; i++) {
		struct api_path at = api_path_at(&p, i);

		if (!json_eq(json_at(was, i), json_at(is, i)))
			api_causes_invalid_json(c, &at, json_at(is, i), "field is immutable");
	}
	if (n_is > n_was && c->n == before)
		check_cidrs(is, c);
}

const struct api_rules api_rules_service_cidr = {
	.kind = "ServiceCIDR",
	.name = api_name_dns1123_subdomain,
	.object = check_service_cidr,
	.transition = service_cidr_transition,
};
