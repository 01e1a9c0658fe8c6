/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/pod.h"

#include "agent/etc.h"
#include "agent/pause-client.h"
#include "agent/session.h"
#include "base/dir.h"
#include "base/log.h"
#include "base/process.h"
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
	SPAWN_MS = 20 * 1000,    /* for `fairlead pause` to make the namespaces; then it is ended */
	LIST_MS = 20 * 1000,     /* for a pause to say what runs in it */
	STOP_MORE_MS = 5 * 1000, /* after the grace, for containers to be reaped */
	RETRY_MS = 1000,         /* of a connection that a pause does not accept */
};

static void on_timer(void *ctx)
{
	agent_pod_sync(ctx);
}

static void on_change(struct agent_place *place)
{
	agent_pod_sync(CONTAINER_OF(place, struct agent_pod, place));
}

/* A container that ran before this sandbox was made counts as started again. */
static int runs_before(const struct api_pod *pod, struct str name)
{
	for (size_t i = 0; i < pod->n_statuses; i++) {
		const struct api_container_status *s = &pod->statuses[i];

		if (str_eq(s->name, name) &&
		    (s->is_running || str_is_set(s->terminated_reason) || s->restart_count))
			return s->restart_count + 1;
	}
	return 0;
}

struct agent_pod *agent_pod_new(struct agent *a, struct client_object *o)
{
	struct agent_pod *p = mem_xnew(struct agent_pod);
	const struct api_container *spec;

	agent_place_init(&p->place, a, on_change);
	p->first = client_object_ref(o);
	p->place.obj = client_object_ref(o);
	p->place.spec = o->view;
	arena_init(&p->arena, 0);
	p->n_inits = p->place.spec->n_init_containers;
	p->n_containers = p->n_inits + p->place.spec->n_containers;
	p->containers = mem_xarray(p->n_containers + 1, sizeof(*p->containers));
	for (size_t i = 0; i < p->n_containers; i++) {
		bool is_init = i < p->n_inits;

		spec = is_init ? &p->place.spec->init_containers[i]
			       : &p->place.spec->containers[i - p->n_inits];
		agent_container_init(&p->containers[i], &p->place, spec,
				     str_cstr(&p->arena, spec->name), is_init);
		p->containers[i].number = runs_before(p->place.spec, spec->name);
	}
	p->timer = loop_timer_new(a->loop, on_timer, p);
	agent_report_init(&p->report, &p->place);
	p->place.box = map_remove(&a->found, o->meta->uid);
	p->is_adopted = p->place.box && p->place.box->pid;
	return p;
}

void agent_pod_update(struct agent_pod *p, struct client_object *o)
{
	client_object_unref(p->place.obj);
	p->place.obj = client_object_ref(o);
	agent_pod_sync(p);
}

static void disconnect(struct agent_pod *p)
{
	agent_pause_client_free(p->place.pause);
	p->place.pause = NULL;
}

/* Not waited for by the loop: a process that was killed is gone at once. */
static void end_spawner(struct agent_pod *p)
{
	if (!p->spawning)
		return;
	loop_child_close(p->spawning);
	p->spawning = NULL;
	kill(p->spawner, SIGKILL);
	IGNORE(waitpid(p->spawner, NULL, 0), "it is ours, and nobody else reaps it");
}

static void release_addrs(struct agent_pod *p)
{
	for (size_t i = 0; i < p->place.box->n_addrs; i++)
		for (size_t k = 0; k < p->place.agent->n_ipam; k++)
			agent_ipam_release(&p->place.agent->ipam[k], &p->place.box->addrs[i]);
	p->place.box->n_addrs = 0;
}

/* What ran in the sandbox has ended. Containers first: their probes go with them. */
static void end_all(struct agent_pod *p)
{
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_on_lost(&p->containers[i]);
	agent_place_end_errands(&p->place, "the Pod has ended");
	agent_place_end_sessions(&p->place);
}

