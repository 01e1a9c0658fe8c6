/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One leader among several servers, by a Lease in kube-system (coordination.k8s.io/v1), as
 * Kubernetes' components elect theirs (client-go, tools/leaderelection).
 *
 * Whoever holds the Lease leads and renews it every renew_ms. The others look at it and take it
 * when it is free, or has not changed for lease_ms by their own clock (so that no two clocks are
 * compared). A leader that could not renew for deadline_ms, which is less, has lost before another
 * can have won. A write that is under way at that moment may still land; controllers compare
 * revisions, so that it does no harm.
 */

#include "base/err.h"

struct client;
struct leader;
struct loop;

struct leader_config {
	const char *name;     /* of the Lease */
	const char *identity; /* of this process: nobody else's, not even its own of before */
	int64_t lease_ms;     /* 0: 12,000, so that others go on within 15 s */
	int64_t deadline_ms;  /* 0: 8,000; less than lease_ms */
	int64_t renew_ms;     /* 0: 2,000 */
	int64_t look_ms;      /* 0: 250: of those who do not lead */
	void (*on_change)(void *ctx, bool leads);
	void *ctx;
};

/* Strings are copied; the client stays the caller's and must outlive it. */
struct leader *leader_new(struct loop *l, struct client *c, const struct leader_config *config);
/* Gives the Lease back if it is held, without on_change, then calls `done`, maybe at once. */
void leader_release(struct leader *l, void (*done)(void *ctx), void *ctx);
void leader_free(struct leader *l); /* NULL is fine */
