/* SPDX-License-Identifier: Apache-2.0 */

/* The pools, as the store's claims fill them. */

#include "apiserver/service/plan.h"

/* "namespace/name" of the Service that a claim's value names; absent when it names none. */
static struct str owner_of(struct arena *a, struct str value, bool is_port)
{
	struct json *o, *at;

	if (json_parse(a, value, JSON_BORROW, &o, NULL) < 0)
		return (struct str){0};
	at = is_port ? o : json_path(o, "spec.parentRef");
	if (!is_port && !str_eq_c(json_get_string(at, "resource"), "services"))
		return (struct str){0};
	return str_printf(a, "%.*s/%.*s", STR_ARG(json_get_string(at, "namespace")),
			  STR_ARG(json_get_string(at, "name")));
}

static void ip_event(const struct service_pools *pools, struct str name, struct str value)
{
	struct ip_addr addr;
	struct arena a;

	if (ip_parse(name, &addr, NULL) < 0)
		return;
	arena_init(&a, 0);
	for (size_t i = 0; i < pools->n_ips; i++) {
		if (str_is_set(value))
			ip_alloc_add(pools->ips[i], &addr, owner_of(&a, value, false));
		else
			ip_alloc_remove(pools->ips[i], &addr);
	}
	arena_fini(&a);
}

static void port_event(const struct service_pools *pools, struct str name, struct str value,
		       uint64_t rev)
{
	struct arena a;
	uint64_t port;

	if (str_to_u64(name, 1, UINT16_MAX, &port, NULL) < 0)
		return;
	arena_init(&a, 0);
	if (str_is_set(value))
		port_alloc_add(pools->ports, (uint16_t)port, owner_of(&a, value, true), rev);
	else
		port_alloc_remove(pools->ports, (uint16_t)port);
	arena_fini(&a);
}

void service_pools_event(const struct service_pools *pools, struct str key, struct str value,
			 uint64_t rev)
{
	struct str ips = STR(SERVICE_PLAN_IP_PREFIX), ports = STR(SERVICE_PLAN_PORT_PREFIX);

	if (str_has_prefix(key, ips))
		ip_event(pools, str_skip(key, ips.len), value);
	else if (str_has_prefix(key, ports))
		port_event(pools, str_skip(key, ports.len), value, rev);
}