/* Nothing of the Pod is left on this machine. */
static void remove_box(struct agent_pod *p)
{
	struct err err;

	disconnect(p);
	end_spawner(p);
	end_all(p);
	if (!p->place.box)
		return;
	agent_sandbox_kill(p->place.box, p->place.agent->links);
	release_addrs(p);
	if (agent_sandbox_remove(p->place.box, &err) < 0)
		log_warning("a Pod's files stay behind pod=%s/%s error=%s", p->place.box->ns,
			    p->place.box->name, err.msg);
	agent_sandbox_free(p->place.box);
	p->place.box = NULL;
}

void agent_pod_free(struct agent_pod *p, bool is_kept)
{
	agent_report_fini(&p->report);
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_fini(&p->containers[i]);
	if (is_kept) {
		disconnect(p);
		end_spawner(p);
		agent_sandbox_free(p->place.box);
	} else {
		remove_box(p);
	}
	loop_timer_close(p->timer);
	free(p->containers);
	free(p->message);
	arena_fini(&p->arena);
	client_object_unref(p->first);
	client_object_unref(p->place.obj);
	free(p);
}

/* ---- talking with the pause --------------------------------------------------------------- */

static int connect_pause(struct agent_pod *p, struct err *err);

/* The sandbox is not there any more: what ran in it has ended; it is made anew. */
static void lose_box(struct agent_pod *p)
{
	log_warning("sandbox is gone pod=%s/%s", p->place.box->ns, p->place.box->name);
	disconnect(p);
	agent_sandbox_kill(p->place.box, p->place.agent->links);
	p->is_adopted = false;
	end_all(p);
	if (p->stage == AGENT_STAGE_STOPPING)
		return;
	p->stage = AGENT_STAGE_NEW;
	p->box_retry_ms =
		agent_place_now_ms(&p->place) + agent_backoff_after(&p->box_backoff, 0) / 10;
}

static void on_lost(void *ctx)
{
	struct agent_pod *p = ctx;
	struct err err;

	disconnect(p);
	/* A pause hangs up on an agent that has not read for long; then it lives. */
	if (process_is(p->place.box->pid, p->place.box->pid_start) && connect_pause(p, &err) == 0) {
		log_warning("a pause has hung up, asking it again pod=%s/%s", p->place.box->ns,
			    p->place.box->name);
		p->is_adopted = true;
		agent_place_end_errands(&p->place, "the Pod's first process has hung up");
	} else {
		lose_box(p);
	}
	agent_pod_sync(p);
}

static int64_t number(struct str s)
{
	int64_t v = 0;

	IGNORE(str_to_i64(s, INT64_MIN, INT64_MAX, &v, NULL), "the pause writes numbers");
	return v;
}

/* What the API says of a container that ran before this agent did. */
static const struct api_container_status *known_status(const struct agent_pod *p,
						       const struct agent_container *c, int run)
{
	const struct api_pod *pod = agent_place_pod(&p->place);

	for (size_t i = 0; p->stage == AGENT_STAGE_LISTING && i < pod->n_statuses; i++)
		if (str_eq(pod->statuses[i].name, c->spec->name) && pod->statuses[i].is_running &&
		    pod->statuses[i].restart_count == run)
			return &pod->statuses[i];
	return NULL;
}

static void on_message(void *ctx, struct str msg)
{
	struct agent_pod *p = ctx;
	struct str w[8] = {0};
	struct agent_container *c;
	size_t n = 0;

	while (n < ARRAY_LEN(w) && str_next(&msg, '\0', &w[n]))
		n++;
	if (str_eq_c(w[0], "listed") && p->stage == AGENT_STAGE_LISTING) {
		p->stage = AGENT_STAGE_UP;
		p->is_adopted = false;
		return;
	}
	if (str_eq_c(w[0], "done")) {
		agent_place_on_done(&p->place, w[1], (int)number(w[2]), w[4]);
		return;
	}
	c = agent_pod_container(p, w[1]);
	if (!c)
		return;
	if (str_eq_c(w[0], "running"))
		agent_container_on_running(c, (int)number(w[2]), number(w[3]),
					   known_status(p, c, (int)number(w[2])));
	else if (str_eq_c(w[0], "ended"))
		agent_container_on_ended(c, (int)number(w[2]), number(w[3]), number(w[4]),
					 (int)number(w[5]), (int)number(w[6]));
	else if (str_eq_c(w[0], "failed"))
		agent_container_on_failed(c, (int)number(w[2]), w[3]);
}

