/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/records.h"

#include "base/map.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

/* An endpoint while it is gathered; `at` keeps the order among equals. */
struct gathered {
	struct str name;
	struct ip_addr addr;
	const struct api_endpoint_slice *slice;
	size_t at;
};

typedef VEC(struct gathered) gathered_vec;

static struct str records_lower(struct arena *a, struct str s)
{
	char *p = arena_strndup(a, s.ptr, s.len);

	for (size_t i = 0; i < s.len; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] | 0x20);
	return str_n(p, s.len);
}

/* 10-0-0-1; 2001-db8--1. A label must not end in '-': "::" at the end gets a 0 (dns.md 2.3). */
static struct str records_dashed(struct arena *a, const struct ip_addr *addr)
{
	char text[IP_TEXT_MAX + 1];
	struct str s = ip_format(addr, text);

	for (size_t i = 0; i < s.len; i++)
		if (text[i] == '.' || text[i] == ':')
			text[i] = '-';
	if (text[s.len - 1] == '-') {
		text[s.len++] = '0';
		text[s.len] = '\0';
	}
	return str_dup(a, s);
}

static int gathered_by_name(const void *pa, const void *pb)
{
	const struct gathered *a = pa, *b = pb;
	int r = str_cmp(a->name, b->name);

	return r ? r : (a->at > b->at) - (a->at < b->at);
}

static void records_gather(struct dns_records *r, const struct api_endpoint_slice *slice,
			   gathered_vec *all)
{
	if (slice->address_type == API_ADDR_FQDN || !str_eq(slice->service, r->name))
		return;
	for (size_t i = 0; i < slice->n_endpoints; i++) {
		const struct api_endpoint *e = &slice->endpoints[i];

		for (size_t k = 0; e->ready && k < e->addresses.n; k++) {
			struct gathered g = {.slice = slice, .at = all->len};

			if (ip_parse_sloppy(e->addresses.ptr[k], &g.addr, NULL) < 0)
				continue;
			g.name = e->hostname.len && e->hostname.len <= DNSWIRE_LABEL_MAX
					 ? records_lower(&r->arena, e->hostname)
					 : records_dashed(&r->arena, &g.addr);
			*vec_push(all) = g;
		}
	}
}

/* The distinct addresses of one family among n gathered endpoints. */
static struct dns_addrs records_addrs(struct arena *a, const struct gathered *g, size_t n,
				      enum ip_family family)
{
	size_t size = family == IP_V4 ? 4 : 16;
	struct dns_addrs set = {0};
	struct map seen = {0};
	uint8_t *bytes = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t len;
		const uint8_t *wire = ip_wire(&g[i].addr, &len);
		struct str key = str_n((const char *)wire, len);

		if (len != size || (n > 1 && map_put(&seen, key, &seen)))
			continue;
		if (!bytes)
			bytes = arena_alloc(a, (n - i) * size);
		memcpy(bytes + set.n++ * size, wire, size);
	}
	map_fini(&seen);
	set.bytes = bytes;
	return set;
}

typedef VEC(struct dns_port) port_vec;

static void records_add_port(port_vec *ports, const struct dns_port *p)
{
	vec_foreach(have, ports)
		if (str_eq(have->name, p->name) && have->protocol == p->protocol &&
		    have->port == p->port)
			return;
	*vec_push(ports) = *p;
}

static void records_slice_ports(struct arena *a, const struct api_endpoint_slice *s,
				port_vec *ports)
{
	for (size_t i = 0; i < s->n_ports; i++) {
		const struct api_endpoint_port *p = &s->ports[i];

		if (p->has_port)
			records_add_port(ports, &(struct dns_port){records_lower(a, p->name),
								   p->protocol, p->port});
	}
}

static const struct dns_port *records_keep_ports(struct arena *a, port_vec *ports, size_t *ret_n)
{
	struct dns_port *kept = arena_array(a, ports->len, sizeof(*kept));

	if (ports->len)
		memcpy(kept, ports->ptr, ports->len * sizeof(*kept));
	*ret_n = ports->len;
	vec_fini(ports);
	return kept;
}

static void records_endpoint(struct dns_records *r, const struct gathered *g, size_t n,
			     struct dns_endpoint *ret)
{
	const struct api_endpoint_slice *last = NULL;
	port_vec ports = {0};

	for (size_t i = 0; i < n; i++) {
		if (g[i].slice != last)
			records_slice_ports(&r->arena, g[i].slice, &ports);
		last = g[i].slice;
	}
	ret->name = g->name;
	ret->v4 = records_addrs(&r->arena, g, n, IP_V4);
	ret->v6 = records_addrs(&r->arena, g, n, IP_V6);
	ret->ports = records_keep_ports(&r->arena, &ports, &ret->n_ports);
}

