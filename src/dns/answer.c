/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/answer.h"

#include <string.h>

enum {
	VERSION_TTL = 28800, /* whatever the zone's is (DNS-SD 1.1.0) */
	SOA_TTL_MAX = 300,
};

struct answer {
	const struct dns_zone *zone;
	struct dnswire_writer w;
	uint32_t turn;
	uint16_t type;
};

/* The protocol that a label like "_tcp" or "TCP" names. */
static bool answer_protocol(struct str label, enum api_protocol *ret)
{
	static const struct {
		struct str name;
		enum api_protocol protocol;
	} known[] = {{STR("tcp"), API_TCP}, {STR("udp"), API_UDP}, {STR("sctp"), API_SCTP}};

	if (str_has_prefix(label, STR("_")))
		label = str_skip(label, 1);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_eq(label, known[i].name)) {
			*ret = known[i].protocol;
			return true;
		}
	}
	return false;
}

static bool answer_port_matches(const struct dns_port *p, const struct dns_found *f)
{
	if (f->place != DNS_PORT)
		return true;
	return p->protocol == f->protocol && p->name.len && str_eq(p->name, f->port_name);
}

static bool answer_has_port(const struct dns_found *f)
{
	for (size_t i = 0; i < f->records->n_ports; i++)
		if (answer_port_matches(&f->records->ports[i], f))
			return true;
	return false;
}

static bool answer_has_protocol(const struct dns_records *r, struct str label)
{
	enum api_protocol protocol;

	if (!str_has_prefix(label, STR("_")) || !answer_protocol(label, &protocol))
		return false;
	for (size_t i = 0; i < r->n_ports; i++)
		if (r->ports[i].protocol == protocol && r->ports[i].name.len)
			return true;
	return false;
}

/* Below a Service: labels[0..n) stand in front of its name. */
static void lookup_below_service(const struct str *labels, size_t n, struct dns_found *f)
{
	const struct dns_records *r = f->records;
	struct str port = labels[0];

	if (r->kind == DNS_EXTERNAL || n > 2)
		return;
	if (n == 1) {
		f->endpoint = dns_records_endpoint(r, labels[0]);
		if (f->endpoint)
			f->place = DNS_ENDPOINT;
		else if (answer_has_protocol(r, labels[0]))
			f->place = DNS_NODE;
		return;
	}
	if (str_has_prefix(port, STR("_")))
		port = str_skip(port, 1);
	if (!answer_protocol(labels[1], &f->protocol))
		return;
	f->port_name = port;
	f->place = DNS_PORT;
	if (!answer_has_port(f))
		f->place = DNS_NOWHERE;
}

static void lookup_svc(const struct dns_zone *z, const struct str *labels, size_t n,
		       struct dns_found *f)
{
	const struct dns_records *r;

	if (n == 0) {
		f->place = DNS_NODE;
		return;
	}
	if (!dns_zone_has_namespace(z, labels[n - 1]))
		return;
	if (n == 1) {
		f->place = DNS_NODE;
		return;
	}
	r = dns_zone_find(z, labels[n - 1], labels[n - 2]);
	if (!r || (r->kind == DNS_HEADLESS && r->v4.n + r->v6.n == 0))
		return;
	f->records = r;
	if (n == 2)
		f->place = DNS_SERVICE;
	else
		lookup_below_service(labels, n - 2, f);
}

/* 10-0-0-1, 2001-db8--1. */
static bool lookup_dashed(struct str label, struct ip_addr *ret)
{
	char text[DNSWIRE_LABEL_MAX];

	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < label.len; i++)
			text[i] = label.ptr[i] != '-' ? label.ptr[i] : family == 0 ? '.' : ':';
		if (ip_parse(str_n(text, label.len), ret, NULL) == 0)
			return true;
	}
	return false;
}

static void lookup_pod(const struct dns_zone *z, const struct str *labels, size_t n,
		       struct dns_found *f)
{
	if (!z->has_pod_names)
		return;
	if (n == 0 || (n == 1 && dns_zone_has_namespace(z, labels[0])))
		f->place = DNS_NODE;
	else if (n == 2 && dns_zone_has_namespace(z, labels[1]) &&
		 lookup_dashed(labels[0], &f->pod))
		f->place = DNS_POD;
}

void dns_lookup(const struct dns_zone *z, const struct dnswire_name *name, struct dns_found *ret)
{
	struct str labels[DNSWIRE_LABELS_MAX];
	size_t n = 0;

	*ret = (struct dns_found){.place = DNS_NOWHERE};
	if (!dnswire_name_is_under(name, &z->origin, &n))
		return;
	dnswire_name_labels(name, labels);
	if (n == 0)
		ret->place = DNS_APEX;
	else if (str_eq(labels[n - 1], STR("svc")))
		lookup_svc(z, labels, n - 1, ret);
	else if (str_eq(labels[n - 1], STR("pod")))
		lookup_pod(z, labels, n - 1, ret);
	else if (n == 1 && str_eq(labels[0], STR("dns-version")))
		ret->place = DNS_VERSION;
	else if (n == 1 && str_eq(labels[0], STR("dns")))
		ret->place = DNS_NODE;
	else if (n == 2 && str_eq(labels[1], STR("dns")) && str_eq(labels[0], STR("ns")))
		ret->place = DNS_SELF;
}

