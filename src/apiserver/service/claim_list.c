/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/claim_list.h"

#include <string.h>

void claim_list_init(struct claim_list *c, const struct service_plan_input *in,
		     struct api_causes *causes)
{
	*c = (struct claim_list){.in = in, .causes = causes};
}

static struct service_claim *copy(struct arena *a, const struct service_claim *claims, size_t n)
{
	struct service_claim *to = arena_array(a, n, sizeof(*to));

	if (n)
		memcpy(to, claims, n * sizeof(*to));
	return to;
}

void claim_list_take(struct claim_list *c, bool is_kept, struct service_plan *ret)
{
	*ret = (struct service_plan){.is_plain = c->is_plain};
	if (is_kept) {
		assert(c->add.len <= SERVICE_PLAN_CLAIMS_MAX);
		ret->add = copy(c->in->a, c->add.ptr, c->add.len);
		ret->n_add = c->add.len;
		ret->release = copy(c->in->a, c->release.ptr, c->release.len);
		ret->n_release = MIN(c->release.len, SERVICE_PLAN_CLAIMS_MAX - c->add.len);
	}
	vec_fini(&c->add);
	vec_fini(&c->release);
}

void claim_list_add_ip(struct claim_list *c, const struct ip_addr *a)
{
	*vec_push(&c->add) = (struct service_claim){.ip = *a};
}

void claim_list_add_port(struct claim_list *c, uint16_t port, bool is_health_check)
{
	*vec_push(&c->add) = (struct service_claim){
		.is_port = true, .port = port, .is_health_check = is_health_check};
	port_set_add(&c->added, port);
	c->highest = MAX(c->highest, (unsigned)port);
}

bool claim_list_has_port(const struct claim_list *c, int64_t port)
{
	return port_set_has(&c->added, port);
}

static bool is_of(struct str owner, const struct json *service)
{
	struct str ns = json_string(json_path(service, "metadata.namespace"));
	struct str name = json_string(json_path(service, "metadata.name"));

	return !owner.len || (owner.len == ns.len + 1 + name.len && str_has_prefix(owner, ns) &&
			      owner.ptr[ns.len] == '/' && str_has_suffix(owner, name));
}

static const struct ip_alloc *pool_of(const struct service_pools *pools, const struct ip_addr *a)
{
	for (size_t i = 0; i < pools->n_ips; i++)
		if (pools->ips[i]->family == ip_family(a))
			return pools->ips[i];
	return NULL;
}

void claim_list_release_ip(struct claim_list *c, const struct json *old, const struct ip_addr *a)
{
	const struct ip_alloc *pool = pool_of(c->in->pools, a);

	if (pool && !is_of(ip_alloc_owner(pool, a), old))
		return;
	for (size_t i = 0; i < c->release.len; i++)
		if (!c->release.ptr[i].is_port && ip_eq(&c->release.ptr[i].ip, a))
			return;
	*vec_push(&c->release) = (struct service_claim){.ip = *a};
}

void claim_list_release_port(struct claim_list *c, const struct json *old, int64_t port)
{
	if (port <= 0 || port > UINT16_MAX)
		return;
	if (!is_of(port_alloc_owner(c->in->pools->ports, port), old) ||
	    port_set_has(&c->released, port))
		return;
	port_set_add(&c->released, port);
	*vec_push(&c->release) = (struct service_claim){.is_port = true, .port = (uint16_t)port};
}
