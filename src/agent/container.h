/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One container of a Pod: started by the pause (agent/pause.h), started again after its back-off,
 * told to end; what its probes say of it. Its Pod steps it (agent_container_step) after any change
 * and passes on what the pause tells; what a probe changes goes up by the place's on_change.
 */

#include "agent/ask.h"
#include "agent/backoff.h"
#include "agent/place.h"
#include "agent/prober.h"
#include "agent/status.h"

struct agent_container {
	struct agent_place *place;
	const struct api_container *spec;
	const char *name; /* spec->name as C string */
	bool is_init;
	struct agent_run_state now, last;
	char *message;    /* behind now.message */
	int number;       /* of the run: how often it was started again */
	bool is_asked;    /* "start" was sent, no answer yet … */
	int64_t asked_ms; /* … since then */
	bool is_late;     /* … and that was told */
	bool is_ready, is_started;
	struct agent_backoff backoff;
	int64_t restart_ms;     /* not before (monotonic) */
	int64_t kill_ms;        /* it is to end; SIGKILL at this time; 0: not */
	struct agent_ask *hook; /* preStop is under way: SIGTERM comes after it */
	bool is_last_grace;     /* what preStop has left is a minimum: nothing shortens it */
	struct agent_prober *probers[AGENT_PROBE_TYPES];
};

/* `name` is spec->name and lives as long as the container. */
void agent_container_init(struct agent_container *c, struct agent_place *p,
			  const struct api_container *spec, const char *name, bool is_init);
void agent_container_fini(struct agent_container *c);
/* Takes one step; returns when to be called again (monotonic, ms), INT64_MAX: on news only.
 * is_stopping: it is not started any more. */
int64_t agent_container_step(struct agent_container *c, bool is_stopping);
/* It is to end: preStop, SIGTERM, at kill_ms SIGKILL, but not at once after preStop. */
void agent_container_stop(struct agent_container *c, int64_t kill_ms);
bool agent_container_is_done(const struct agent_container *c); /* an init container: go on */
/* All are asked again what runs: a "start" that has no answer may be lost. */
void agent_container_forget_asked(struct agent_container *c);

/* News from the pause. `known`: what the API says of a container that ran before this agent did (a
 * new agent must not take a Pod that is fine out of its Services); NULL: it has just been started.
 */
void agent_container_on_running(struct agent_container *c, int number, int64_t started_ns,
				const struct api_container_status *known);
void agent_container_on_ended(struct agent_container *c, int number, int64_t started_ns,
			      int64_t finished_ns, int exit_code, int signo);
void agent_container_on_failed(struct agent_container *c, int number, struct str text);
/* The sandbox died: nothing runs any more. */
void agent_container_on_lost(struct agent_container *c);