/* Puts all addresses of the queried family, starting at the turn's. */
static void answer_addrs(struct answer *a, enum dnswire_section s, const struct dnswire_name *owner,
			 const struct dns_addrs *addrs, size_t size)
{
	size_t at = addrs->n ? a->turn % addrs->n : 0;

	for (size_t i = 0; i < addrs->n; i++) {
		if (!dnswire_put_addr(&a->w, s, owner, a->zone->ttl, addrs->bytes + at * size,
				      size)) {
			a->w.is_truncated |= s == DNSWIRE_ANSWER;
			return;
		}
		if (++at == addrs->n)
			at = 0;
	}
}

static void answer_family(struct answer *a, const struct dnswire_name *owner,
			  const struct dns_addrs *v4, const struct dns_addrs *v6)
{
	if (a->type == DNSWIRE_A)
		answer_addrs(a, DNSWIRE_ANSWER, owner, v4, 4);
	else if (a->type == DNSWIRE_AAAA)
		answer_addrs(a, DNSWIRE_ANSWER, owner, v6, 16);
}

static void answer_one_addr(struct answer *a, const struct dnswire_name *owner,
			    const struct ip_addr *addr)
{
	size_t len;
	const uint8_t *wire = ip_wire(addr, &len);
	struct dns_addrs one = {wire, 1}, none = {0};

	answer_family(a, owner, len == 4 ? &one : &none, len == 4 ? &none : &one);
}

static bool answer_put_srv(struct answer *a, const struct dnswire_name *owner,
			   const struct dns_port *p, size_t k, const struct dnswire_name *target)
{
	struct dnswire_srv srv = {.weight = (uint16_t)(k > 0 && k < 100 ? 100 / k : 1),
				  .port = p->port,
				  .target = *target};

	if (dnswire_put_srv(&a->w, DNSWIRE_ANSWER, owner, a->zone->ttl, &srv))
		return true;
	a->w.is_truncated = true;
	return false;
}

static size_t answer_count_ports(const struct dns_port *ports, size_t n, const struct dns_found *f)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += answer_port_matches(&ports[i], f);
	return count;
}

static void answer_srv_cluster_ip(struct answer *a, const struct dnswire_name *owner,
				  const struct dns_found *f)
{
	const struct dns_records *r = f->records;
	size_t k = (r->v4.n + r->v6.n) * answer_count_ports(r->ports, r->n_ports, f);
	struct dnswire_name target;
	bool is_any = false;

	if (!dns_zone_name(a->zone, r, NULL, &target))
		return;
	for (size_t i = 0; i < r->n_ports; i++) {
		if (!answer_port_matches(&r->ports[i], f))
			continue;
		if (!answer_put_srv(a, owner, &r->ports[i], k, &target))
			return;
		is_any = true;
	}
	if (is_any) {
		answer_addrs(a, DNSWIRE_ADDITIONAL, &target, &r->v4, 4);
		answer_addrs(a, DNSWIRE_ADDITIONAL, &target, &r->v6, 16);
	}
}

/* One SRV for each (endpoint name, port), over the n endpoints from e on, then their glue. */
static void answer_srv_endpoints(struct answer *a, const struct dnswire_name *owner,
				 const struct dns_found *f, const struct dns_endpoint *e, size_t n)
{
	size_t k = 0, first = n ? a->turn % n : 0;
	struct dnswire_name target;

	for (size_t i = 0; i < n; i++)
		k += (e[i].v4.n + e[i].v6.n) * answer_count_ports(e[i].ports, e[i].n_ports, f);
	for (size_t i = 0; i < n; i++) {
		const struct dns_endpoint *it = &e[(first + i) % n];

		for (size_t p = 0; p < it->n_ports; p++)
			if (answer_port_matches(&it->ports[p], f) &&
			    dns_zone_name(a->zone, f->records, it, &target) &&
			    !answer_put_srv(a, owner, &it->ports[p], k, &target))
				return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct dns_endpoint *it = &e[(first + i) % n];

		if (!answer_count_ports(it->ports, it->n_ports, f) ||
		    !dns_zone_name(a->zone, f->records, it, &target))
			continue;
		answer_addrs(a, DNSWIRE_ADDITIONAL, &target, &it->v4, 4);
		answer_addrs(a, DNSWIRE_ADDITIONAL, &target, &it->v6, 16);
	}
}

