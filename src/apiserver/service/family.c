/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/family.h"

#include "api/rules/validate.h"
#include "apiserver/service/tree.h"

#define POLICY   "ipFamilyPolicy"
#define FAMILIES "ipFamilies"
#define IPS      "clusterIPs"

enum ip_family service_family_parse(struct str s)
{
	if (str_eq_c(s, "IPv4"))
		return IP_V4;
	return str_eq_c(s, "IPv6") ? IP_V6 : IP_NONE;
}

const char *service_family_name(enum ip_family f)
{
	return f == IP_V6 ? "IPv6" : "IPv4";
}

static enum ip_family other(enum ip_family f)
{
	return f == IP_V4 ? IP_V6 : IP_V4;
}

static bool cluster_has(const struct service_family_input *in, enum ip_family f)
{
	for (size_t i = 0; i < in->n_families; i++)
		if (in->families[i] == f)
			return true;
	return false;
}

static struct str policy(const struct service_family_input *in)
{
	return service_tree_string(in->object, POLICY);
}

static bool is_single(const struct service_family_input *in)
{
	return str_eq_c(policy(in), "SingleStack");
}

static size_t count(const struct service_family_input *in, const char *key)
{
	return service_tree_count(in->object, key);
}

static enum ip_family family_at(const struct json *service, size_t i)
{
	return service_family_parse(service_tree_at(service, FAMILIES, i));
}

static void append_family(const struct service_family_input *in, enum ip_family f)
{
	struct json *list = service_tree_get(in->object, FAMILIES);

	if (!json_is(list, JSON_ARRAY)) {
		list = json_new(in->a, JSON_ARRAY);
		service_tree_set(in->a, in->object, FAMILIES, list);
	}
	json_append(list, json_new_string(in->a, str_of(service_family_name(f))));
}

static void policy_invalid(const struct service_family_input *in, struct api_causes *c,
			   const char *detail)
{
	struct api_path spec = api_path("spec"), p = api_path_child(&spec, POLICY);

	api_causes_invalid(c, &p, policy(in), detail);
}

/* Step 1: a PreferDualStack Service never changes because the cluster has. */
static bool is_kept(const struct service_family_input *in)
{
	struct str was = service_tree_string(in->old, POLICY);

	return in->old && service_tree_type(in->old) == service_tree_type(in->object) &&
	       str_eq_c(policy(in), "PreferDualStack") &&
	       (!was.len || str_eq_c(was, "PreferDualStack")) &&
	       service_tree_same(in->old, in->object, IPS) &&
	       service_tree_same(in->old, in->object, FAMILIES);
}

/* Step 2. */
static void default_policy(const struct service_family_input *in)
{
	struct str was = service_tree_string(in->old, POLICY), p = STR("SingleStack");

	if (json_is(service_tree_get(in->object, POLICY), JSON_STRING)) /* "" is refused later */
		return;
	if (was.len)
		p = str_dup(in->a, was);
	else if (str_eq_c(service_tree_string(in->object, "clusterIP"), "None") &&
		 !service_tree_has_selector(in->object))
		p = STR("RequireDualStack");
	service_tree_set(in->a, in->object, POLICY, json_new_string(in->a, p));
}

static void cut_if_same(const struct service_family_input *in, const char *key)
{
	struct json *list = service_tree_get(in->object, key);

	if (count(in, key) < 2 || !service_tree_same(in->old, in->object, key))
		return;
	while (list->count > 1)
		json_unlink(list, list->first->next);
}

/* Step 4: to go from two families to one takes the policy's word. */
static void release(const struct service_family_input *in, struct api_causes *c)
{
	if (is_single(in)) {
		cut_if_same(in, IPS);
		cut_if_same(in, FAMILIES);
		return;
	}
	if (count(in, IPS) && count(in, IPS) < service_tree_count(in->old, IPS))
		policy_invalid(in, c, "must be 'SingleStack' to release the secondary cluster IP");
	if (count(in, FAMILIES) && count(in, FAMILIES) < service_tree_count(in->old, FAMILIES))
		policy_invalid(in, c, "must be 'SingleStack' to release the secondary IP family");
}

