/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A Pod's status from what its containers do: phase, conditions, container statuses, addresses
 * (Kubernetes, "Pod Lifecycle"). Pure: the same view always gives the same JSON, so the agent
 * sends it only when it differs from what was sent before.
 *
 * Conditions keep their lastTransitionTime as long as their status is the same; conditions of
 * types that are not ours stay as they are in the Pod.
 */

#include "api/types.h"
#include "json/json.h"

enum agent_run {
	AGENT_WAITING,
	AGENT_RUNNING,
	AGENT_ENDED,
};

struct agent_run_state {
	enum agent_run run;
	const char *reason;  /* waiting, ended; NULL: none */
	const char *message; /* may be NULL */
	int64_t started_ns, finished_ns;
	int exit_code, signal;
};

struct agent_container_view {
	const struct api_container *spec;
	struct agent_run_state now;
	struct agent_run_state last; /* the run before; AGENT_WAITING: there was none */
	int restarts;
	bool is_ready;   /* readiness verdict; counts only while it runs */
	bool is_started; /* startup verdict; the same */
};

enum {
	AGENT_CONDITIONS = 5, /* conditions that the agent owns */
};

/* Since when a condition of ours is what it is. Zero: not known yet. */
struct agent_transition {
	bool is_true;
	int64_t since_ns;
};

struct agent_pod_view {
	const struct api_pod *pod;
	const struct agent_container_view *containers, *inits;
	size_t n_containers, n_inits;
	const struct ip_addr *pod_addrs, *host_addrs;
	size_t n_pod_addrs, n_host_addrs;
	bool has_sandbox;   /* network is there */
	int64_t started_ns; /* 0: not accepted yet */
	int64_t now_ns;
	const struct agent_transition *transitions; /* AGENT_CONDITIONS; see agent_status_advance */
	const char *reason, *message;               /* of the Pod as a whole; NULL: none */
};

enum agent_phase {
	AGENT_PENDING,
	AGENT_RUNNING_PHASE,
	AGENT_SUCCEEDED,
	AGENT_FAILED,
};
const char *agent_phase_name(enum agent_phase p);

enum agent_phase agent_status_phase(const struct agent_pod_view *v);
bool agent_status_is_ready(const struct agent_pod_view *v);
/* Brings the transitions up to date: a condition that changed has changed now; one that is not
 * known yet is what the Pod's own status says, if it says the same. To be called before
 * agent_status_make, with what goes into view.transitions (NULL there: everything changed now). */
void agent_status_advance(const struct agent_pod_view *v,
			  struct agent_transition t[AGENT_CONDITIONS]);
/* Its `reason` and `message` alone: of a Pod of which nothing else is known. */
struct json *agent_status_make_reason(struct arena *a, const struct agent_pod_view *v);
/* The whole `status`; lists that are empty are written as empty, so that a merge patch clears
 * them. */
struct json *agent_status_make(struct arena *a, const struct agent_pod_view *v);
