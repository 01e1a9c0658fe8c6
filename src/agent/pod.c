/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/agent-internal.h"

#include "base/dir.h"
#include "base/log.h"
#include "base/process.h"

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

int64_t agent_pod_now_ms(const struct agent_pod *p)
{
	return clock_mono_ms(loop_clock(p->agent->loop));
}

static void on_timer(void *ctx)
{
	agent_pod_sync(ctx);
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

	p->agent = a;
	p->first = client_object_ref(o);
	p->obj = client_object_ref(o);
	p->spec = o->view;
	arena_init(&p->arena, 0);
	p->n_inits = p->spec->n_init_containers;
	p->n_containers = p->n_inits + p->spec->n_containers;
	p->containers = mem_xarray(p->n_containers + 1, sizeof(*p->containers));
	for (size_t i = 0; i < p->n_containers; i++) {
		bool is_init = i < p->n_inits;

		agent_container_init(&p->containers[i], p,
				     is_init ? &p->spec->init_containers[i]
					     : &p->spec->containers[i - p->n_inits],
				     is_init);
		p->containers[i].number = runs_before(p->spec, p->containers[i].spec->name);
	}
	p->timer = loop_timer_new(a->loop, on_timer, p);
	p->box = map_remove(&a->found, o->meta->uid);
	p->is_adopted = p->box && p->box->pid;
	return p;
}

void agent_pod_update(struct agent_pod *p, struct client_object *o)
{
	client_object_unref(p->obj);
	p->obj = client_object_ref(o);
	agent_pod_sync(p);
}

static void disconnect(struct agent_pod *p)
{
	agent_pause_client_free(p->pause);
	p->pause = NULL;
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
	for (size_t i = 0; i < p->box->n_addrs; i++)
		for (size_t k = 0; k < p->agent->n_ipam; k++)
			agent_ipam_release(&p->agent->ipam[k], &p->box->addrs[i]);
	p->box->n_addrs = 0;
}

/* Nothing of the Pod is left on this machine. */
static void remove_box(struct agent_pod *p)
{
	struct err err;

	disconnect(p);
	end_spawner(p);
	agent_exec_on_lost(p);
	agent_forward_on_lost(p);
	if (!p->box)
		return;
	agent_sandbox_kill(p->box, p->agent->links);
	release_addrs(p);
	if (agent_sandbox_remove(p->box, &err) < 0)
		log_warning("a Pod's files stay behind pod=%s/%s error=%s", p->box->ns,
			    p->box->name, err.msg);
	agent_sandbox_free(p->box);
	p->box = NULL;
}

void agent_pod_free(struct agent_pod *p, bool is_kept)
{
	agent_report_fini(p);
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_fini(&p->containers[i]);
	if (is_kept) {
		disconnect(p);
		end_spawner(p);
		agent_sandbox_free(p->box);
	} else {
		remove_box(p);
	}
	loop_timer_close(p->timer);
	free(p->containers);
	free(p->message);
	arena_fini(&p->arena);
	client_object_unref(p->first);
	client_object_unref(p->obj);
	free(p);
}

/* ---- talking with the pause --------------------------------------------------------------- */

static int connect_pause(struct agent_pod *p, struct err *err);

/* The sandbox is not there any more: what ran in it has ended; it is made anew. */
static void lose_box(struct agent_pod *p)
{
	log_warning("sandbox is gone pod=%s/%s", p->box->ns, p->box->name);
	disconnect(p);
	agent_exec_on_lost(p);
	agent_forward_on_lost(p);
	agent_sandbox_kill(p->box, p->agent->links);
	p->is_adopted = false;
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_on_lost(&p->containers[i]);
	if (p->stage == AGENT_STAGE_STOPPING)
		return;
	p->stage = AGENT_STAGE_NEW;
	p->box_retry_ms = agent_pod_now_ms(p) + agent_backoff_after(&p->box_backoff, 0) / 10;
}

static void on_lost(void *ctx)
{
	struct agent_pod *p = ctx;
	struct err err;

	disconnect(p);
	/* A pause hangs up on an agent that has not read for long; then it lives. */
	if (process_is(p->box->pid, p->box->pid_start) && connect_pause(p, &err) == 0) {
		log_warning("a pause has hung up, asking it again pod=%s/%s", p->box->ns,
			    p->box->name);
		p->is_adopted = true;
		agent_exec_on_lost(p);
	} else {
		lose_box(p);
	}
	agent_pod_sync(p);
}