static void answer_srv(struct answer *a, const struct dnswire_name *owner,
		       const struct dns_found *f)
{
	if (f->place == DNS_ENDPOINT)
		answer_srv_endpoints(a, owner, f, f->endpoint, 1);
	else if (f->records->kind == DNS_HEADLESS)
		answer_srv_endpoints(a, owner, f, f->records->endpoints, f->records->n_endpoints);
	else
		answer_srv_cluster_ip(a, owner, f);
}

static void answer_soa(struct answer *a, enum dnswire_section s)
{
	const struct dns_zone *z = a->zone;
	struct dnswire_soa soa = {.primary = z->origin,
				  .mailbox = z->origin,
				  .serial = z->serial,
				  .refresh = 7200,
				  .retry = 1800,
				  .expire = 86400,
				  .minimum = z->ttl};

	if (!dnswire_name_prepend(&soa.primary, STR("dns")) ||
	    !dnswire_name_prepend(&soa.primary, STR("ns")) ||
	    !dnswire_name_prepend(&soa.mailbox, STR("hostmaster")))
		return;
	a->w.is_truncated |=
		!dnswire_put_soa(&a->w, s, &z->origin, MIN(z->ttl, (uint32_t)SOA_TTL_MAX), &soa);
}

static void answer_self_addrs(struct answer *a, enum dnswire_section s,
			      const struct dnswire_name *owner, uint16_t type)
{
	for (size_t i = 0; i < a->zone->n_self; i++) {
		size_t len;
		const uint8_t *wire = ip_wire(&a->zone->self[i], &len);

		if (type == DNSWIRE_ANY || type == (len == 4 ? DNSWIRE_A : DNSWIRE_AAAA))
			IGNORE(dnswire_put_addr(&a->w, s, owner, a->zone->ttl, wire, len),
			       "a few addresses always fit");
	}
}

/* The Services that lead to this server, else ns.dns.DOMAIN (dns.md 2.8). */
static void answer_ns(struct answer *a, const struct dnswire_name *owner)
{
	const struct dns_zone *z = a->zone;
	struct dnswire_name target;
	bool is_any = false;

	for (size_t i = 0; i < z->n_self; i++) {
		const struct dns_ptr_set *set = dns_zone_ptr(z, &z->self[i]);

		for (size_t k = 0; set && k < set->len; k++) {
			const struct dns_ptr *p = &set->ptr[k];
			bool is_headless = p->records->kind == DNS_HEADLESS;

			if (dns_zone_name(z, p->records, is_headless ? p->endpoint : NULL, &target))
				is_any |= dnswire_put_name(&a->w, DNSWIRE_ANSWER, owner, DNSWIRE_NS,
							   z->ttl, &target);
		}
	}
	if (is_any)
		return;
	target = z->origin;
	if (!dnswire_name_prepend(&target, STR("dns")) || !dnswire_name_prepend(&target, STR("ns")))
		return;
	IGNORE(dnswire_put_name(&a->w, DNSWIRE_ANSWER, owner, DNSWIRE_NS, z->ttl, &target),
	       "the first record always fits");
	answer_self_addrs(a, DNSWIRE_ADDITIONAL, &target, DNSWIRE_ANY);
}

static enum dnswire_rcode answer_name(struct answer *a, const struct dnswire_name *owner,
				      int depth);

/* The alias, then what it leads to when that is ours to know (dns.md 2.5). */
static enum dnswire_rcode answer_alias(struct answer *a, const struct dnswire_name *owner,
				       const struct dns_records *r, int depth)
{
	struct dnswire_name target = r->target;

	if (a->type != DNSWIRE_A && a->type != DNSWIRE_AAAA && a->type != DNSWIRE_CNAME)
		return DNSWIRE_NOERROR;
	if (!dnswire_put_name(&a->w, DNSWIRE_ANSWER, owner, DNSWIRE_CNAME, a->zone->ttl, &target)) {
		a->w.is_truncated = true;
		return DNSWIRE_NOERROR;
	}
	if (a->type == DNSWIRE_CNAME || depth >= DNS_CHAIN_MAX ||
	    !dnswire_name_is_under(&target, &a->zone->origin, NULL))
		return DNSWIRE_NOERROR;
	return answer_name(a, &target, depth + 1);
}

static void answer_service(struct answer *a, const struct dnswire_name *owner,
			   const struct dns_found *f)
{
	if (a->type == DNSWIRE_SRV)
		answer_srv(a, owner, f);
	else if (f->place == DNS_SERVICE)
		answer_family(a, owner, &f->records->v4, &f->records->v6);
	else if (f->place == DNS_ENDPOINT)
		answer_family(a, owner, &f->endpoint->v4, &f->endpoint->v6);
}

