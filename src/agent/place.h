/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a Pod's containers run, as those see it who have to do with one of them: the Pod's object,
 * its sandbox, the connection to the pause in it, and the commands that the pause runs beside the
 * containers. Part of a struct agent_pod (agent/pod.h), which alone changes it.
 */

#include "agent/sandbox.h"
#include "agent/state.h"
#include "base/list.h"
#include "client/reflector.h"

struct agent_pause_client;

struct agent_place {
	struct agent *agent;
	const struct api_pod *spec;       /* as first seen: its spec is the Pod's for good */
	struct client_object *obj;        /* the newest */
	struct agent_sandbox *box;        /* NULL: none */
	struct agent_pause_client *pause; /* NULL: not connected */
	int64_t born_ms; /* with n_errands an id for each errand, also after this agent */
	unsigned n_errands;
	struct list_node errands;  /* struct agent_errand */
	struct list_node sessions; /* struct agent_session (agent/session.h) */
	/* Something changed that may mean that there is something to do. */
	void (*on_change)(struct agent_place *p);
};

void agent_place_init(struct agent_place *p, struct agent *a,
		      void (*on_change)(struct agent_place *p));
int64_t agent_place_now_ms(const struct agent_place *p);            /* monotonic */
const struct api_pod *agent_place_pod(const struct agent_place *p); /* the newest */
/* As agent_pause_client_send; -EPIPE: no pause is connected. */
int agent_place_send(struct agent_place *p, const char *const *words, const int *fds,
		     struct err *err) _nodiscard_;

/* A command that the pause runs. Zero-initialised: none does. The owner sets on_done and ctx. */
struct agent_errand {
	struct list_node link;
	struct agent_place *place; /* NULL: none is running */
	char id[24];
	/* Told once, and never after agent_errand_cancel. exit_code -1: `failure` says why it could
	 * not be run, or that the Pod ended. */
	void (*on_done)(void *ctx, int exit_code, struct str failure);
	void *ctx;
};

/* words: the command, NULL at the end. fds as agent_place_send. */
int agent_errand_start(struct agent_errand *r, struct agent_place *p, const char *container,
		       const char *const *words, const int *fds, struct err *err) _nodiscard_;
void agent_errand_cancel(struct agent_errand *r); /* kills it; none running is fine */

/* News from the pause: "done". */
void agent_place_on_done(struct agent_place *p, struct str id, int exit_code, struct str failure);
/* No run will be told of any more: each ends as failed. */
void agent_place_end_errands(struct agent_place *p, const char *why);