int agent_pod_send(struct agent_pod *p, const char *const *words, const int *fds, struct err *err)
{
	if (!p->pause)
		return err_sys(err, EPIPE, "the Pod's first process is not there");
	return agent_pause_client_send(p->pause, words, fds, err);
}

static int64_t number(struct str s)
{
	int64_t v = 0;

	IGNORE(str_to_i64(s, INT64_MIN, INT64_MAX, &v, NULL), "the pause writes numbers");
	return v;
}

static void on_exec_done(struct agent_pod *p, struct str id, int exit_code, struct str failure)
{
	if (agent_exec_on_done(p, id, exit_code, failure))
		return;
	for (size_t i = 0; i < p->n_containers; i++)
		for (int k = 0; k < AGENT_PROBE_TYPES; k++)
			if (p->containers[i].probers[k] &&
			    agent_prober_on_exec(p->containers[i].probers[k], id, exit_code))
				return;
}

static struct agent_container *find(struct agent_pod *p, struct str name)
{
	for (size_t i = 0; i < p->n_containers; i++)
		if (str_eq(p->containers[i].spec->name, name))
			return &p->containers[i];
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
		on_exec_done(p, w[1], (int)number(w[2]), w[4]);
		return;
	}
	c = find(p, w[1]);
	if (!c)
		return;
	if (str_eq_c(w[0], "running"))
		agent_container_on_running(c, (int)number(w[2]), number(w[3]));
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
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", p->box->dir);
	const char *words[] = {"list", NULL};
	int r = agent_pause_client_new(p->agent->loop, path, &ops, p, &p->pause, err);

	if (r == 0)
		r = agent_pod_send(p, words, NULL, err);
	if (r < 0) {
		disconnect(p);
		return r;
	}
	for (size_t i = 0; i < p->n_containers; i++)
		agent_container_forget_asked(&p->containers[i]);
	p->stage = AGENT_STAGE_LISTING;
	p->stage_until_ms = agent_pod_now_ms(p) + LIST_MS;
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
		    STR_ARG(p->obj->meta->ns), STR_ARG(p->obj->meta->name), err->msg);
	set_reason(p, "FailedCreatePodSandBox", err->msg);
	disconnect(p);
	if (p->box)
		agent_sandbox_kill(p->box, p->agent->links);
	p->is_adopted = false;
	p->stage = AGENT_STAGE_NEW;
	p->box_retry_ms = agent_pod_now_ms(p) + agent_backoff_after(&p->box_backoff, 0) / 10 + 200;
}

static int take_addrs(struct agent_pod *p, struct err *err)
{
	struct agent *a = p->agent;
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n_ipam && !p->box->has_host_network; i++) {
		r = agent_ipam_next(&a->ipam[i], &p->box->addrs[i], err);
		if (r == 0)
			p->box->n_addrs++;
	}
	return r;
}

static const char *hostname(struct agent_pod *p)
{
	struct str s = p->spec->hostname.len ? p->spec->hostname : p->spec->meta.name;

	return str_cstr(&p->arena, str_sub(s, 0, 63));
}

static int write_hosts(struct agent_pod *p, struct err *err)
{
	const char *name = hostname(p);
	char text[IP_TEXT_MAX];
	struct buf b = BUF_INIT;
	int r;

	buf_add_c(&b, "# made by fairlead agent\n127.0.0.1\tlocalhost\n::1\tlocalhost "
		      "ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < p->box->n_addrs; i++) {
		buf_printf(&b, "%.*s\t", STR_ARG(ip_format(&p->box->addrs[i], text)));
		if (p->spec->subdomain.len)
			buf_printf(&b, "%s.%.*s.%.*s.svc.%s\t", name, STR_ARG(p->spec->subdomain),
				   STR_ARG(p->spec->meta.ns), p->agent->config.domain);
		buf_printf(&b, "%s\n", name);
	}
	r = agent_sandbox_write_etc(p->box, "hosts", buf_str(&b), err);
	buf_clear(&b);
	buf_printf(&b, "%s\n", name);
	if (r == 0)
		r = agent_sandbox_write_etc(p->box, "hostname", buf_str(&b), err);
	buf_fini(&b);
	return r;
}

