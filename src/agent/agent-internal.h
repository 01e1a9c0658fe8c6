/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of the agent share; nobody else includes this. Everything runs on the loop. */

#include "agent/agent.h"
#include "agent/backoff.h"
#include "agent/ipam.h"
#include "agent/pause-client.h"
#include "agent/probe.h"
#include "agent/sandbox.h"
#include "agent/status.h"
#include "base/list.h"
#include "base/map.h"
#include "client/reflector.h"
#include "loop/loop.h"
#include "netlink/link.h"

struct agent_prober;
struct agent_node;
struct agent_endpoint;
struct agent_logs;
struct http_exchange;

struct agent {
	struct agent_config config;
	struct loop *loop;
	struct client *client;
	struct link_sock *links; /* in the node's network namespace */
	struct client_reflector *pods, *services, *nodes;
	struct agent_ipam ipam[AGENT_FAMILIES];
	size_t n_ipam;
	struct map by_uid; /* struct agent_pod */
	struct map found;  /* uid -> struct agent_sandbox that is on disk and not claimed */
	bool has_services; /* the Services have been listed: environments are complete */
	bool has_pods;
	struct agent_node *node;
	struct agent_endpoint *endpoint;
	struct list_node execs, forwards; /* of clients */
	size_t n_sessions;                /* of both */
};

enum agent_stage {
	AGENT_STAGE_NEW,      /* nothing is there yet */
	AGENT_STAGE_SPAWNING, /* `fairlead pause` is at work */
	AGENT_STAGE_LISTING,  /* connected; it tells what runs */
	AGENT_STAGE_UP,
	AGENT_STAGE_STOPPING, /* to be deleted: containers are told to end */
	AGENT_STAGE_GONE,     /* all that was here is gone; the object has to go */
};

enum agent_probe_type {
	AGENT_READINESS,
	AGENT_LIVENESS,
	AGENT_STARTUP,
	AGENT_PROBE_TYPES,
};

struct agent_container {
	struct agent_pod *pod;
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
	int64_t restart_ms; /* not before (monotonic) */
	int64_t kill_ms;    /* SIGTERM was sent; SIGKILL at this time; 0: not */
	struct agent_prober *probers[AGENT_PROBE_TYPES];
};

struct agent_pod {
	struct agent *agent;
	struct client_object
		*first;             /* its spec is the Pod's for good: container specs point here */
	struct client_object *obj;  /* newest */
	const struct api_pod *spec; /* first's view */
	enum agent_stage stage;
	struct agent_sandbox *box;
	struct agent_backoff box_backoff;
	int64_t box_retry_ms;
	struct loop_child *spawning;
	pid_t spawner;          /* while spawning */
	int64_t stage_until_ms; /* deadline of spawning and listing */
	bool is_late;           /* … which was missed */
	/* The pause was there before this connection to it, and what it runs is not known yet: it
	 * is not ended for being slow, and the API knows more of the Pod than we do. */
	bool is_adopted;
	struct agent_pause_client *pause;   /* NULL: not connected */
	struct agent_container *containers; /* first the init containers */
	size_t n_containers, n_inits;
	struct loop_timer *timer;
	struct agent_transition transitions[AGENT_CONDITIONS];
	const char *reason;
	char *message;
	char *reported;                  /* status text that was sent last */
	struct client_request *report;   /* under way */
	struct client_request *deletion; /* under way */
	struct loop_timer *report_timer; /* a failed one is tried again */
	unsigned next_exec;
	struct arena arena; /* names */
};

static inline const struct api_pod *agent_pod_view_of(const struct agent_pod *p)
{
	return p->obj->view;
}

/* pod.c */
struct agent_pod *agent_pod_new(struct agent *a, struct client_object *o);
void agent_pod_update(struct agent_pod *p, struct client_object *o);
/* The object is gone, or the agent ends (is_kept: what runs stays). */
void agent_pod_free(struct agent_pod *p, bool is_kept);
/* Looks at everything and does what is to be done next; to be called after any change. */
void agent_pod_sync(struct agent_pod *p);
/* A message to the pause, as agent_pause_client_send; -EPIPE: none is connected. */
int agent_pod_send(struct agent_pod *p, const char *const *words, const int *fds,
		   struct err *err) _nodiscard_;
int64_t agent_pod_now_ms(const struct agent_pod *p);

/* container.c */
void agent_container_init(struct agent_container *c, struct agent_pod *p,
			  const struct api_container *spec, bool is_init);
void agent_container_fini(struct agent_container *c);
/* Takes one step; returns when to be called again (monotonic, ms), INT64_MAX: on news only. */
int64_t agent_container_step(struct agent_container *c);
void agent_container_stop(struct agent_container *c, int64_t kill_ms);
bool agent_container_is_done(const struct agent_container *c); /* an init container: go on */
/* All are asked again what runs: a "start" that has no answer may be lost. */
void agent_container_forget_asked(struct agent_container *c);
/* News from the pause. */
/* The run with that number of a Pod's container has not ended. */
bool agent_container_is_running(struct agent *a, const char *uid, const char *name, int number);
void agent_container_on_running(struct agent_container *c, int number, int64_t started_ns);
void agent_container_on_ended(struct agent_container *c, int number, int64_t started_ns,
			      int64_t finished_ns, int exit_code, int signo);
void agent_container_on_failed(struct agent_container *c, int number, struct str text);
/* The sandbox died: nothing runs any more. */
void agent_container_on_lost(struct agent_container *c);
void agent_container_on_verdict(struct agent_container *c, enum agent_probe_type type,
				enum agent_verdict verdict);

/* prober.c */
struct agent_prober *agent_prober_new(struct agent_container *c, enum agent_probe_type type,
				      enum agent_verdict initial);
void agent_prober_free(struct agent_prober *p);
/* "done ID EXIT": true when the exec was this prober's. */
bool agent_prober_on_exec(struct agent_prober *p, struct str id, int exit_code);

/* report.c */
void agent_report_status(struct agent_pod *p);
void agent_report_deletion(struct agent_pod *p);
void agent_report_fini(struct agent_pod *p);

/* node.c */
struct agent_node *agent_node_new(struct agent *a);
void agent_node_free(struct agent_node *n);
/* The ranges are known (config or Node object): Pods may get addresses. */
void agent_on_ranges(struct agent *a);

/* logs.c */
struct agent_logs *agent_logs_new(struct agent *a);
void agent_logs_free(struct agent_logs *l); /* after the server that calls it */
/* Negative, and the exchange untouched, or it is answered. */
int agent_logs_serve(struct agent_logs *l, struct http_exchange *x, struct agent_container *c,
		     struct err *err) _nodiscard_;

/* endpoint.c */
int agent_endpoint_new(struct agent *a, struct agent_endpoint **ret, struct err *err) _nodiscard_;
void agent_endpoint_free(struct agent_endpoint *e);
struct agent_container *agent_pod_container(struct agent_pod *p, struct str name); /* or NULL */

/* exec.c, forward.c: as agent_logs_serve. */
int agent_exec_start(struct agent_container *c, struct http_exchange *x,
		     struct err *err) _nodiscard_;
int agent_attach_start(struct agent_container *c, struct http_exchange *x,
		       struct err *err) _nodiscard_;
/* "done ID EXIT …": true when the exec was a client's. */
bool agent_exec_on_done(struct agent_pod *p, struct str id, int exit_code, struct str failure);
void agent_exec_on_lost(struct agent_pod *p); /* nothing runs in its sandbox any more */
int agent_forward_start(struct agent_pod *p, struct http_exchange *x, struct err *err) _nodiscard_;
void agent_forward_on_lost(struct agent_pod *p);