/* Step 5. */
static void check_single(const struct service_family_input *in, struct api_causes *c)
{
	if (!is_single(in))
		return;
	if (count(in, IPS) == 2)
		policy_invalid(in, c,
			       "must be 'RequireDualStack' or 'PreferDualStack' when multiple "
			       "cluster IPs are specified");
	if (count(in, FAMILIES) == 2)
		policy_invalid(in, c,
			       "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP "
			       "families are specified");
}

/* Step 6: addresses without a family name theirs. */
static void families_of_ips(const struct service_family_input *in, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), ips = api_path_child(&spec, IPS);

	for (size_t i = 0; i < count(in, IPS); i++) {
		struct api_path p = api_path_at(&ips, i);
		struct str text = service_tree_at(in->object, IPS, i);
		struct ip_addr addr;
		enum ip_family f;
		char detail[64];

		if (str_eq_c(text, "None") || ip_parse_sloppy(text, &addr, NULL) < 0)
			return;
		if (i < count(in, FAMILIES))
			continue;
		f = ip_family(&addr);
		if (cluster_has(in, f)) {
			append_family(in, f);
			continue;
		}
		snprintf(detail, sizeof(detail), "%s is not configured on this cluster",
			 service_family_name(f));
		api_causes_invalid_json(c, &p, service_tree_get(in->object, IPS), detail);
	}
}

/* Step 8: nothing of it is routed by us, so both families are legal on any cluster. */
static void set_selectorless_headless(const struct service_family_input *in)
{
	if (!count(in, FAMILIES))
		append_family(in, in->families[0]);
	if (count(in, FAMILIES) < 2 && !is_single(in))
		append_family(in, other(family_at(in->object, 0)));
}

/* Steps 9 and 10. */
static void check_cluster(const struct service_family_input *in, struct api_causes *c)
{
	struct api_path spec = api_path("spec"), list = api_path_child(&spec, FAMILIES);

	if (str_eq_c(policy(in), "RequireDualStack") && in->n_families < 2)
		policy_invalid(in, c, "this cluster is not configured for dual-stack services");
	for (size_t i = 0; i < count(in, FAMILIES); i++) {
		struct api_path p = api_path_at(&list, i);

		if (!cluster_has(in, family_at(in->object, i)))
			api_causes_invalid(c, &p, service_tree_at(in->object, FAMILIES, i),
					   "not configured on this cluster");
	}
}

static int failed(const struct api_causes *c, size_t before)
{
	return c->n + c->n_dropped > before ? ERR_INVALID : 0;
}

int service_family_set(const struct service_family_input *in, struct api_causes *c,
		       enum service_family_result *ret)
{
	size_t before = c->n + c->n_dropped;

	*ret = SERVICE_FAMILY_KEEP;
	if (service_tree_is_external_name(in->object) || is_kept(in))
		return 0;
	*ret = SERVICE_FAMILY_DONE;
	default_policy(in);
	api_validate_service_ips(in->old, in->object, c);
	if (failed(c, before))
		return ERR_INVALID;
	if (in->old)
		release(in, c);
	check_single(in, c);
	families_of_ips(in, c);
	if (failed(c, before))
		return ERR_INVALID;
	if (service_tree_is_headless(in->object) && !service_tree_has_selector(in->object)) {
		set_selectorless_headless(in);
		return 0;
	}
	check_cluster(in, c);
	if (failed(c, before))
		return ERR_INVALID;
	if (!count(in, FAMILIES))
		append_family(in, in->families[0]);
	if (!is_single(in) && count(in, FAMILIES) == 1 && in->n_families == 2)
		append_family(in, other(family_at(in->object, 0)));
	return 0;
}