/* ClusterFirst is for Pods with a network of their own, …WithHostNet for the others. */
static bool has_cluster_dns(const struct agent_pod *p)
{
	struct str policy = p->spec->dns_policy;

	if (!p->agent->config.n_dns || str_eq_c(policy, "Default") || str_eq_c(policy, "None"))
		return false;
	return !p->spec->is_host_network || str_eq_c(policy, "ClusterFirstWithHostNet");
}

static int write_resolv_conf(struct agent_pod *p, struct err *err)
{
	const struct agent_config *c = &p->agent->config;
	char text[IP_TEXT_MAX];
	struct buf b = BUF_INIT;
	int r;

	if (!has_cluster_dns(p))
		return 0;
	for (size_t i = 0; i < c->n_dns; i++)
		buf_printf(&b, "nameserver %.*s\n", STR_ARG(ip_format(&c->dns[i], text)));
	buf_printf(&b, "search %.*s.svc.%s svc.%s %s\noptions ndots:5\n", STR_ARG(p->spec->meta.ns),
		   c->domain, c->domain, c->domain);
	r = agent_sandbox_write_etc(p->box, "resolv.conf", buf_str(&b), err);
	buf_fini(&b);
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
			       p->box->ns, p->box->name, names, SPAWN_MS / 1000, p->box->dir);
	return err_set(err, ERR_INTERNAL,
		       "'fairlead pause' ended with status %d; its words are in the agent's log",
		       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int wire(struct agent_pod *p, struct err *err)
{
	const struct agent_config *c = &p->agent->config;

	return agent_sandbox_wire(p->box, p->agent->links, c->internal, c->n_internal, err);
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
	const struct api_pod *pod = agent_pod_view_of(p);
	int r = 0;

	if (!p->box) {
		p->box = agent_sandbox_new(p->agent->config.state_dir, pod->meta.uid, pod->meta.ns,
					   pod->meta.name);
		p->box->has_host_network = pod->is_host_network;
		p->box->started_ns = clock_system.wall_ns(&clock_system);
		r = take_addrs(p, err);
		if (r < 0) {
			release_addrs(p);
			agent_sandbox_free(p->box);
			p->box = NULL;
			return r;
		}
	}
	if ((r = agent_sandbox_save(p->box, err)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < p->n_containers; i++) {
		_cleanup_(mem_freep) char *log =
			mem_xprintf("%s/log/%s", p->box->dir, p->containers[i].name);

		r = dir_make_all(log, err);
	}
	if (r == 0 && !p->box->has_host_network)
		r = write_hosts(p, err);
	return r < 0 ? r : write_resolv_conf(p, err);
}

/* False: it is there, and cannot be talked to; later, perhaps. */
static bool adopt(struct agent_pod *p)
{
	struct err err;
	int r = 0;

	log_info("Pod is taken over pod=%s/%s pause=%d", p->box->ns, p->box->name, p->box->pid);
	/* The agent that made it was killed before it had done all. */
	if (!p->box->is_wired)
		r = wire(p, &err);
	if (r == 0)
		r = connect_pause(p, &err);
	if (r == -EAGAIN) {
		log_warning("the Pod's first process accepts no connection, trying again "
			    "pod=%s/%s pause=%d",
			    p->box->ns, p->box->name, p->box->pid);
		p->box_retry_ms = agent_pod_now_ms(p) + RETRY_MS;
		return true;
	}
	if (r == 0)
		return true;
	log_warning("a Pod cannot be taken over, it is made anew pod=%s/%s error=%s", p->box->ns,
		    p->box->name, err.msg);
	agent_sandbox_kill(p->box, p->agent->links);
	p->is_adopted = false;
	return false;
}

static void begin(struct agent_pod *p)
{
	struct err err;
	int r;

	if (p->box && p->box->pid && adopt(p))
		return;
	r = make_box(p, &err);
	if (r == 0)
		r = agent_sandbox_spawn(p->box, p->agent->config.program, hostname(p), &p->spawner,
					&err);
	if (r == 0)
		r = loop_child_new(p->agent->loop, p->spawner, on_spawned, p, &p->spawning, &err);
	if (r < 0) {
		fail(p, &err);
		return;
	}
	p->stage = AGENT_STAGE_SPAWNING;
	p->stage_until_ms = agent_pod_now_ms(p) + SPAWN_MS;
	p->is_late = false;
}

/* ---- the stages --------------------------------------------------------------------------- */

static int64_t step_up(struct agent_pod *p)
{
	int64_t due = INT64_MAX;

	set_reason(p, NULL, NULL);
	for (size_t i = 0; i < p->n_inits; i++) {
		due = MIN(due, agent_container_step(&p->containers[i]));
		if (!agent_container_is_done(&p->containers[i]))
			return due;
	}
	for (size_t i = p->n_inits; i < p->n_containers; i++)
		due = MIN(due, agent_container_step(&p->containers[i]));
	return due;
}

/* deletionTimestamp is when the grace ends: so long until then; negative: so long ago. */
static int64_t grace_left_ms(const struct agent_pod *p)
{
	return (p->obj->meta->deleted_ns - clock_system.wall_ns(&clock_system)) / 1000000;
}

static void go(struct agent_pod *p)
{
	remove_box(p);
	p->stage = AGENT_STAGE_GONE;
}

static int64_t step_stopping(struct agent_pod *p)
{
	int64_t kill_ms = agent_pod_now_ms(p) + MAX(grace_left_ms(p), 1), due = INT64_MAX;
	bool is_running = false;

	for (size_t i = 0; i < p->n_containers; i++) {
		agent_container_stop(&p->containers[i], kill_ms);
		due = MIN(due, agent_container_step(&p->containers[i]));
		is_running |= p->containers[i].now.run == AGENT_RUNNING ||
			      (p->pause && p->containers[i].is_asked);
	}
	if (is_running)
		return due;
	go(p);
	return INT64_MAX;
}

static int64_t step_spawning(struct agent_pod *p)
{
	if (agent_pod_now_ms(p) < p->stage_until_ms)
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

	if (agent_pod_now_ms(p) < p->stage_until_ms)
		return p->stage_until_ms;
	if (p->is_late)
		return INT64_MAX;
	p->is_late = true;
	names = container_names(p);
	err_set(&err, ERR_TIMEOUT,
		"Pod %s/%s, containers %s: its first process (PID %d) has not said for %d s what "
		"runs; is it stopped, or does a file system hang? Deleting the Pod ends it",
		p->box->ns, p->box->name, names, p->box->pid, LIST_MS / 1000);
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
	struct str phase = p->spec->phase;

	return str_eq_c(phase, "Succeeded") || str_eq_c(phase, "Failed");
}

static bool can_begin(const struct agent_pod *p)
{
	return p->agent->has_services && p->agent->has_pods &&
	       (p->agent->n_ipam > 0 || p->spec->is_host_network) && !(is_over(p) && !p->box);
}

static int64_t step_new(struct agent_pod *p)
{
	if (!can_begin(p))
		return INT64_MAX;
	if (agent_pod_now_ms(p) < p->box_retry_ms)
		return p->box_retry_ms;
	begin(p);
	return p->stage == AGENT_STAGE_NEW ? p->box_retry_ms : p->stage_until_ms;
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
	bool has_pause = p->box && p->box->pid;

	if (p->stage == AGENT_STAGE_UP)
		p->stage = AGENT_STAGE_STOPPING;
	if (p->stage == AGENT_STAGE_SPAWNING || p->stage == AGENT_STAGE_GONE)
		return INT64_MAX;
	if (left <= 0 || (p->stage == AGENT_STAGE_NEW && !has_pause))
		go(p);
	return p->stage == AGENT_STAGE_GONE ? INT64_MAX : agent_pod_now_ms(p) + left;
}

void agent_pod_sync(struct agent_pod *p)
{
	int64_t due = p->obj->meta->deleted_ns ? step_deletion(p) : INT64_MAX;

	due = MIN(due, step(p));
	if (p->stage == AGENT_STAGE_GONE) {
		agent_report_deletion(p);
		due = INT64_MAX;
	} else if (!is_over(p) && (p->box || p->reason)) {
		agent_report_status(p);
	}
	if (due == INT64_MAX)
		loop_timer_stop(p->timer);
	else
		loop_timer_start(p->timer, MAX(due - agent_pod_now_ms(p), 0), 0);
}
