/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Services and slices written down in one line each, for the DNS tests. */

#include "dns/zone.h"

/* Adds "ns/name" with these cluster IPs ("10.96.0.7,2001:db8::7", "None") and ports
 * ("http:80/tcp,:53/udp"). */
struct api_service fixture_service(struct arena *a, const char *ns_name, const char *cluster_ips,
				   const char *ports);
/* A slice of service `name`: endpoints "10.0.0.1 10.0.0.2=host !10.0.0.3" ('!': not ready). */
struct api_endpoint_slice fixture_slice(struct arena *a, const char *ns_name, const char *endpoints,
					const char *ports);
/* A zone "cluster.local" with ttl 5, synced, own address 10.96.0.10, and the Services used in the
 * tests: see fixture.c. */
void fixture_zone(struct dns_zone *z, struct arena *a);
