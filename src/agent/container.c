/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/container.h"

#include "agent/env.h"
#include "agent/pause.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	CONTAINER_GRACE_MIN_MS = 2000, /* between preStop and SIGKILL, as a kubelet has it */
	CONTAINER_RETRY_MS = 1000, /* SIGKILL is sent again, a start that could not be asked for */
	CONTAINER_START_MS = 30 * 1000, /* a start without an answer is told as a failure */
};

void agent_container_init(struct agent_container *c, struct agent_place *p,
			  const struct api_container *spec, const char *name, bool is_init)
{
	*c = (struct agent_container){.place = p, .spec = spec, .name = name, .is_init = is_init};
}

static void on_verdict(void *ctx, enum agent_probe_type type, enum agent_verdict verdict);

static void stop_probes(struct agent_container *c)
{
	for (int i = 0; i < AGENT_PROBE_TYPES; i++) {
		agent_prober_free(c->probers[i]);
		c->probers[i] = NULL;
	}
}

static void start_probe(struct agent_container *c, enum agent_probe_type type,
			enum agent_verdict initial)
{
	if (!c->probers[type] && agent_prober_spec(c->spec, type)->is_set)
		c->probers[type] =
			agent_prober_new(&(struct agent_prober_config){.place = c->place,
								       .container = c->spec,
								       .name = c->name,
								       .type = type,
								       .initial = initial,
								       .on_verdict = on_verdict,
								       .ctx = c});
}

static void start_probes(struct agent_container *c, const struct api_container_status *known)
{
	c->is_started = !c->spec->startup.is_set || (known && known->started);
	c->is_ready = !c->spec->readiness.is_set || (known && known->ready);
	if (!c->is_started) {
		start_probe(c, AGENT_STARTUP, AGENT_UNKNOWN);
		return;
	}
	start_probe(c, AGENT_READINESS, c->is_ready ? AGENT_PASS : AGENT_FAIL);
	start_probe(c, AGENT_LIVENESS, AGENT_PASS);
}

static void set_now(struct agent_container *c, struct agent_run_state to, struct str message)
{
	free(c->message);
	c->message = message.len ? mem_xstrndup(message.ptr, message.len) : NULL;
	to.message = c->message;
	c->now = to;
}

static void end_hook(struct agent_container *c)
{
	agent_ask_free(c->hook);
	c->hook = NULL;
}

void agent_container_fini(struct agent_container *c)
{
	stop_probes(c);
	end_hook(c);
	free(c->message);
}

/* ---- starting ----------------------------------------------------------------------------- */

struct service_list {
	VEC(const struct api_service *) all;
};

static void add_service(void *ctx, struct client_object *o)
{
	struct service_list *list = ctx;

	*vec_push(&list->all) = o->view;
}

static int by_name(const void *a, const void *b)
{
	const struct api_service *const *x = a, *const *y = b;

	return str_cmp((*x)->meta.name, (*y)->meta.name);
}

