/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pause before a container that ended is started again: none the first time, then 10 s, 20 s,
 * … up to 300 s; a run of 10 minutes is forgiven everything (Kubernetes, "Pod Lifecycle"). Pure.
 */

#include "base/macro.h"

enum {
	AGENT_BACKOFF_FIRST_MS = 10 * 1000,
	AGENT_BACKOFF_MAX_MS = 300 * 1000,
	AGENT_BACKOFF_FORGIVE_MS = 600 * 1000,
};

struct agent_backoff { /* zero-initialised: nothing has failed yet */
	int64_t next_ms;
};

/* The pause after a run that lasted ran_ms. */
int64_t agent_backoff_after(struct agent_backoff *b, int64_t ran_ms);
