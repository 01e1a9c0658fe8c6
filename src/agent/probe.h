/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * When a probe runs and what its results amount to. Pure: time is passed in (monotonic, ms), and
 * who asks the container is agent/prober.c.
 *
 * A verdict changes after success_threshold (failure_threshold) results of one kind in a row. A
 * readiness probe begins as failed, so that a Pod gets no traffic before it has said yes; a
 * liveness probe begins as passed; a startup probe begins as unknown, and while it has not passed
 * the other two do not run (Kubernetes, "Configure Liveness, Readiness and Startup Probes").
 */

#include "api/types.h"

enum agent_verdict {
	AGENT_UNKNOWN,
	AGENT_PASS,
	AGENT_FAIL,
};

enum {
	/* A readiness probe that has not passed yet is asked again so soon, "to make the Pod ready
	 * faster", as the documentation allows. */
	AGENT_PROBE_EAGER_MS = 500,
	/* A liveness probe without initialDelaySeconds leaves a process this time to begin to
	 * listen; Kubernetes' own agent takes about as long to notice that it runs. */
	AGENT_PROBE_LIVENESS_MS = 1000,
};

struct agent_probe {
	int64_t period_ms, timeout_ms;
	int pass_threshold, fail_threshold;
	enum agent_verdict verdict;
	int64_t due_ms;  /* when to run it next */
	bool is_running; /* begun and not ended */
	bool is_eager;   /* in a hurry until it has passed once */
	bool was_pass;   /* the last result … */
	int in_a_row;    /* … and how often it came */
};

/* `initial` also says which kind it is: fail readiness, pass liveness (or a readiness probe whose
 * container is known to be ready), unknown startup. */
void agent_probe_init(struct agent_probe *p, const struct api_probe *spec,
		      enum agent_verdict initial, int64_t started_ms);
bool agent_probe_is_due(const struct agent_probe *p, int64_t now_ms);
void agent_probe_begin(struct agent_probe *p, int64_t now_ms);
/* Takes the result of the run that was begun; true when the verdict is another one now. */
bool agent_probe_end(struct agent_probe *p, bool is_pass);
