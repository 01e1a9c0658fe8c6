/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One question to a container, and its answer: exec, HTTP, TCP, as a probe or a hook describes it;
 * a hook's sleep, too, which asks nobody.
 * It is asked from the node; who asks when, and what the answer means, is the caller's (a prober, a
 * container's preStop).
 */

#include "agent/place.h"

struct agent_ask;

struct agent_ask_config {
	struct agent_place *place;
	const struct api_container *container; /* its ports may be asked for by name */
	const char *name;                      /* container->name */
	const struct api_probe *how;           /* its times do not count */
	const char *agent_name;                /* as HTTP's user-agent */
	int64_t timeout_ms;
	/* Told once, unless it is freed before; `why`: what went wrong, "" when is_ok; the ask's
	 * own. */
	void (*on_answer)(void *ctx, bool is_ok, const char *why);
	void *ctx;
};

/* Everything in it must live as long as it does. on_answer is never called from inside. */
struct agent_ask *agent_ask_new(const struct agent_ask_config *config);
/* A command that still runs is ended. NULL is fine; to be called from on_answer too. */
void agent_ask_free(struct agent_ask *a);
