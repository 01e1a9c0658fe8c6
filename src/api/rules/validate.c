/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/validate.h"

#include "api/kind.h"
#include "api/rules/rules.h"

static const struct api_rules *const all_rules[] = {
	&api_rules_service,      &api_rules_endpoints,    &api_rules_endpoint_slice,
	&api_rules_pod,          &api_rules_node,         &api_rules_namespace,
	&api_rules_config_map,   &api_rules_secret,       &api_rules_event,
	&api_rules_lease,        &api_rules_deployment,   &api_rules_replica_set,
	&api_rules_service_cidr, &api_rules_ip_address,   &api_rules_role,
	&api_rules_cluster_role, &api_rules_role_binding, &api_rules_cluster_role_binding,
};

/* Kinds that have only metadata to check. */
static const struct api_rules other_rules = {.name = api_name_dns1123_subdomain};

const struct api_rules *api_rules_of(const struct api_kind *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(all_rules); i++) {
		if (str_eq_c(str_of(kind->kind), all_rules[i]->kind))
			return all_rules[i];
	}
	return &other_rules;
}

void api_validate_create(const struct api_kind *kind, const struct json *obj, struct api_causes *c)
{
	const struct api_rules *rules = api_rules_of(kind);

	api_rules_meta_create(obj, kind->is_namespaced, rules, c);
	if (rules->object)
		rules->object(NULL, obj, c);
}

void api_validate_update(const struct api_kind *kind, const struct json *old,
			 const struct json *obj, struct api_causes *c)
{
	const struct api_rules *rules = api_rules_of(kind);

	api_rules_meta_update(old, obj, rules, c);
	if (rules->transition)
		rules->transition(old, obj, c);
	if (rules->object)
		rules->object(old, obj, c);
}

void api_validate_status(const struct api_kind *kind, const struct json *old,
			 const struct json *obj, struct api_causes *c)
{
	const struct api_rules *rules = api_rules_of(kind);

	api_rules_meta_update(old, obj, rules, c);
	if (rules->status)
		rules->status(old, obj, c);
}
