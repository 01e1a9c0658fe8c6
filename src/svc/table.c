/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/table.h"

#include <netinet/in.h>

struct svc_config *svc_config_new(const struct svc_config *c)
{
	struct svc_config *n = mem_xnew(struct svc_config);
	struct ip_prefix *cidrs;

	*n = *c;
	n->refs = 1;
	n->mark = c->mark ? c->mark : SVC_MARK;
	arena_init(&n->arena, 256);
	n->node_name = str_dup(&n->arena, c->node_name);
	if (str_is_set(c->zone))
		n->zone = str_dup(&n->arena, c->zone);
	if (str_is_set(c->detect_interface))
		n->detect_interface = str_dup(&n->arena, c->detect_interface);
	assert(c->n_node_port_cidrs <= SVC_PREFIXES_MAX);
	cidrs = arena_array(&n->arena, c->n_node_port_cidrs, sizeof(*cidrs));
	for (size_t i = 0; i < c->n_node_port_cidrs; i++)
		cidrs[i] = c->node_port_cidrs[i];
	n->node_port_cidrs = cidrs;
	return n;
}

struct svc_config *svc_config_ref(struct svc_config *c)
{
	c->refs++;
	return c;
}

void svc_config_unref(struct svc_config *c)
{
	if (!c)
		return;
	assert(c->refs > 0);
	if (--c->refs > 0)
		return;
	arena_fini(&c->arena);
	free(c);
}

static bool prefixes_eq(const struct ip_prefix *a, size_t na, const struct ip_prefix *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (a[i].len != b[i].len || !ip_eq(&a[i].addr, &b[i].addr))
			return false;
	return true;
}

bool svc_config_eq(const struct svc_config *a, const struct svc_config *b)
{
	if (a->n_node_addrs != b->n_node_addrs)
		return false;
	for (size_t i = 0; i < a->n_node_addrs; i++)
		if (!ip_eq(&a->node_addrs[i], &b->node_addrs[i]))
			return false;
	return str_eq(a->node_name, b->node_name) && str_eq(a->zone, b->zone) &&
	       a->detect == b->detect && str_eq(a->detect_interface, b->detect_interface) &&
	       a->masquerade_all == b->masquerade_all && a->mark == b->mark &&
	       a->no_external_ips == b->no_external_ips &&
	       a->node_ports_on_primary == b->node_ports_on_primary &&
	       prefixes_eq(a->pod_cidrs, a->n_pod_cidrs, b->pod_cidrs, b->n_pod_cidrs) &&
	       prefixes_eq(a->node_port_cidrs, a->n_node_port_cidrs, b->node_port_cidrs,
			   b->n_node_port_cidrs);
}

const struct ip_prefix *svc_config_pod_cidr(const struct svc_config *c, enum ip_family f)
{
	if (c->detect != SVC_DETECT_CIDR)
		return NULL;
	for (size_t i = 0; i < c->n_pod_cidrs; i++)
		if (ip_family(&c->pod_cidrs[i].addr) == f)
			return &c->pod_cidrs[i];
	return NULL;
}

const struct ip_addr *svc_config_node_addr(const struct svc_config *c, enum ip_family f)
{
	for (size_t i = 0; i < c->n_node_addrs; i++)
		if (ip_family(&c->node_addrs[i]) == f)
			return &c->node_addrs[i];
	return NULL;
}

const char *svc_scope_name(enum svc_scope s)
{
	static const char *const names[] = {
		[SVC_CLUSTER_IP] = "cluster-ip",
		[SVC_NODE_PORT] = "node-port",
		[SVC_EXTERNAL_IP] = "external-ip",
		[SVC_LB_VIP] = "lb-vip",
	};

	assert(s < ARRAY_LEN(names));
	return names[s];
}

static const uint8_t protocol_numbers[] = {
	[API_TCP] = IPPROTO_TCP,
	[API_UDP] = IPPROTO_UDP,
	[API_SCTP] = IPPROTO_SCTP,
};

uint8_t svc_protocol_number(enum api_protocol p)
{
	assert(p < ARRAY_LEN(protocol_numbers));
	return protocol_numbers[p];
}

bool svc_protocol_of(uint8_t number, enum api_protocol *ret)
{
	for (unsigned i = 0; i < ARRAY_LEN(protocol_numbers); i++)
		if (protocol_numbers[i] == number) {
			*ret = (enum api_protocol)i;
			return true;
		}
	return false;
}

