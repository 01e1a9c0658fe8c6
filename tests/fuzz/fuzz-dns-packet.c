/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a DNS query against a small zone: an answer is well-formed enough to be read back as
 * far as its question, no longer than the limit, and echoes the id. */
#include "dns/answer.h"

#include <stdlib.h>
#include <string.h>

static struct dns_zone zone;
static uint8_t out[DNS_BUFFER];

static void start(void)
{
	struct dns_zone_config config = {
		.domain = STR("cluster.local"), .ttl = 5, .has_pod_names = true};
	struct api_service svc = {.meta = {.ns = STR("d"), .name = STR("w")}, .n_cluster_addrs = 1};
	struct api_service_port port = {.name = STR("p"), .port = 80};

	svc.cluster_addrs[0] = ip_from_v4(0x0a600007);
	svc.ports = &port;
	svc.n_ports = 1;
	if (dns_zone_init(&zone, &config, NULL) < 0)
		abort();
	dns_zone_put_namespace(&zone, STR("d"), true, 1);
	IGNORE(dns_zone_put(&zone, STR("d"), STR("w"), dns_records_new(&svc, NULL, 0), 1),
	       "always new");
	zone.is_synced = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;

	if (!zone.origin.len)
		start();
	for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
		len = dns_answer(&zone, data, size, is_tcp, 0, out, NULL);
		if (len == 0)
			continue;
		if (len < DNSWIRE_HEADER || len > (is_tcp ? DNSWIRE_MESSAGE_MAX : DNS_UDP_MAX) ||
		    memcmp(out, data, 2) != 0 || !(out[2] & 0x80))
			abort();
	}
	return 0;
}
