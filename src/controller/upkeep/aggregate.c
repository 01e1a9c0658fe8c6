/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep/aggregate.h"

#include "api/selector.h"

static bool has(const struct json *rules, const struct json *rule)
{
	json_foreach(r, rules)
		if (json_eq(r, rule))
			return true;
	return false;
}

static void add_rules(struct arena *a, struct json *to, const struct json *role)
{
	const struct json *rules = json_get(role, "rules");

	if (!json_is(rules, JSON_ARRAY))
		return;
	json_foreach(r, rules)
		if (!has(to, r))
			json_append(to, json_clone(a, r));
}

static void add_selected(struct arena *a, struct json *to, const struct json *roles,
			 const struct json *role, const struct json *selector)
{
	struct str own = json_string(json_path(role, "metadata.name"));
	struct api_label_selector s;

	if (api_label_selector_from_json(a, selector, &s, NULL) < 0)
		return;
	json_foreach(r, json_get(roles, "items"))
		if (!str_eq(json_string(json_path(r, "metadata.name")), own) &&
		    api_label_selector_match_json(&s, json_path(r, "metadata.labels")))
			add_rules(a, to, r);
}

struct json *controller_aggregated(struct arena *a, const struct json *roles,
				   const struct json *role)
{
	const struct json *selectors = json_path(role, "aggregationRule.clusterRoleSelectors");
	const struct json *had = json_get(role, "rules");
	struct json *rules;

	if (!json_is(selectors, JSON_ARRAY) || !json_is(json_get(roles, "items"), JSON_ARRAY))
		return NULL;
	rules = json_new(a, JSON_ARRAY);
	json_foreach(s, selectors)
		add_selected(a, rules, roles, role, s);
	if (json_is_null(had) ? !rules->count : json_eq(had, rules))
		return NULL;
	return rules;
}