static void records_endpoints(struct dns_records *r, gathered_vec *all)
{
	struct dns_endpoint *endpoints = arena_array(&r->arena, all->len, sizeof(*endpoints));
	size_t from = 0;

	vec_sort(all, gathered_by_name);
	for (size_t i = 1; i <= all->len; i++) {
		if (i < all->len && str_eq(all->ptr[i].name, all->ptr[from].name))
			continue;
		records_endpoint(r, &all->ptr[from], i - from, &endpoints[r->n_endpoints++]);
		from = i;
	}
	r->endpoints = endpoints;
}

static void records_headless(struct dns_records *r, const struct api_endpoint_slice *const *slices,
			     size_t n_slices, const gathered_vec *all)
{
	port_vec ports = {0};

	r->kind = DNS_HEADLESS;
	r->v4 = records_addrs(&r->arena, all->ptr, all->len, IP_V4);
	r->v6 = records_addrs(&r->arena, all->ptr, all->len, IP_V6);
	for (size_t i = 0; i < n_slices; i++)
		if (str_eq(slices[i]->service, r->name))
			records_slice_ports(&r->arena, slices[i], &ports);
	r->ports = records_keep_ports(&r->arena, &ports, &r->n_ports);
}

static void records_cluster_ip(struct dns_records *r, const struct api_service *svc)
{
	struct gathered own[ARRAY_LEN(svc->cluster_addrs)] = {0};
	port_vec ports = {0};

	r->kind = DNS_CLUSTER_IP;
	for (size_t i = 0; i < svc->n_cluster_addrs; i++)
		own[i].addr = svc->cluster_addrs[i];
	r->v4 = records_addrs(&r->arena, own, svc->n_cluster_addrs, IP_V4);
	r->v6 = records_addrs(&r->arena, own, svc->n_cluster_addrs, IP_V6);
	for (size_t i = 0; i < svc->n_ports; i++)
		records_add_port(&ports,
				 &(struct dns_port){records_lower(&r->arena, svc->ports[i].name),
						    svc->ports[i].protocol, svc->ports[i].port});
	r->ports = records_keep_ports(&r->arena, &ports, &r->n_ports);
}

static bool records_external(struct dns_records *r, const struct api_service *svc)
{
	struct ip_addr addr;

	r->kind = DNS_EXTERNAL;
	return ip_parse_sloppy(svc->external_name, &addr, NULL) < 0 &&
	       dnswire_name_parse(svc->external_name, &r->target, NULL) == 0 && r->target.len > 1;
}

struct dns_records *dns_records_new(const struct api_service *svc,
				    const struct api_endpoint_slice *const *slices, size_t n_slices)
{
	struct dns_records *r = mem_xnew(struct dns_records);
	gathered_vec all = {0};

	arena_init(&r->arena, 512);
	r->ns = str_dup(&r->arena, svc->meta.ns);
	r->name = str_dup(&r->arena, svc->meta.name);
	if (svc->type == API_EXTERNAL_NAME) {
		if (records_external(r, svc))
			return r;
		dns_records_free(r);
		return NULL;
	}
	for (size_t i = 0; i < n_slices; i++)
		records_gather(r, slices[i], &all);
	if (svc->is_headless)
		records_headless(r, slices, n_slices, &all);
	else
		records_cluster_ip(r, svc);
	records_endpoints(r, &all);
	vec_fini(&all);
	return r;
}

void dns_records_free(struct dns_records *r)
{
	if (!r)
		return;
	arena_fini(&r->arena);
	free(r);
}

const struct dns_endpoint *dns_records_endpoint(const struct dns_records *r, struct str name)
{
	size_t lo = 0, hi = r->n_endpoints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = str_cmp(r->endpoints[mid].name, name);

		if (c == 0)
			return &r->endpoints[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool addrs_eq(const struct dns_addrs *a, const struct dns_addrs *b, size_t size)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->bytes, b->bytes, a->n * size) == 0);
}

static bool ports_eq(const struct dns_port *a, size_t n, const struct dns_port *b, size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(a[i].name, b[i].name) || a[i].protocol != b[i].protocol ||
		    a[i].port != b[i].port)
			return false;
	return true;
}

bool dns_records_eq(const struct dns_records *a, const struct dns_records *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || !str_eq(a->ns, b->ns) || !str_eq(a->name, b->name) ||
	    a->n_endpoints != b->n_endpoints || !addrs_eq(&a->v4, &b->v4, 4) ||
	    !addrs_eq(&a->v6, &b->v6, 16) || !ports_eq(a->ports, a->n_ports, b->ports, b->n_ports))
		return false;
	if (a->kind == DNS_EXTERNAL && (a->target.len != b->target.len ||
					memcmp(a->target.wire, b->target.wire, a->target.len) != 0))
		return false;
	for (size_t i = 0; i < a->n_endpoints; i++) {
		const struct dns_endpoint *x = &a->endpoints[i], *y = &b->endpoints[i];

		if (!str_eq(x->name, y->name) || !addrs_eq(&x->v4, &y->v4, 4) ||
		    !addrs_eq(&x->v6, &y->v6, 16) ||
		    !ports_eq(x->ports, x->n_ports, y->ports, y->n_ports))
			return false;
	}
	return true;
}
