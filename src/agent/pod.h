/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One Pod, from its binding to this node until nothing of it is left: its stages, its sandbox and
 * what its pause says, its containers, its status in the API.
 */

#include "agent/container.h"
#include "agent/report.h"

#include <sys/types.h>

enum agent_stage {
	AGENT_STAGE_NEW,      /* nothing is there yet */
	AGENT_STAGE_SPAWNING, /* `fairlead pause` is at work */
	AGENT_STAGE_LISTING,  /* connected; it tells what runs */
	AGENT_STAGE_UP,
	AGENT_STAGE_STOPPING, /* to be deleted: containers are told to end */
	AGENT_STAGE_GONE,     /* all that was here is gone; the object has to go */
};

struct agent_pod {
	struct agent_place place;
	struct client_object *first; /* container specs point here */
	enum agent_stage stage;
	struct agent_backoff box_backoff;
	int64_t box_retry_ms;
	struct loop_child *spawning;
	pid_t spawner;          /* while spawning */
	int64_t stage_until_ms; /* deadline of spawning and listing */
	bool is_late;           /* … which was missed */
	/* The pause was there before this connection to it, and what it runs is not known yet: it
	 * is not ended for being slow, and the API knows more of the Pod than we do. */
	bool is_adopted;
	struct agent_container *containers; /* first the init containers */
	size_t n_containers, n_inits;
	struct loop_timer *timer;
	struct agent_transition transitions[AGENT_CONDITIONS];
	const char *reason;
	char *message;
	struct agent_report report;
	struct arena arena; /* names */
};

/* Claims the sandbox that an earlier agent has left for it. */
struct agent_pod *agent_pod_new(struct agent *a, struct client_object *o);
void agent_pod_update(struct agent_pod *p, struct client_object *o);
/* The object is gone, or the agent ends (is_kept: what runs stays). */
void agent_pod_free(struct agent_pod *p, bool is_kept);
/* Looks at everything and does what is to be done next; to be called after any change. */
void agent_pod_sync(struct agent_pod *p);

struct agent_pod *agent_pod_find(struct agent *a, struct str ns, struct str name); /* or NULL */
struct agent_container *agent_pod_container(struct agent_pod *p, struct str name); /* or NULL */
/* The run with that number of a Pod's container has not ended. */
bool agent_pod_is_running(struct agent *a, const char *uid, const char *container, int number);
