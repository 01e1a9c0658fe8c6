/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Runs one probe of a container again and again (agent/ask.h), as agent/probe.h says when. */

#include "agent/place.h"
#include "agent/probe.h"

struct agent_prober;

enum agent_probe_type {
	AGENT_READINESS,
	AGENT_LIVENESS,
	AGENT_STARTUP,
	AGENT_PROBE_TYPES,
};

struct agent_prober_config {
	struct agent_place *place;
	const struct api_container *container;
	const char *name; /* container->name */
	enum agent_probe_type type;
	enum agent_verdict initial;
	/* A new verdict. May free the prober. */
	void (*on_verdict)(void *ctx, enum agent_probe_type type, enum agent_verdict verdict);
	void *ctx;
};

const char *agent_probe_type_name(enum agent_probe_type type); /* "readiness", … */
const struct api_probe *agent_prober_spec(const struct api_container *c,
					  enum agent_probe_type type);
/* Everything in config must live as long as the prober. */
struct agent_prober *agent_prober_new(const struct agent_prober_config *config);
void agent_prober_free(struct agent_prober *p); /* NULL is fine */