static int make_env(struct agent_container *c, struct agent_env *e, struct err *err)
{
	const struct agent_place *p = c->place;
	struct agent *a = p->agent;
	const struct api_pod *pod = agent_place_pod(p);
	struct service_list services = {0};
	struct agent_env_facts facts = {
		.pod = pod, .host_addrs = a->config.internal, .n_host_addrs = a->config.n_internal};

	facts.pod_addrs = pod->is_host_network ? a->config.internal : p->box->addrs;
	facts.n_pod_addrs = pod->is_host_network ? a->config.n_internal : p->box->n_addrs;
	agent_env_set(e, STR("PATH"),
		      STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	agent_env_set(e, STR("HOSTNAME"), pod->hostname.len ? pod->hostname : pod->meta.name);
	client_reflector_each(a->services, add_service, &services);
	vec_sort(&services.all, by_name);
	agent_env_add_services(e, services.all.ptr, services.all.len, pod->meta.ns,
			       !pod->has_no_service_links);
	vec_fini(&services.all);
	if (!c->spec->command.n) {
		agent_env_set(e, STR("POD_NAME"), pod->meta.name);
		agent_env_set(e, STR("POD_NAMESPACE"), pod->meta.ns);
		agent_env_set(e, STR("NODE_NAME"), pod->node_name);
	}
	return agent_env_add_container(e, &facts, c->spec, err);
}

static void add_entry(struct buf *b, const char *key, struct str value)
{
	buf_add(b, key, strlen(key) + 1);
	buf_add_str(b, value);
	buf_add_byte(b, '\0');
}

static void add_command(struct agent_container *c, const struct agent_env *e, struct buf *b)
{
	const struct api_strs *parts[] = {&c->spec->command, &c->spec->args};

	for (size_t k = 0; c->spec->command.n && k < ARRAY_LEN(parts); k++)
		for (size_t i = 0; i < parts[k]->n; i++)
			add_entry(b, "arg", agent_env_expand(e, parts[k]->ptr[i]));
	if (c->spec->command.n)
		return;
	add_entry(b, "arg", str_of(c->place->agent->config.program));
	add_entry(b, "arg", STR("respond"));
	for (size_t i = 0; i < c->spec->n_ports; i++) {
		const struct api_container_port *port = &c->spec->ports[i];

		if (port->protocol == API_SCTP)
			continue;
		add_entry(b, "arg", STR("--port"));
		add_entry(b, "arg",
			  str_printf(e->arena, "%u/%s", port->port,
				     port->protocol == API_UDP ? "udp" : "tcp"));
	}
}

/* A NUL would cut an entry in two; the API has no way to say one, a label's value neither. */
static bool has_nul(const struct agent_env *e)
{
	vec_foreach(v, &e->vars)
		if (str_find(v->value, '\0') >= 0 || str_find(v->key, '\0') >= 0)
			return true;
	return false;
}

static int write_spec(struct agent_container *c, struct err *err)
{
	_cleanup_(mem_freep) char *path =
		mem_xprintf("%s/container/%s", c->place->box->dir, c->name);
	struct buf b = BUF_INIT;
	struct agent_env e;
	struct arena arena;
	int r;

	arena_init(&arena, 0);
	agent_env_init(&e, &arena);
	r = make_env(c, &e, err);
	if (r == 0 && has_nul(&e))
		r = err_set(err, ERR_INVALID, "container '%s': env: a value holds a NUL", c->name);
	if (r == 0) {
		add_entry(&b, "log", str_printf(&arena, "%s/log/%s", c->place->box->dir, c->name));
		if (c->spec->working_dir.len)
			add_entry(&b, "cwd", c->spec->working_dir);
		if (c->spec->has_stdin)
			add_entry(&b, "stdin",
				  str_printf(&arena, "%s/container/%s.stdin", c->place->box->dir,
					     c->name));
		add_command(c, &e, &b);
		vec_foreach(v, &e.vars)
			add_entry(&b, "env",
				  str_printf(&arena, "%.*s=%.*s", STR_ARG(v->key),
					     STR_ARG(v->value)));
		if (b.len > AGENT_PAUSE_SPEC_MAX)
			r = err_set(err, ERR_LIMIT,
				    "container '%s': command and environment have %zu bytes, more "
				    "than %d; enableServiceLinks: false leaves out those of "
				    "Services",
				    c->name, b.len, AGENT_PAUSE_SPEC_MAX);
		else
			r = fd_write_file(path, buf_str(&b), 0600, err);
	}
	buf_fini(&b);
	agent_env_fini(&e);
	arena_fini(&arena);
	return r;
}

/* The container waits, and the Pod's status says why; it is tried again. */
static void set_waiting(struct agent_container *c, const char *message)
{
	log_warning("container does not start, trying again pod=%s/%s container=%s error=%s",
		    c->place->box->ns, c->place->box->name, c->name, message);
	set_now(c, (struct agent_run_state){.reason = "RunContainerError"}, str_of(message));
}

static void start(struct agent_container *c)
{
	char number[16];
	const char *words[] = {"start", c->name, number, NULL};
	struct err err;

	if (write_spec(c, &err) < 0) {
		agent_container_on_failed(c, c->number, str_of(err.msg));
		return;
	}
	snprintf(number, sizeof(number), "%d", c->number);
	if (agent_place_send(c->place, words, NULL, &err) < 0) {
		c->restart_ms = agent_place_now_ms(c->place) + CONTAINER_RETRY_MS;
		set_waiting(c, err.msg);
		return;
	}
	c->is_asked = true;
	c->is_late = false;
	c->asked_ms = agent_place_now_ms(c->place);
}

/* Starting blocks the pause while the command's file is looked for, on whatever file system. */
static int64_t await_start(struct agent_container *c)
{
	struct err err;

	if (c->is_late)
		return INT64_MAX;
	if (agent_place_now_ms(c->place) < c->asked_ms + CONTAINER_START_MS)
		return c->asked_ms + CONTAINER_START_MS;
	c->is_late = true;
	err_set(&err, ERR_TIMEOUT,
		"Pod %s/%s, container '%s': its start has no answer from the Pod's first process "
		"(PID %d) for %d s; does the file system of its command hang? Deleting the Pod "
		"ends it",
		c->place->box->ns, c->place->box->name, c->name, c->place->box->pid,
		CONTAINER_START_MS / 1000);
	set_waiting(c, err.msg);
	return INT64_MAX;
}

void agent_container_forget_asked(struct agent_container *c)
{
	c->is_asked = false;
}

/* ---- signals ------------------------------------------------------------------------------- */

static void send_signal(struct agent_container *c, const char *number)
{
	const char *words[] = {"signal", c->name, number, NULL};
	struct err err;

	if (agent_place_send(c->place, words, NULL, &err) < 0)
		log_warning("a container does not get its signal pod=%s/%s container=%s signal=%s "
			    "error=%s",
			    c->place->box->ns, c->place->box->name, c->name, number, err.msg);
}

/* ---- preStop ------------------------------------------------------------------------------- */

static void finish_hook(struct agent_container *c, bool is_ok, const char *why)
{
	int64_t min_ms = agent_place_now_ms(c->place) + CONTAINER_GRACE_MIN_MS;

	if (!is_ok)
		log_warning("preStop fails, the container is ended without it pod=%s/%s "
			    "container=%s error=%s",
			    c->place->box->ns, c->place->box->name, c->name, why);
	end_hook(c); /* only now: it has `why` */
	send_signal(c, "15");
	c->is_last_grace = c->kill_ms <= min_ms;
	c->kill_ms = MAX(c->kill_ms, min_ms);
}

static void on_hook_done(void *ctx, bool is_ok, const char *why)
{
	struct agent_container *c = ctx;

	finish_hook(c, is_ok, why);
	c->place->on_change(c->place);
}

static void run_hook(struct agent_container *c)
{
	int64_t left_ms = c->kill_ms - agent_place_now_ms(c->place);

	c->hook = agent_ask_new(&(struct agent_ask_config){.place = c->place,
							   .container = c->spec,
							   .name = c->name,
							   .how = &c->spec->pre_stop,
							   .agent_name = "fairlead-lifecycle/1",
							   .timeout_ms = MAX(left_ms, 1),
							   .on_answer = on_hook_done,
							   .ctx = c});
}

/* ---- steps -------------------------------------------------------------------------------- */

static bool is_restart_wanted(const struct agent_container *c)
{
	struct str policy = c->place->spec->restart_policy;

	if (c->spec->is_restartable_init)
		return true;
	if (str_eq_c(policy, "Never"))
		return false;
	if (c->is_init || str_eq_c(policy, "OnFailure"))
		return c->now.exit_code != 0;
	return true;
}

bool agent_container_is_done(const struct agent_container *c)
{
	if (c->spec->is_restartable_init)
		return c->now.run == AGENT_RUNNING && c->is_started;
	return c->now.run == AGENT_ENDED && c->now.exit_code == 0;
}

static void plan_restart(struct agent_container *c)
{
	int64_t ran_ms = (c->now.finished_ns - c->now.started_ns) / 1000000;
	int64_t pause_ms = agent_backoff_after(&c->backoff, ran_ms);

	c->last = c->now;
	/* Its text goes with the state that had it. */
	c->last.message = NULL;
	c->restart_ms = agent_place_now_ms(c->place) + pause_ms;
	c->number++;
	set_now(c,
		(struct agent_run_state){.reason = pause_ms ? "CrashLoopBackOff"
							    : "ContainerCreating"},
		(struct str){0});
}

static int64_t step_running(struct agent_container *c, int64_t now)
{
	if (!c->kill_ms)
		return INT64_MAX;
	if (c->hook && now >= c->kill_ms)
		finish_hook(c, false, "the grace period is over");
	if (now < c->kill_ms)
		return c->kill_ms;
	send_signal(c, "9");
	return now + CONTAINER_RETRY_MS;
}

int64_t agent_container_step(struct agent_container *c, bool is_stopping)
{
	int64_t now = agent_place_now_ms(c->place);

	if (c->now.run == AGENT_RUNNING)
		return step_running(c, now);
	if (is_stopping)
		return INT64_MAX;
	if (c->now.run == AGENT_ENDED) {
		if (!is_restart_wanted(c))
			return INT64_MAX;
		plan_restart(c);
	}
	if (c->is_asked)
		return await_start(c);
	if (now < c->restart_ms)
		return c->restart_ms;
	start(c);
	return INT64_MAX;
}

void agent_container_stop(struct agent_container *c, int64_t kill_ms)
{
	bool is_first = !c->kill_ms;

	if (c->now.run != AGENT_RUNNING || c->is_last_grace || (!is_first && c->kill_ms <= kill_ms))
		return;
	c->kill_ms = kill_ms;
	if (!is_first)
		return;
	if (c->spec->pre_stop.kind == API_PROBE_NONE)
		send_signal(c, "15");
	else
		run_hook(c);
}

/* ---- news --------------------------------------------------------------------------------- */

void agent_container_on_running(struct agent_container *c, int number, int64_t started_ns,
				const struct api_container_status *known)
{
	c->is_asked = false;
	c->number = number;
	c->kill_ms = 0;
	set_now(c, (struct agent_run_state){.run = AGENT_RUNNING, .started_ns = started_ns},
		(struct str){0});
	stop_probes(c);
	start_probes(c, known);
}

void agent_container_on_ended(struct agent_container *c, int number, int64_t started_ns,
			      int64_t finished_ns, int exit_code, int signo)
{
	stop_probes(c);
	end_hook(c);
	c->is_last_grace = false;
	c->is_asked = false;
	c->is_ready = c->is_started = false;
	c->number = number;
	c->kill_ms = 0;
	set_now(c,
		(struct agent_run_state){.run = AGENT_ENDED,
					 .reason = exit_code ? "Error" : "Completed",
					 .started_ns = started_ns,
					 .finished_ns = finished_ns,
					 .exit_code = exit_code,
					 .signal = signo},
		(struct str){0});
	log_info("container ended pod=%s/%s container=%s exit=%d signal=%d", c->place->box->ns,
		 c->place->box->name, c->name, exit_code, signo);
}

void agent_container_on_failed(struct agent_container *c, int number, struct str text)
{
	int64_t now = clock_system.wall_ns(&clock_system);

	agent_container_on_ended(c, number, now, now, 128, 0);
	c->now.reason = "StartError";
	set_now(c, c->now, text);
	log_warning("container does not start pod=%s/%s container=%s error=%.*s", c->place->box->ns,
		    c->place->box->name, c->name, STR_ARG(text));
}

void agent_container_on_lost(struct agent_container *c)
{
	c->is_asked = false;
	if (c->now.run == AGENT_RUNNING)
		agent_container_on_ended(c, c->number, c->now.started_ns,
					 clock_system.wall_ns(&clock_system), 137, SIGKILL);
}

static void on_verdict(void *ctx, enum agent_probe_type type, enum agent_verdict verdict)
{
	struct agent_container *c = ctx;
	bool is_pass = verdict == AGENT_PASS;

	log_info("probe pod=%s/%s container=%s probe=%s verdict=%s", c->place->box->ns,
		 c->place->box->name, c->name, agent_probe_type_name(type),
		 is_pass ? "pass" : "fail");
	if (type == AGENT_READINESS) {
		c->is_ready = is_pass;
	} else if (!is_pass) {
		agent_container_stop(c, agent_place_now_ms(c->place) +
						c->place->spec->grace_period_s * 1000);
	} else if (type == AGENT_STARTUP) {
		c->is_started = true;
		start_probe(c, AGENT_READINESS, AGENT_FAIL);
		start_probe(c, AGENT_LIVENESS, AGENT_PASS);
	}
	c->place->on_change(c->place);
}