static void on_settled(void *ctx)
{
	agent_pod_sync(ctx);
}

static int connect_pause(struct agent_pod *p, struct err *err)
{
	static const struct agent_pause_client_ops ops = {
		.on_message = on_message, .on_settled = on_settled, .on_lost = on_lost};
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", p->place.box->dir);
	const char *words[] = {"list", NULL};
	int r = agent_pause_client_new(p->place.agent->loop, path, &ops, p, &p->place.pause, err);

	if (r == 0)
		r = agent_place_send(&p->place, words, NULL, err);
	if (r < 0) {
		disconnect(p);
		return r;
	}
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_forget_asked(&p->containers[i]);
	p->stage = AGENT_STAGE_LISTING;
	p->stage_until_ms = agent_place_now_ms(&p->place) + LIST_MS;
	p->is_late = false;
	return 0;
}

/* ---- making the sandbox ------------------------------------------------------------------- */

static void set_reason(struct agent_pod *p, const char *reason, const char *message)
{
	p->reason = reason;
	free(p->message);
	p->message = message ? mem_xstrdup(message) : NULL;
}

static void fail(struct agent_pod *p, const struct err *err)
{
	log_warning("Pod cannot be started, trying again pod=%.*s/%.*s error=%s",
		    STR_ARG(p->place.obj->meta->ns), STR_ARG(p->place.obj->meta->name), err->msg);
	set_reason(p, "FailedCreatePodSandBox", err->msg);
	disconnect(p);
	if (p->place.box)
		agent_sandbox_kill(p->place.box, p->place.agent->links);
	p->is_adopted = false;
	p->stage = AGENT_STAGE_NEW;
	p->box_retry_ms =
		agent_place_now_ms(&p->place) + agent_backoff_after(&p->box_backoff, 0) / 10 + 200;
}

static int take_addrs(struct agent_pod *p, struct err *err)
{
	struct agent *a = p->place.agent;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_ipam && !p->place.box->has_host_network; i++) {
		r = agent_ipam_next(&a->ipam[i], &p->place.box->addrs[i], err);
		if (r == 0)
			p->place.box->n_addrs++;
	}
	return r;
}

/* "a, b" */
static char *container_names(const struct agent_pod *p)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < p->n_containers; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", p->containers[i].name);
	return buf_detach(&b);
}

