/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What one Service says in the DNS (dns.md section 2; Kubernetes DNS-based service
 * discovery 1.1.0): an immutable value made from the Service and its EndpointSlices. Pure.
 *
 * Names are single labels in lower case; addresses stand in the order in which they are answered,
 * each once, ready to be copied into a packet.
 */

#include "api/types.h"
#include "dnswire/name.h"

struct dns_addrs { /* of one family: n times 4 or 16 bytes */
	const uint8_t *bytes;
	size_t n;
};

struct dns_port {
	struct str name; /* absent: no port name, so no SRV name of its own */
	enum api_protocol protocol;
	uint16_t port;
};

/* One endpoint name: its hostname, or its address with dashes. Several endpoints may share it. */
struct dns_endpoint {
	struct str name;
	struct dns_addrs v4, v6;
	const struct dns_port *ports; /* each once */
	size_t n_ports;
};

enum dns_records_kind {
	DNS_CLUSTER_IP,
	DNS_HEADLESS,
	DNS_EXTERNAL,
};

struct dns_records {
	struct arena arena; /* private: holds all of this */
	struct str ns, name;
	enum dns_records_kind kind;
	struct dns_addrs v4, v6; /* cluster IPs, or all ready endpoints of a headless Service */
	const struct dns_port *ports; /* of the Service; headless: of its slices */
	size_t n_ports;
	const struct dns_endpoint *endpoints; /* ready ones, sorted by name */
	size_t n_endpoints;
	struct dnswire_name target; /* DNS_EXTERNAL */
};

/* NULL when the Service has no name in the DNS: an ExternalName that is an address or no domain
 * name (2.5). Slices of other Services, of type FQDN and endpoints that are not ready are passed
 * over. */
struct dns_records *dns_records_new(const struct api_service *svc,
				    const struct api_endpoint_slice *const *slices,
				    size_t n_slices);
void dns_records_free(struct dns_records *r); /* NULL is fine */

const struct dns_endpoint *dns_records_endpoint(const struct dns_records *r, struct str name);
/* Whether the answers would be the same, so that a no-op update does not move the serial. */
bool dns_records_eq(const struct dns_records *a, const struct dns_records *b);
