/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/zone.h"

#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

int dns_zone_init(struct dns_zone *z, const struct dns_zone_config *config, struct err *err)
{
	struct dns_zone fresh = {
		.ttl = config->ttl, .has_pod_names = config->has_pod_names, .serial = 1};
	int r;

	if (config->ttl > 3600)
		return err_set(err, ERR_INVALID, "ttl: must be between 0 and 3600, got %u",
			       config->ttl);
	r = dnswire_name_parse(config->domain, &fresh.origin, err);
	if (r < 0)
		return err_wrap(err, r, "cluster domain");
	dnswire_name_lower(&fresh.origin);
	fresh.self = mem_xarray(config->n_self, sizeof(*fresh.self));
	fresh.n_self = config->n_self;
	if (config->n_self)
		memcpy(fresh.self, config->self, config->n_self * sizeof(*fresh.self));
	*z = fresh;
	return 0;
}

static void zone_free_records(void *p)
{
	dns_records_free(p);
}

static void zone_free_ptrs(void *p)
{
	struct dns_ptr_set *set = p;

	free(set->ptr);
	free(set);
}

void dns_zone_fini(struct dns_zone *z)
{
	map_fini(&z->namespaces);
	map_fini_values(&z->cluster_ptr, zone_free_ptrs);
	map_fini_values(&z->endpoint_ptr, zone_free_ptrs);
	map_fini_values(&z->services, zone_free_records);
	free(z->self);
	*z = (struct dns_zone){0};
}

static struct str zone_key(char buf[DNSWIRE_NAME_MAX * 2], struct str ns, struct str name)
{
	size_t n = MIN(ns.len, (size_t)DNSWIRE_NAME_MAX - 1);
	size_t m = MIN(name.len, (size_t)DNSWIRE_NAME_MAX);

	memcpy(buf, ns.ptr, n);
	buf[n] = '/';
	memcpy(buf + n + 1, name.ptr, m);
	return str_n(buf, n + 1 + m);
}

static struct str zone_addr_key(const struct ip_addr *a)
{
	return str_n((const char *)a->b, sizeof(a->b));
}

static void zone_ptr_add(struct map *m, const struct ip_addr *addr, const struct dns_records *r,
			 const struct dns_endpoint *e)
{
	struct dns_ptr_set *set = map_get(m, zone_addr_key(addr));

	if (!set) {
		set = mem_xnew(struct dns_ptr_set);
		map_put(m, zone_addr_key(addr), set);
	}
	*vec_push(set) = (struct dns_ptr){r, e};
}

static void zone_ptr_remove(struct map *m, const struct ip_addr *addr, const struct dns_records *r)
{
	struct dns_ptr_set *set = map_get(m, zone_addr_key(addr));

	for (size_t i = set ? set->len : 0; i-- > 0;)
		if (set->ptr[i].records == r)
			vec_remove_at(set, i);
	if (set && set->len == 0)
		zone_free_ptrs(map_remove(m, zone_addr_key(addr)));
}

/* Adds (or removes) each address of one family under the reverse index `m`. */
static void zone_index_addrs(struct map *m, const struct dns_addrs *addrs, enum ip_family family,
			     const struct dns_records *r, const struct dns_endpoint *e, bool add)
{
	size_t size = family == IP_V4 ? 4 : 16;

	for (size_t i = 0; i < addrs->n; i++) {
		struct ip_addr a = ip_from_bytes(addrs->bytes + i * size, family);

		if (add)
			zone_ptr_add(m, &a, r, e);
		else
			zone_ptr_remove(m, &a, r);
	}
}

static void zone_index(struct dns_zone *z, const struct dns_records *r, bool add)
{
	if (r->kind == DNS_CLUSTER_IP) {
		zone_index_addrs(&z->cluster_ptr, &r->v4, IP_V4, r, NULL, add);
		zone_index_addrs(&z->cluster_ptr, &r->v6, IP_V6, r, NULL, add);
	}
	for (size_t i = 0; i < r->n_endpoints; i++) {
		const struct dns_endpoint *e = &r->endpoints[i];

		zone_index_addrs(&z->endpoint_ptr, &e->v4, IP_V4, r, e, add);
		zone_index_addrs(&z->endpoint_ptr, &e->v6, IP_V6, r, e, add);
	}
}

bool dns_zone_put(struct dns_zone *z, struct str ns, struct str name, struct dns_records *records,
		  uint32_t now_s)
{
	char buf[DNSWIRE_NAME_MAX * 2];
	struct str key = zone_key(buf, ns, name);
	struct dns_records *before = map_get(&z->services, key);

	if (dns_records_eq(before, records)) {
		dns_records_free(records);
		return false;
	}
	if (before)
		zone_index(z, before, false);
	if (records) {
		map_put(&z->services, key, records);
		zone_index(z, records, true);
	} else {
		map_remove(&z->services, key);
	}
	dns_records_free(before);
	z->serial = MAX(z->serial + 1, now_s);
	return true;
}

void dns_zone_put_namespace(struct dns_zone *z, struct str name, bool exists, uint32_t now_s)
{
	if (exists == dns_zone_has_namespace(z, name))
		return;
	if (exists)
		map_put(&z->namespaces, name, z);
	else
		map_remove(&z->namespaces, name);
	z->serial = MAX(z->serial + 1, now_s);
}

const struct dns_records *dns_zone_find(const struct dns_zone *z, struct str ns, struct str name)
{
	char buf[DNSWIRE_NAME_MAX * 2];

	/* A Service whose Namespace is not known does not exist yet (dns.md 2.12). */
	return dns_zone_has_namespace(z, ns) ? map_get(&z->services, zone_key(buf, ns, name))
					     : NULL;
}

bool dns_zone_has_namespace(const struct dns_zone *z, struct str name)
{
	return map_get(&z->namespaces, name) != NULL;
}

const struct dns_ptr_set *dns_zone_ptr(const struct dns_zone *z, const struct ip_addr *addr)
{
	const struct dns_ptr_set *set = map_get(&z->cluster_ptr, zone_addr_key(addr));

	return set ? set : map_get(&z->endpoint_ptr, zone_addr_key(addr));
}

bool dns_zone_name(const struct dns_zone *z, const struct dns_records *r,
		   const struct dns_endpoint *e, struct dnswire_name *ret)
{
	struct dnswire_name n = z->origin;

	if (!dnswire_name_prepend(&n, STR("svc")) || !dnswire_name_prepend(&n, r->ns) ||
	    !dnswire_name_prepend(&n, r->name) || (e && !dnswire_name_prepend(&n, e->name)))
		return false;
	*ret = n;
	return true;
}