static int check_spawned(const struct agent_pod *p, int status, struct err *err)
{
	_cleanup_(mem_freep) char *names = container_names(p);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (p->is_late)
		return err_set(err, ERR_TIMEOUT,
			       "Pod %s/%s, containers %s: 'fairlead pause' has not made its "
			       "namespaces within %d s and was ended; is the node overloaded, or "
			       "does the file system of '%s' hang?",
			       p->place.box->ns, p->place.box->name, names, SPAWN_MS / 1000,
			       p->place.box->dir);
	return err_set(err, ERR_INTERNAL,
		       "'fairlead pause' ended with status %d; its words are in the agent's log",
		       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int wire(struct agent_pod *p, struct err *err)
{
	const struct agent_config *c = &p->place.agent->config;

	return agent_sandbox_wire(p->place.box, p->place.agent->links, c->internal, c->n_internal,
				  err);
}

static void on_spawned(void *ctx, pid_t pid, int status)
{
	struct agent_pod *p = ctx;
	struct err err;
	int r;

	loop_child_close(p->spawning);
	p->spawning = NULL;
	r = check_spawned(p, status, &err);
	if (r == 0)
		r = wire(p, &err);
	if (r == 0)
		r = connect_pause(p, &err);
	if (r < 0)
		fail(p, &err);
	agent_pod_sync(p);
}

static int make_box(struct agent_pod *p, struct err *err)
{
	const struct api_pod *pod = agent_place_pod(&p->place);
	int r = 0;

	if (!p->place.box) {
		p->place.box = agent_sandbox_new(p->place.agent->config.state_dir, pod->meta.uid,
						 pod->meta.ns, pod->meta.name);
		p->place.box->has_host_network = pod->is_host_network;
		p->place.box->started_ns = clock_system.wall_ns(&clock_system);
		r = take_addrs(p, err);
		if (r < 0) {
			release_addrs(p);
			agent_sandbox_free(p->place.box);
			p->place.box = NULL;
			return r;
		}
	}
	if ((r = agent_sandbox_save(p->place.box, err)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < p->n_containers; i++) {
		_cleanup_(mem_freep) char *log =
			mem_xprintf("%s/log/%s", p->place.box->dir, p->containers[i].name);

		r = dir_make_all(log, err);
	}
	return r < 0 ? r : agent_etc_write(&p->place, err);
}

/* False: it is there, and cannot be talked to; later, perhaps. */
static bool adopt(struct agent_pod *p)
{
	struct err err;
	int r = 0;

	log_info("Pod is taken over pod=%s/%s pause=%d", p->place.box->ns, p->place.box->name,
		 p->place.box->pid);
	/* The agent that made it was killed before it had done all. */
	if (!p->place.box->is_wired)
		r = wire(p, &err);
	if (r == 0)
		r = connect_pause(p, &err);
	if (r == -EAGAIN) {
		log_warning("the Pod's first process accepts no connection, trying again "
			    "pod=%s/%s pause=%d",
			    p->place.box->ns, p->place.box->name, p->place.box->pid);
		p->box_retry_ms = agent_place_now_ms(&p->place) + RETRY_MS;
		return true;
	}
	if (r == 0)
		return true;
	log_warning("a Pod cannot be taken over, it is made anew pod=%s/%s error=%s",
		    p->place.box->ns, p->place.box->name, err.msg);
	agent_sandbox_kill(p->place.box, p->place.agent->links);
	p->is_adopted = false;
	return false;
}

static void begin(struct agent_pod *p)
{
	_cleanup_(mem_freep) char *hostname = NULL;
	struct str name = agent_etc_hostname(p->place.spec);
	struct err err;
	int r;

	if (p->place.box && p->place.box->pid && adopt(p))
		return;
	hostname = mem_xstrndup(name.ptr, name.len);
	r = make_box(p, &err);
	if (r == 0)
		r = agent_sandbox_spawn(p->place.box, p->place.agent->config.program, hostname,
					&p->spawner, &err);
	if (r == 0)
		r = loop_child_new(p->place.agent->loop, p->spawner, on_spawned, p, &p->spawning,
				   &err);
	if (r < 0) {
		fail(p, &err);
		return;
	}
	p->stage = AGENT_STAGE_SPAWNING;
	p->stage_until_ms = agent_place_now_ms(&p->place) + SPAWN_MS;
	p->is_late = false;
}

/* ---- the stages --------------------------------------------------------------------------- */

static int64_t step_up(struct agent_pod *p)
{
	int64_t due = INT64_MAX;

	set_reason(p, NULL, NULL);
	for (size_t i = 0; i < p->n_inits; i++) {
		due = MIN(due, agent_container_step(&p->containers[i], false));
		if (!agent_container_is_done(&p->containers[i]))
			return due;
	}
	for (size_t i = p->n_inits; i < p->n_containers; i++)
		due = MIN(due, agent_container_step(&p->containers[i], false));
	return due;
}

/* deletionTimestamp is when the grace ends: so long until then; negative: so long ago. */
static int64_t grace_left_ms(const struct agent_pod *p)
{
	return (p->place.obj->meta->deleted_ns - clock_system.wall_ns(&clock_system)) / 1000000;
}

static void go(struct agent_pod *p)
{
	remove_box(p);
	p->stage = AGENT_STAGE_GONE;
}

static int64_t step_stopping(struct agent_pod *p)
{
	int64_t kill_ms = agent_place_now_ms(&p->place) + MAX(grace_left_ms(p), 1), due = INT64_MAX;
	bool is_running = false;

	for (size_t i = 0; i < p->n_containers; i++) {
		agent_container_stop(&p->containers[i], kill_ms);
		due = MIN(due, agent_container_step(&p->containers[i], true));
		is_running |= p->containers[i].now.run == AGENT_RUNNING ||
			      (p->place.pause && p->containers[i].is_asked);
	}
	if (is_running)
		return due;
	go(p);
	return INT64_MAX;
}

static int64_t step_spawning(struct agent_pod *p)
{
	if (agent_place_now_ms(&p->place) < p->stage_until_ms)
		return p->stage_until_ms;
	/* on_spawned tells. */
	if (!p->is_late)
		kill(p->spawner, SIGKILL);
	p->is_late = true;
	return INT64_MAX;
}

/* One of our own making is made anew. One that was taken over may run what people need: it is
 * waited for, unless the Pod is to go. */
static int64_t step_listing(struct agent_pod *p)
{
	_cleanup_(mem_freep) char *names = NULL;
	struct err err;

	if (agent_place_now_ms(&p->place) < p->stage_until_ms)
		return p->stage_until_ms;
	if (p->is_late)
		return INT64_MAX;
	p->is_late = true;
	names = container_names(p);
	err_set(&err, ERR_TIMEOUT,
		"Pod %s/%s, containers %s: its first process (PID %d) has not said for %d s what "
		"runs; is it stopped, or does a file system hang? Deleting the Pod ends it",
		p->place.box->ns, p->place.box->name, names, p->place.box->pid, LIST_MS / 1000);
	if (!p->is_adopted) {
		fail(p, &err);
		return p->box_retry_ms;
	}
	log_warning("%s", err.msg);
	set_reason(p, "SandboxUnresponsive", err.msg);
	return INT64_MAX;
}

static bool is_over(const struct agent_pod *p)
{
	struct str phase = p->place.spec->phase;

	return str_eq_c(phase, "Succeeded") || str_eq_c(phase, "Failed");
}

static bool can_begin(const struct agent_pod *p)
{
	return p->place.agent->has_services && p->place.agent->has_pods &&
	       (p->place.agent->n_ipam > 0 || p->place.spec->is_host_network) &&
	       !(is_over(p) && !p->place.box);
}

static int64_t step_new(struct agent_pod *p)
{
	if (!can_begin(p))
		return INT64_MAX;
	if (agent_place_now_ms(&p->place) < p->box_retry_ms)
		return p->box_retry_ms;
	begin(p);
	return p->stage == AGENT_STAGE_NEW ? p->box_retry_ms : p->stage_until_ms;
}

/* ---- its status ----------------------------------------------------------------------------- */

static void fill(const struct agent_pod *p, struct agent_container_view *views,
		 struct agent_pod_view *v)
{
	const struct agent_config *config = &p->place.agent->config;

	for (size_t i = 0; i < p->n_containers; i++) {
		const struct agent_container *c = &p->containers[i];

		views[i] = (struct agent_container_view){.spec = c->spec,
							 .now = c->now,
							 .last = c->last,
							 .restarts = c->number,
							 .is_ready = c->is_ready,
							 .is_started = c->is_started};
	}
	*v = (struct agent_pod_view){
		.pod = agent_place_pod(&p->place),
		.inits = views,
		.n_inits = p->n_inits,
		.containers = views + p->n_inits,
		.n_containers = p->n_containers - p->n_inits,
		.host_addrs = config->internal,
		.n_host_addrs = config->n_internal,
		.has_sandbox = p->stage == AGENT_STAGE_UP || p->stage == AGENT_STAGE_STOPPING,
		.started_ns = p->place.box ? p->place.box->started_ns : 0,
		.now_ns = clock_system.wall_ns(&clock_system),
		.reason = p->reason,
		.message = p->message,
	};
	if (p->place.box && p->place.box->has_host_network) {
		v->pod_addrs = config->internal;
		v->n_pod_addrs = config->n_internal;
	} else if (p->place.box) {
		v->pod_addrs = p->place.box->addrs;
		v->n_pod_addrs = p->place.box->n_addrs;
	}
}

static void report(struct agent_pod *p)
{
	struct agent_container_view *views;
	struct agent_pod_view v;
	struct arena arena;

	if (agent_report_is_busy(&p->report) || (p->is_adopted && !p->reason))
		return;
	arena_init(&arena, 0);
	views = arena_array(&arena, p->n_containers, sizeof(*views));
	fill(p, views, &v);
	agent_status_advance(&v, p->transitions);
	v.transitions = p->transitions;
	agent_report_status(&p->report, &arena,
			    p->is_adopted ? agent_status_make_reason(&arena, &v)
					  : agent_status_make(&arena, &v));
	arena_fini(&arena);
}

static int64_t step(struct agent_pod *p)
{
	switch (p->stage) {
	case AGENT_STAGE_NEW:
		return step_new(p);
	case AGENT_STAGE_SPAWNING:
		return step_spawning(p);
	case AGENT_STAGE_LISTING:
		return step_listing(p);
	case AGENT_STAGE_UP:
		return step_up(p);
	case AGENT_STAGE_STOPPING:
		return step_stopping(p);
	case AGENT_STAGE_GONE:
		break;
	}
	return INT64_MAX;
}

/* The next stage of a Pod that is to be deleted; returns when to look again. One that was adopted
 * is asked what runs before it is stopped. A pause that hangs tells nothing: some time after the
 * grace its own end takes all with it. */
static int64_t step_deletion(struct agent_pod *p)
{
	int64_t left = grace_left_ms(p) + STOP_MORE_MS;
	bool has_pause = p->place.box && p->place.box->pid;

	if (p->stage == AGENT_STAGE_UP)
		p->stage = AGENT_STAGE_STOPPING;
	if (p->stage == AGENT_STAGE_SPAWNING || p->stage == AGENT_STAGE_GONE)
		return INT64_MAX;
	if (left <= 0 || (p->stage == AGENT_STAGE_NEW && !has_pause))
		go(p);
	return p->stage == AGENT_STAGE_GONE ? INT64_MAX : agent_place_now_ms(&p->place) + left;
}

void agent_pod_sync(struct agent_pod *p)
{
	int64_t due = p->place.obj->meta->deleted_ns ? step_deletion(p) : INT64_MAX;

	due = MIN(due, step(p));
	if (p->stage == AGENT_STAGE_GONE) {
		agent_report_deletion(&p->report);
		due = INT64_MAX;
	} else if (!is_over(p) && (p->place.box || p->reason)) {
		report(p);
	}
	if (due == INT64_MAX)
		loop_timer_stop(p->timer);
	else
		loop_timer_start(p->timer, MAX(due - agent_place_now_ms(&p->place), 0), 0);
}

/* ---- finding --------------------------------------------------------------------------------- */

struct agent_pod *agent_pod_find(struct agent *a, struct str ns, struct str name)
{
	map_foreach(e, &a->by_uid) {
		struct agent_pod *p = e->value;

		if (str_eq(p->place.obj->meta->ns, ns) && str_eq(p->place.obj->meta->name, name))
			return p;
	}
	return NULL;
}

struct agent_container *agent_pod_container(struct agent_pod *p, struct str name)
{
	for (size_t i = 0; p && i < p->n_containers; i++)
		if (str_eq(p->containers[i].spec->name, name))
			return &p->containers[i];
	return NULL;
}

bool agent_pod_is_running(struct agent *a, const char *uid, const char *container, int number)
{
	const struct agent_container *c =
		agent_pod_container(map_get(&a->by_uid, str_of(uid)), str_of(container));

	return c && c->number == number && c->now.run != AGENT_ENDED;
}
