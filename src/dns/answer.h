/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From a query to its answer, by dns.md section 2: pure, on the caller's buffer, without
 * allocation.
 *
 * Which names exist is decided in one place (dns_lookup), so that A and AAAA can never disagree
 * about it (RFC 8020). Negative answers carry the SOA. The question's spelling is kept in the
 * owner names. Names outside the cluster's domain and the reverse zones are REFUSED.
 *
 * Where upstream has an oddity that we do not share, dns.md marks it (Q): names above existing ones
 * ("_tcp.web.…", "dns.DOMAIN") are NODATA here, A at an SRV name is NODATA, an alias whose target
 * is missing shows the alias.
 */

#include "dns/zone.h"
#include "dnswire/message.h"

enum {
	DNS_UDP_MAX = 4096, /* most that we send in one datagram, whatever the client says */
	DNS_CHAIN_MAX = 10, /* aliases followed */
	DNS_BUFFER = DNSWIRE_MESSAGE_MAX + DNSWIRE_SLACK, /* size of an answer buffer */
};

enum dns_place {
	DNS_NOWHERE, /* NXDOMAIN */
	DNS_NODE,    /* exists, has no records of its own */
	DNS_APEX,
	DNS_VERSION, /* dns-version.DOMAIN */
	DNS_SELF,    /* ns.dns.DOMAIN */
	DNS_SERVICE,
	DNS_ENDPOINT,
	DNS_PORT, /* _port._proto.svc.ns.svc.DOMAIN */
	DNS_POD,
};

struct dns_found {
	enum dns_place place;
	const struct dns_records *records;
	const struct dns_endpoint *endpoint;
	struct str port_name; /* points into the name that was looked up */
	enum api_protocol protocol;
	struct ip_addr pod;
};

/* `name` is at or below the zone's origin. */
void dns_lookup(const struct dns_zone *z, const struct dnswire_name *name, struct dns_found *ret);

/* Answers the message `in`. `turn` rotates the order of addresses (any number). out: DNS_BUFFER
 * bytes. Returns the answer's length, 0 for silence. `rcode` (may be NULL) tells what was answered.
 */
size_t dns_answer(const struct dns_zone *z, const uint8_t *in, size_t in_len, bool is_tcp,
		  uint32_t turn, uint8_t *out, enum dnswire_rcode *rcode);