struct str svc_frontend_key(enum api_protocol protocol, const struct svc_frontend *f,
			    char buf[SVC_FRONTEND_KEY_LEN])
{
	memcpy(buf, f->addr.b, 16);
	memcpy(buf + 16, &f->port, 2);
	buf[18] = (char)protocol;
	buf[19] = (char)(f->scope == SVC_NODE_PORT);
	return str_n(buf, SVC_FRONTEND_KEY_LEN);
}

struct svc_entry *svc_entry_ref(struct svc_entry *e)
{
	e->refs++;
	return e;
}

void svc_entry_unref(struct svc_entry *e)
{
	if (!e)
		return;
	assert(e->refs > 0);
	if (--e->refs == 0)
		free(e); /* one block, see svc/build.c */
}

static bool frontends_eq(const struct svc_port *a, const struct svc_port *b)
{
	if (a->n_frontends != b->n_frontends)
		return false;
	for (size_t i = 0; i < a->n_frontends; i++) {
		const struct svc_frontend *x = &a->frontends[i], *y = &b->frontends[i];

		if (x->scope != y->scope || x->port != y->port || !ip_eq(&x->addr, &y->addr))
			return false;
	}
	return true;
}

static bool backends_eq(const struct svc_port *a, const struct svc_port *b)
{
	if (a->n_backends != b->n_backends)
		return false;
	for (size_t i = 0; i < a->n_backends; i++) {
		const struct svc_backend *x = &a->backends[i], *y = &b->backends[i];

		if (x->port != y->port || x->flags != y->flags || !ip_eq(&x->addr, &y->addr))
			return false;
	}
	return true;
}

static bool port_eq(const struct svc_port *a, const struct svc_port *b)
{
	return str_eq(a->name, b->name) && a->protocol == b->protocol && a->family == b->family &&
	       a->is_internal_local == b->is_internal_local &&
	       a->is_external_local == b->is_external_local && a->has_any == b->has_any &&
	       a->has_ranges == b->has_ranges && a->is_cut == b->is_cut &&
	       a->affinity_s == b->affinity_s && a->n_cluster == b->n_cluster &&
	       a->n_local == b->n_local && frontends_eq(a, b) && backends_eq(a, b) &&
	       prefixes_eq(a->ranges, a->n_ranges, b->ranges, b->n_ranges);
}

bool svc_entry_eq(const struct svc_entry *a, const struct svc_entry *b)
{
	if (a == b)
		return true;
	if (!a || !b || !str_eq(a->key, b->key) || a->n_ports != b->n_ports ||
	    a->health_port != b->health_port || a->n_health_ready != b->n_health_ready)
		return false;
	for (size_t i = 0; i < a->n_ports; i++)
		if (!port_eq(&a->ports[i], &b->ports[i]))
			return false;
	return true;
}

const struct svc_port *svc_entry_port_at(const struct svc_entry *e, struct str frontend_key)
{
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++)
			if (str_eq(svc_frontend_key(e->ports[i].protocol, &e->ports[i].frontends[j],
						    buf),
				   frontend_key))
				return &e->ports[i];
	return NULL;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct svc_entry *x = *(struct svc_entry *const *)a;
	const struct svc_entry *y = *(struct svc_entry *const *)b;

	return str_cmp(x->key, y->key);
}

struct svc_table *svc_table_new(struct svc_config *c, struct svc_entry *const *entries, size_t n)
{
	struct svc_table *t = mem_xzalloc(sizeof(*t) + n * sizeof(t->entries[0]));

	t->refs = 1;
	t->config = svc_config_ref(c);
	t->n = n;
	for (size_t i = 0; i < n; i++)
		t->entries[i] = svc_entry_ref(entries[i]);
	if (n > 1)
		qsort(t->entries, n, sizeof(struct svc_entry *), entry_cmp);
	for (size_t i = 1; i < n; i++)
		assert(str_cmp(t->entries[i - 1]->key, t->entries[i]->key) < 0);
	return t;
}

struct svc_table *svc_table_ref(struct svc_table *t)
{
	t->refs++;
	return t;
}

void svc_table_unref(struct svc_table *t)
{
	if (!t)
		return;
	assert(t->refs > 0);
	if (--t->refs > 0)
		return;
	for (size_t i = 0; i < t->n; i++)
		svc_entry_unref(t->entries[i]);
	svc_config_unref(t->config);
	free(t);
}

struct svc_entry *svc_table_find(const struct svc_table *t, struct str key)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(t->entries[mid]->key, key);

		if (c == 0)
			return t->entries[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}
