/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The engine: keeps one back end equal to what the API says.
 *
 * It reflects Services, EndpointSlices and this Node. Nothing is written before all three lists are
 * complete: a partial table is worse than an old one, and what an earlier process left keeps
 * forwarding meanwhile. Then every change marks its Service dirty, and at the end of the loop's
 * turn the dirty entries are built anew and the difference is applied at once; there is no minimum
 * period. The first table, a change of the node's own facts and whatever follows a failure go
 * through sync; failures are retried with a growing pause, for ever. Every ENGINE_VERIFY_MS the
 * kernel is read back and compared; a difference is logged and mended.
 *
 * After the rules come the flows: stale UDP ones are deleted (proxy/flows.h).
 *
 * Only this file of the room logs. One thread: the loop's.
 */

#include "proxy/proxy.h"

struct client;
struct loop;
struct proxy_engine;

enum {
	PROXY_ENGINE_RETRY_MIN_MS = 100,
	PROXY_ENGINE_SETTLE_MS = 20, /* from a change in the kernel to the end of its stale flows */
	PROXY_ENGINE_RETRY_MAX_MS = 10000,
	PROXY_ENGINE_VERIFY_MS = 60000,
	PROXY_ENGINE_STALE_MS = 60000, /* a change waiting longer makes the proxy unhealthy */
};

/* `config`: everything but what the Node object tells (zone, addresses), which it adds; copied. The
 * client and the back end are borrowed. The registered metrics carry kube-proxy's names. */
struct proxy_engine *proxy_engine_new(struct loop *l, struct client *c, struct proxy_backend *b,
				      const struct svc_config *config);
void proxy_engine_free(struct proxy_engine *e); /* leaves the kernel as it is */

struct proxy_health {
	bool is_healthy;    /* no change has waited longer than PROXY_ENGINE_STALE_MS */
	bool is_eligible;   /* the Node is neither being deleted nor by the autoscaler */
	bool is_synced;     /* the kernel has held a whole table once */
	bool is_behind;     /* some change is not in the kernel yet */
	int64_t updated_ns; /* wall clock of the last success; now, while healthy */
};
void proxy_engine_health(const struct proxy_engine *e, struct proxy_health *ret);