/* Answers a->type for a name of the zone, spelled as `owner`. */
static enum dnswire_rcode answer_name(struct answer *a, const struct dnswire_name *owner, int depth)
{
	struct dnswire_name lower = *owner;
	struct dns_found f;

	dnswire_name_lower(&lower);
	dns_lookup(a->zone, &lower, &f);
	switch (f.place) {
	case DNS_NOWHERE:
		return a->zone->is_synced ? DNSWIRE_NXDOMAIN : DNSWIRE_SERVFAIL;
	case DNS_NODE:
		break;
	case DNS_APEX:
		if (a->type == DNSWIRE_SOA)
			answer_soa(a, DNSWIRE_ANSWER);
		else if (a->type == DNSWIRE_NS)
			answer_ns(a, owner);
		break;
	case DNS_VERSION:
		if (a->type == DNSWIRE_TXT)
			IGNORE(dnswire_put_txt(&a->w, DNSWIRE_ANSWER, owner, VERSION_TTL,
					       STR("1.1.0")),
			       "the first record always fits");
		break;
	case DNS_SELF:
		answer_self_addrs(a, DNSWIRE_ANSWER, owner, a->type);
		break;
	case DNS_SERVICE:
	case DNS_ENDPOINT:
	case DNS_PORT:
		if (f.records->kind == DNS_EXTERNAL)
			return answer_alias(a, owner, f.records, depth);
		answer_service(a, owner, &f);
		break;
	case DNS_POD:
		answer_one_addr(a, owner, &f.pod);
		break;
	}
	return DNSWIRE_NOERROR;
}

static enum dnswire_rcode answer_reverse(struct answer *a, const struct dnswire_name *owner)
{
	const struct dns_ptr_set *set;
	struct dnswire_name target;
	struct ip_addr addr;
	size_t n;

	if (!dnswire_name_to_addr(owner, &addr))
		return DNSWIRE_NXDOMAIN;
	set = dns_zone_ptr(a->zone, &addr);
	if (!set)
		return a->zone->is_synced ? DNSWIRE_NXDOMAIN : DNSWIRE_SERVFAIL;
	if (a->type != DNSWIRE_PTR)
		return DNSWIRE_NOERROR;
	n = set->ptr[0].endpoint ? set->len : 1; /* a cluster IP has one name */
	for (size_t i = 0; i < n; i++)
		if (dns_zone_name(a->zone, set->ptr[i].records, set->ptr[i].endpoint, &target))
			a->w.is_truncated |= !dnswire_put_name(&a->w, DNSWIRE_ANSWER, owner,
							       DNSWIRE_PTR, a->zone->ttl, &target);
	return DNSWIRE_NOERROR;
}

static bool answer_is_reverse(const struct dnswire_name *n)
{
	static const struct dnswire_name v4 = {14, "\7in-addr\4arpa"}, v6 = {10, "\3ip6\4arpa"};

	return dnswire_name_is_under(n, &v4, NULL) || dnswire_name_is_under(n, &v6, NULL);
}

static enum dnswire_rcode answer_question(struct answer *a, const struct dnswire_query *q)
{
	enum dnswire_rcode rcode;

	if (q->class != DNSWIRE_CLASS_IN || q->type == DNSWIRE_AXFR || q->type == DNSWIRE_IXFR)
		return DNSWIRE_REFUSED;
	if (dnswire_name_is_under(&q->name, &a->zone->origin, NULL))
		rcode = answer_name(a, &q->name, 0);
	else if (answer_is_reverse(&q->name))
		rcode = answer_reverse(a, &q->name);
	else
		return DNSWIRE_REFUSED;
	if (rcode != DNSWIRE_NOERROR || a->w.counts[DNSWIRE_ANSWER] == 0)
		answer_soa(a, DNSWIRE_AUTHORITY);
	return rcode;
}

size_t dns_answer(const struct dns_zone *z, const uint8_t *in, size_t in_len, bool is_tcp,
		  uint32_t turn, uint8_t *out, enum dnswire_rcode *ret_rcode)
{
	struct answer a = {.zone = z, .turn = turn};
	enum dnswire_rcode rcode;
	struct dnswire_query q;
	int r = dnswire_query_read(in, in_len, &q);

	if (r < 0)
		return 0;
	dnswire_begin(&a.w, out,
		      is_tcp ? DNSWIRE_MESSAGE_MAX : MIN((size_t)q.udp_size, (size_t)DNS_UDP_MAX),
		      &q);
	a.type = q.type;
	rcode = r > 0 ? (enum dnswire_rcode)r : answer_question(&a, &q);
	if (r > 0 || rcode == DNSWIRE_REFUSED)
		a.w.is_authoritative = false;
	if (ret_rcode)
		*ret_rcode = rcode;
	return dnswire_end(&a.w, rcode);
}
