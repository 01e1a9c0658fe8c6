/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

const struct json api_rules_null = {.type = JSON_NULL};
const char *const api_rules_protocols[] = {"SCTP", "TCP", "UDP", NULL};

size_t api_rules_count(const struct json *list)
{
	return json_is(list, JSON_ARRAY) ? list->count : 0;
}

const struct json *api_rules_or_null(const struct json *n)
{
	return n ? n : &api_rules_null;
}

bool api_rules_has_string(const struct json *list, struct str s)
{
	if (!json_is(list, JSON_ARRAY))
		return false;
	json_foreach(it, list) {
		if (str_eq(json_string(it), s))
			return true;
	}
	return false;
}

bool api_rules_same(const struct json *a, const struct json *b)
{
	if (json_is_null(a) || json_is_null(b))
		return json_is_null(a) && json_is_null(b);
	return json_eq(a, b);
}

bool api_rules_seen(struct map *m, struct str key)
{
	static char present;

	return map_put(m, key, &present) != NULL;
}

void api_rules_check_name(struct api_causes *c, const struct api_path *p, struct str s,
			  void (*check)(struct str s, struct api_problems *ret))
{
	struct api_problems problems = {.n = 0};

	check(s, &problems);
	for (size_t i = 0; i < problems.n; i++)
		api_causes_invalid(c, p, s, problems.text[i]);
}

void api_rules_check_port(struct api_causes *c, const struct api_path *p, int64_t port)
{
	if (port < 1 || port > UINT16_MAX)
		api_causes_invalid_int(c, p, port, "must be between 1 and 65535, inclusive");
}

bool api_rules_check_one_of(struct api_causes *c, const struct api_path *p, struct str s,
			    const char *const *values)
{
	if (!s.len) {
		api_causes_required(c, p, NULL);
		return false;
	}
	for (const char *const *v = values; *v; v++) {
		if (str_eq_c(s, *v))
			return true;
	}
	api_causes_not_supported(c, p, s, values);
	return false;
}

void api_rules_check_labels(struct api_causes *c, const struct api_path *p,
			    const struct json *labels)
{
	if (!json_is(labels, JSON_OBJECT))
		return;
	json_foreach(it, labels) {
		api_rules_check_name(c, p, it->key, api_name_qualified);
		api_rules_check_name(c, p, json_string(it), api_name_label_value);
	}
}

void api_rules_check_not_negative(struct api_causes *c, const struct api_path *up, const char *name,
				  const struct json *obj)
{
	struct api_path p = api_path_child(up, name);
	int64_t v = json_get_int(obj, name, 0);

	if (v < 0)
		api_causes_invalid_int(c, &p, v, "must be greater than or equal to 0");
}

bool api_rules_check_ip(struct api_causes *c, const struct api_path *p, struct str s,
			const struct json *existing)
{
	struct ip_addr addr;

	/* With the causes full nobody learns more, and the search would be quadratic. */
	if (ip_parse(s, &addr, NULL) >= 0 ||
	    (c->n < API_CAUSES_MAX && api_rules_has_string(existing, s)))
		return true;
	api_causes_invalid(c, p, s,
			   ip_parse_sloppy(s, &addr, NULL) < 0
				   ? "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
			   : str_find(s, ':') >= 0 ? "must not be an IPv4-mapped IPv6 address"
						   : "must not have leading 0s");
	return false;
}

static const char *cidr_problem(struct str s)
{
	struct ip_prefix prefix;
	struct ip_addr addr, base;
	uint64_t len;
	ptrdiff_t slash = str_find(s, '/');
	struct str ip = str_sub(s, 0, slash < 0 ? 0 : (size_t)slash);
	struct str bits = str_skip(s, (size_t)(slash + 1));

	if (ip_prefix_parse(s, &prefix, NULL) >= 0 && (bits.len < 2 || bits.ptr[0] != '0')) {
		base = ip_prefix_base(&prefix);
		return ip_eq(&base, &prefix.addr)
			       ? NULL
			       : "must not have bits set beyond the prefix length";
	}
	if (slash < 0 || ip_parse_sloppy(ip, &addr, NULL) < 0 ||
	    str_to_u64(bits, 0, str_find(ip, ':') >= 0 ? 128 : 32, &len, NULL) < 0)
		return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
	if (str_find(ip, ':') >= 0 && ip_family(&addr) == IP_V4)
		return "must not have an IPv4-mapped IPv6 address";
	return "must not have leading 0s in IP or prefix length";
}

void api_rules_check_cidr(struct api_causes *c, const struct api_path *p, struct str s)
{
	const char *problem = cidr_problem(s);

	if (problem)
		api_causes_invalid(c, p, s, problem);
}

void api_rules_check_endpoint_ip(struct api_causes *c, const struct api_path *p, struct str s)
{
	struct ip_addr addr;

	if (ip_parse_sloppy(s, &addr, NULL) < 0) {
		api_causes_invalid(c, p, s, "must be a valid IP address");
		return;
	}
	if (ip_is_unspecified(&addr))
		api_causes_invalid(
			c, p, s, str_printf(c->a, "may not be unspecified (%.*s)", STR_ARG(s)).ptr);
	if (ip_is_loopback(&addr))
		api_causes_invalid(c, p, s,
				   "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (ip_is_link_local(&addr))
		api_causes_invalid(
			c, p, s, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	if (ip_is_link_local_multicast(&addr))
		api_causes_invalid(
			c, p, s,
			"may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}
