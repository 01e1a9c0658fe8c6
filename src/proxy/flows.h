/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stale UDP flows (section 2.8 of the data-plane specification): a tracked flow goes on to the
 * backend that it was given, so after the rules have changed, flows of changed UDP ports whose
 * backend does not serve any more are deleted; so are flows to a Service that was deleted, and
 * those that were never translated because the Service had no backend yet.
 *
 * Of TCP, flows that are over are deleted when their backend has gone: the kernel remembers them
 * for 10 s after a reset and 120 s after an end, and a client that takes the same source port again
 * meanwhile would be led to the backend that has gone. TCP connections that live, and SCTP, are
 * never touched.
 *
 * Where several Services claim an address, its flows are judged by the one that owns it now.
 *
 * Call it after the rules are in force: otherwise the next packet makes the stale flow again.
 */

#include "netlink/conntrack.h"
#include "svc/view.h"

struct proxy_flows_task {
	const struct svc_view *before; /* NULL: nothing is known */
	const struct svc_view *after;
	/* Entries that differ. */
	const struct svc_change *changes;
	size_t n_changes;
	bool is_full; /* whatever was in force: all UDP flows to the Services are looked at */
};

/* Deletes what the changes made stale; does nothing when no port changed its backends. */
int proxy_flows_clean(struct netlink_socket *s, const struct proxy_flows_task *t,
		      size_t *ret_deleted, struct err *err) _nodiscard_;
/* Whether that would delete this flow. */
bool proxy_flows_is_stale(const struct proxy_flows_task *t, const struct conntrack_flow *f);
