/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cluster's zone: the records of all Services, the Namespaces, and the reverse index, as one
 * value that answers look things up in. Changed only between answers, by its one owner; knows no
 * socket and no clock (the time of a change is passed in: it becomes the SOA's serial).
 */

#include "base/map.h"
#include "dns/records.h"

struct dns_zone_config {
	struct str domain;  /* "cluster.local" */
	uint32_t ttl;       /* seconds, 0..3600 */
	bool has_pod_names; /* answer a-b-c-d.NS.pod.DOMAIN for any address ("pods insecure") */
	const struct ip_addr *self; /* this server's own addresses, for ns.dns.DOMAIN */
	size_t n_self;
};

struct dns_zone {
	struct dnswire_name origin;
	uint32_t ttl, serial;
	bool has_pod_names;
	bool is_synced; /* false: a name that is missing may only be unknown yet */
	struct ip_addr *self;
	size_t n_self;
	struct map namespaces;   /* name -> any non-NULL */
	struct map services;     /* "ns/name" -> struct dns_records, owned */
	struct map cluster_ptr;  /* 16 bytes -> struct dns_ptr_set: cluster IPs */
	struct map endpoint_ptr; /* 16 bytes -> struct dns_ptr_set: ready endpoints */
};

struct dns_ptr {
	const struct dns_records *records;
	const struct dns_endpoint *endpoint; /* NULL: the Service itself */
};

struct dns_ptr_set {
	struct dns_ptr *ptr;
	size_t len, cap;
};

int dns_zone_init(struct dns_zone *z, const struct dns_zone_config *config,
		  struct err *err) _nodiscard_;
void dns_zone_fini(struct dns_zone *z);

/* Takes the records (NULL: the Service has none, or is gone). `now_s`: Unix time. Returns whether
 * any answer changes. */
bool dns_zone_put(struct dns_zone *z, struct str ns, struct str name, struct dns_records *records,
		  uint32_t now_s);
void dns_zone_put_namespace(struct dns_zone *z, struct str name, bool exists, uint32_t now_s);

const struct dns_records *dns_zone_find(const struct dns_zone *z, struct str ns, struct str name);
bool dns_zone_has_namespace(const struct dns_zone *z, struct str name);
/* Who answers for an address: a Service by its cluster IP (the first only), else every ready
 * endpoint with it. NULL when nobody does. */
const struct dns_ptr_set *dns_zone_ptr(const struct dns_zone *z, const struct ip_addr *addr);

/* svc.ns.svc.DOMAIN, or endpoint.svc.ns.svc.DOMAIN. False when that is longer than a name may be.
 */
bool dns_zone_name(const struct dns_zone *z, const struct dns_records *r,
		   const struct dns_endpoint *e, struct dnswire_name *ret);
