/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static const struct api_path spec_path = {.name = "spec"};

static bool is_external_name(const struct json *obj)
{
	return str_eq_c(json_string(json_path(obj, "spec.type")), "ExternalName");
}

static bool is_single_stack(const struct json *obj)
{
	return str_eq_c(json_string(json_path(obj, "spec.ipFamilyPolicy")), "SingleStack");
}

/* One of spec.clusterIPs and spec.ipFamilies: two lists whose first value is for life. */
struct list_rule {
	const char *field;
	const char *unset, *release;
	bool is_first_index; /* a changed value is reported at [0], whatever its place */
};

static void check_list(const struct list_rule *rule, const struct json *old, const struct json *obj,
		       struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, rule->field);
	struct api_path first = api_path_at(&p, 0);
	struct api_path policy = api_path_child(&spec_path, "ipFamilyPolicy");
	const struct json *was = json_get(json_get(old, "spec"), rule->field);
	const struct json *is = json_get(json_get(obj, "spec"), rule->field);
	/* The addresses, for both lists, when there are more or fewer than there were: that is what
	 * clients have always been shown. */
	const struct json *shown = api_rules_or_null(json_path(obj, "spec.clusterIPs"));
	size_t n_was = api_rules_count(was), n_is = api_rules_count(is);

	if (n_was == n_is) {
		for (size_t i = 0; i < n_is; i++) {
			struct api_path at = api_path_at(&p, rule->is_first_index ? 0 : i);

			if (!json_eq(json_at(was, i), json_at(is, i)))
				api_causes_invalid_json(c, &at, api_rules_or_null(is),
							"may not change once set");
		}
		return;
	}
	if (n_was > n_is && n_is == 0)
		api_causes_invalid_json(c, &first, shown, rule->unset);
	if (n_was && n_is && !json_eq(json_at(was, 0), json_at(is, 0)))
		api_causes_invalid_json(c, &first, shown, "may not change once set");
	if (n_was > n_is && n_is == 1 && !is_single_stack(obj))
		api_causes_invalid_json(
			c, &policy,
			api_rules_or_null(json_get(json_get(obj, "spec"), "ipFamilyPolicy")),
			rule->release);
}

static const struct list_rule ips_rule = {
	.field = "clusterIPs",
	.unset = "primary clusterIP can not be unset",
	.release = "must be set to 'SingleStack' when releasing the secondary clusterIP",
};

static const struct list_rule families_rule = {
	.field = "ipFamilies",
	.unset = "primary ipFamily can not be unset",
	.release = "must be set to 'SingleStack' when releasing the secondary ipFamily",
	.is_first_index = true,
};

/* Section 4.1 */
void api_rules_service_transition(const struct json *old, const struct json *obj,
				  struct api_causes *c)
{
	struct api_path port = api_path_child(&spec_path, "healthCheckNodePort");
	bool was_headless = api_rules_service_is_headless(old);
	bool is_headless = api_rules_service_is_headless(obj);

	if (!is_external_name(old) && !is_external_name(obj)) {
		if (!was_headless || !is_headless)
			check_list(&ips_rule, old, obj, c);
		if (!was_headless && !is_headless)
			check_list(&families_rule, old, obj, c);
	}
	api_rules_service_lb_class(old, obj, c);
	if (api_rules_service_needs_health_check(old) &&
	    api_rules_service_needs_health_check(obj) &&
	    json_get_int(json_get(old, "spec"), "healthCheckNodePort", 0) !=
		    json_get_int(json_get(obj, "spec"), "healthCheckNodePort", 0))
		api_causes_forbidden(c, &port, "field is immutable");
}

static bool had_ingress_ip(const struct json *old, struct str ip)
{
	const struct json *list = json_path(old, "status.loadBalancer.ingress");

	if (!json_is(list, JSON_ARRAY))
		return false;
	json_foreach(it, list) {
		if (str_eq(json_get_string(it, "ip"), ip))
			return true;
	}
	return false;
}

static void check_ingress(const struct json *old, const struct json *ingress,
			  const struct api_path *p, struct api_causes *c)
{
	static const char *const modes[] = {"Proxy", "VIP", NULL};
	struct api_path ip_path = api_path_child(p, "ip"), mode_path = api_path_child(p, "ipMode");
	struct api_path host_path = api_path_child(p, "hostname");
	const struct json *mode = json_get(ingress, "ipMode");
	struct str ip = json_get_string(ingress, "ip");
	struct str host = json_get_string(ingress, "hostname");
	struct ip_addr addr;

	/* As with other addresses: looked for only while somebody learns of it. */
	if (ip.len && ip_parse(ip, &addr, NULL) < 0 &&
	    (c->n == API_CAUSES_MAX || !had_ingress_ip(old, ip)))
		api_rules_check_ip(c, &ip_path, ip, NULL);
	if (ip.len && json_is_null(mode))
		api_causes_required(c, &mode_path, "must be specified when `ip` is set");
	else if (!ip.len && !json_is_null(mode))
		api_causes_forbidden(c, &mode_path, "may not be specified when `ip` is not set");
	else if (!json_is_null(mode) && !str_eq_c(json_string(mode), "VIP") &&
		 !str_eq_c(json_string(mode), "Proxy"))
		api_causes_not_supported(c, &mode_path, json_string(mode), modes);
	if (!host.len)
		return;
	api_rules_check_name(c, &host_path, host, api_name_dns1123_subdomain);
	if (ip_parse_sloppy(host, &addr, NULL) >= 0)
		api_causes_invalid(c, &host_path, host, "must be a DNS name, not an IP address");
}

/* Section 4.2 */
void api_rules_service_status(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path status = api_path("status");
	struct api_path balancer = api_path_child(&status, "loadBalancer");
	struct api_path p = api_path_child(&balancer, "ingress");
	const struct json *list = json_path(obj, "status.loadBalancer.ingress");
	size_t i = 0;

	if (!api_rules_count(list))
		return;
	if (!str_eq_c(json_string(json_path(obj, "spec.type")), "LoadBalancer")) {
		api_causes_forbidden(c, &p, "may only be used when `spec.type` is 'LoadBalancer'");
		return;
	}
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);

		check_ingress(old, it, &at, c);
	}
}
