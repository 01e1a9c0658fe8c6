/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/policy.h"

const char *svc_origin_name(enum svc_origin o)
{
	static const char *const names[] = {
		[SVC_FROM_POD] = "pod",
		[SVC_FROM_NODE] = "node",
		[SVC_FROM_OUTSIDE] = "outside",
	};

	assert(o < ARRAY_LEN(names));
	return names[o];
}

bool svc_way_eq(const struct svc_way *a, const struct svc_way *b)
{
	return a->fate == b->fate && a->is_masqueraded == b->is_masqueraded;
}

bool svc_config_detects(const struct svc_config *c, enum ip_family f)
{
	return c->detect != SVC_DETECT_NONE &&
	       (c->detect != SVC_DETECT_CIDR || svc_config_pod_cidr(c, f));
}

static enum svc_fate fate_of(const struct svc_port *p, enum svc_scope scope, enum svc_origin from)
{
	bool local = scope == SVC_CLUSTER_IP ? p->is_internal_local
					     : p->is_external_local && from == SVC_FROM_OUTSIDE;

	if (!p->has_any)
		return SVC_REJECT;
	if (local)
		return p->n_local ? SVC_TO_LOCAL_SET : SVC_DROP;
	return p->n_cluster ? SVC_TO_CLUSTER_SET : SVC_REJECT;
}

static bool masquerades(const struct svc_config *c, const struct svc_port *p, enum svc_scope scope,
			enum svc_origin from)
{
	if (scope != SVC_CLUSTER_IP)
		return p->is_external_local ? from == SVC_FROM_NODE : true;
	if (c->masquerade_all)
		return true;
	return svc_config_detects(c, p->family) && from != SVC_FROM_POD;
}

void svc_ways_of(const struct svc_config *c, const struct svc_port *p, const struct svc_frontend *f,
		 struct svc_way ret[SVC_ORIGINS])
{
	for (enum svc_origin o = 0; o < SVC_ORIGINS; o++) {
		enum svc_origin from = o == SVC_FROM_POD && !svc_config_detects(c, p->family)
					       ? SVC_FROM_OUTSIDE
					       : o;

		ret[o].fate = fate_of(p, f->scope, from);
		ret[o].is_masqueraded =
			svc_fate_is_set(ret[o].fate) && masquerades(c, p, f->scope, from);
	}
}

uint32_t svc_fate_members(const struct svc_port *p, enum svc_fate f)
{
	return f == SVC_TO_CLUSTER_SET ? p->n_cluster : f == SVC_TO_LOCAL_SET ? p->n_local : 0;
}

unsigned svc_fate_flag(enum svc_fate f)
{
	return f == SVC_TO_CLUSTER_SET ? SVC_IN_CLUSTER : f == SVC_TO_LOCAL_SET ? SVC_IN_LOCAL : 0;
}

uint32_t svc_ways_affinity(const struct svc_port *p, const struct svc_way ways[SVC_ORIGINS])
{
	for (size_t o = 0; o < SVC_ORIGINS; o++)
		if (svc_fate_is_set(ways[o].fate))
			return p->affinity_s;
	return 0;
}

bool svc_port_allows(const struct svc_port *p, const struct svc_frontend *f,
		     const struct ip_addr *src)
{
	if (!svc_frontend_has_ranges(p, f))
		return true;
	for (size_t i = 0; i < p->n_ranges; i++)
		if (ip_prefix_has(&p->ranges[i], src))
			return true;
	return false;
}

enum svc_node_ports svc_config_node_ports(const struct svc_config *c, enum ip_family f)
{
	if (c->node_ports_on_primary)
		return svc_config_node_addr(c, f) ? SVC_ON_PRIMARY : SVC_ON_ALL;
	for (size_t i = 0; i < c->n_node_port_cidrs; i++)
		if (ip_family(&c->node_port_cidrs[i].addr) == f)
			return SVC_ON_CIDRS;
	return SVC_ON_ALL;
}

bool svc_config_selects(const struct svc_config *c, const struct ip_addr *a, bool is_local)
{
	enum svc_node_ports where = svc_config_node_ports(c, ip_family(a));

	if (ip_is_loopback(a))
		return false;
	for (size_t i = 0; where == SVC_ON_PRIMARY && i < c->n_node_addrs; i++)
		if (ip_eq(&c->node_addrs[i], a))
			return true;
	for (size_t i = 0; is_local && where == SVC_ON_CIDRS && i < c->n_node_port_cidrs; i++)
		if (ip_prefix_has(&c->node_port_cidrs[i], a))
			return true;
	return where == SVC_ON_ALL && is_local;
}
