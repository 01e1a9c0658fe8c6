/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include "base/clock.h"

const char *agent_phase_name(enum agent_phase p)
{
	static const char *const names[] = {"Pending", "Running", "Succeeded", "Failed"};

	return names[p];
}

/* ---- phase -------------------------------------------------------------------------------- */

static bool is_restarted(const struct api_pod *p, bool has_failed)
{
	if (str_eq_c(p->restart_policy, "Never"))
		return false;
	return has_failed || !str_eq_c(p->restart_policy, "OnFailure");
}

static bool is_init_done(const struct agent_container_view *c)
{
	if (c->spec->is_restartable_init)
		return c->is_started;
	return c->now.run == AGENT_ENDED && c->now.exit_code == 0;
}

static bool are_inits_done(const struct agent_pod_view *v)
{
	for (size_t i = 0; i < v->n_inits; i++)
		if (!is_init_done(&v->inits[i]))
			return false;
	return true;
}

static bool has_failed_init(const struct agent_pod_view *v)
{
	for (size_t i = 0; i < v->n_inits; i++) {
		const struct agent_container_view *c = &v->inits[i];

		if (!c->spec->is_restartable_init && c->now.run == AGENT_ENDED &&
		    c->now.exit_code != 0 && str_eq_c(v->pod->restart_policy, "Never"))
			return true;
	}
	return false;
}

enum agent_phase agent_status_phase(const struct agent_pod_view *v)
{
	size_t waiting = 0, running = 0, ended = 0, good = 0;

	if (has_failed_init(v))
		return AGENT_FAILED;
	for (size_t i = 0; i < v->n_containers; i++) {
		const struct agent_container_view *c = &v->containers[i];
		const struct agent_run_state *s = c->now.run == AGENT_WAITING ? &c->last : &c->now;

		waiting += s->run == AGENT_WAITING;
		running += s->run == AGENT_RUNNING;
		ended += s->run == AGENT_ENDED;
		good += s->run == AGENT_ENDED && s->exit_code == 0;
	}
	if (waiting > 0 || ended + running == 0)
		return AGENT_PENDING;
	if (running > 0 || is_restarted(v->pod, ended > good))
		return AGENT_RUNNING_PHASE;
	return good == ended ? AGENT_SUCCEEDED : AGENT_FAILED;
}

static bool is_container_ready(const struct agent_container_view *c)
{
	return c->now.run == AGENT_RUNNING && c->is_started && c->is_ready;
}

bool agent_status_is_ready(const struct agent_pod_view *v)
{
	enum agent_phase phase = agent_status_phase(v);

	if (phase == AGENT_SUCCEEDED || phase == AGENT_FAILED || !v->has_sandbox)
		return false;
	for (size_t i = 0; i < v->n_containers; i++)
		if (!is_container_ready(&v->containers[i]))
			return false;
	return true;
}

/* ---- JSON --------------------------------------------------------------------------------- */

static struct json *time_node(struct arena *a, int64_t ns)
{
	char buf[CLOCK_RFC3339_MAX];

	if (!ns)
		return json_new(a, JSON_NULL);
	return json_new_string(a, str_dup(a, clock_format(buf, ns, 0)));
}

static void set_text(struct arena *a, struct json *o, const char *key, const char *s)
{
	if (s)
		json_set(o, key, json_new_string(a, str_of(s)));
}

static struct json *text_or_null(struct arena *a, const char *s)
{
	return s ? json_new_string(a, str_of(s)) : json_new(a, JSON_NULL);
}

enum {
	COND_SANDBOX,
	COND_INITIALIZED,
	COND_READY,
	COND_CONTAINERS_READY,
	COND_SCHEDULED,
};

static const char *const condition_types[AGENT_CONDITIONS] = {
	"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"};

static bool condition_is_true(const struct agent_pod_view *v, int which)
{
	if (which == COND_SANDBOX)
		return v->has_sandbox;
	if (which == COND_INITIALIZED)
		return are_inits_done(v);
	return which == COND_SCHEDULED || agent_status_is_ready(v);
}

void agent_status_advance(const struct agent_pod_view *v,
			  struct agent_transition t[AGENT_CONDITIONS])
{
	for (int i = 0; i < AGENT_CONDITIONS; i++) {
		const struct api_condition *was = api_condition_find(
			v->pod->conditions, v->pod->n_conditions, condition_types[i]);
		bool is_true = condition_is_true(v, i);

		if (t[i].since_ns && t[i].is_true == is_true)
			continue;
		if (!t[i].since_ns && was && was->transition_ns &&
		    str_eq_c(was->status, is_true ? "True" : "False"))
			t[i].since_ns = was->transition_ns;
		else
			t[i].since_ns = v->now_ns;
		t[i].is_true = is_true;
	}
}

static struct json *condition(struct arena *a, const struct agent_pod_view *v, int which,
			      const char *reason, const char *message)
{
	bool is_true = condition_is_true(v, which);
	struct json *o = json_new(a, JSON_OBJECT);

	set_text(a, o, "type", condition_types[which]);
	set_text(a, o, "status", is_true ? "True" : "False");
	json_set(o, "lastProbeTime", json_new(a, JSON_NULL));
	json_set(o, "lastTransitionTime",
		 time_node(a, v->transitions ? v->transitions[which].since_ns : v->now_ns));
	set_text(a, o, "reason", is_true ? NULL : reason);
	set_text(a, o, "message", is_true ? NULL : message);
	return o;
}

/* "containers with unready status: [web db]", NULL when there is none. */
static const char *unready(struct arena *a, const char *what, const struct agent_container_view *c,
			   size_t n, bool (*is_fine)(const struct agent_container_view *))
{
	struct buf b = BUF_INIT;
	const char *ret = NULL;

	for (size_t i = 0; i < n; i++)
		if (!is_fine(&c[i]))
			buf_printf(&b, "%s%.*s", b.len ? " " : "", STR_ARG(c[i].spec->name));
	if (b.len)
		ret = str_printf(a, "containers with %s status: [%s]", what, b.ptr).ptr;
	buf_fini(&b);
	return ret;
}

static bool is_ours(struct str type)
{
	for (int i = 0; i < AGENT_CONDITIONS; i++)
		if (str_eq_c(type, condition_types[i]))
			return true;
	return false;
}

static struct json *foreign_condition(struct arena *a, const struct api_condition *c)
{
	struct json *o = json_new(a, JSON_OBJECT);

	json_set(o, "type", json_new_string(a, c->type));
	json_set(o, "status", json_new_string(a, c->status));
	json_set(o, "lastTransitionTime", time_node(a, c->transition_ns));
	if (c->reason.len)
		json_set(o, "reason", json_new_string(a, c->reason));
	if (c->message.len)
		json_set(o, "message", json_new_string(a, c->message));
	return o;
}

static struct json *conditions(struct arena *a, const struct agent_pod_view *v)
{
	enum agent_phase phase = agent_status_phase(v);
	bool is_over = phase == AGENT_SUCCEEDED || phase == AGENT_FAILED;
	const char *reason = phase == AGENT_SUCCEEDED ? "PodCompleted"
			     : phase == AGENT_FAILED  ? "PodFailed"
						      : "ContainersNotReady";
	const char *message =
		is_over ? NULL
			: unready(a, "unready", v->containers, v->n_containers, is_container_ready);
	const char *inits = unready(a, "incomplete", v->inits, v->n_inits, is_init_done);
	struct json *list = json_new(a, JSON_ARRAY);

	json_append(list, condition(a, v, COND_SANDBOX, NULL, NULL));
	json_append(list, condition(a, v, COND_INITIALIZED, "ContainersNotInitialized", inits));
	json_append(list, condition(a, v, COND_READY, reason, message));
	json_append(list, condition(a, v, COND_CONTAINERS_READY, reason, message));
	json_append(list, condition(a, v, COND_SCHEDULED, NULL, NULL));
	for (size_t i = 0; i < v->pod->n_conditions; i++)
		if (!is_ours(v->pod->conditions[i].type))
			json_append(list, foreign_condition(a, &v->pod->conditions[i]));
	return list;
}

static const char *container_id(struct arena *a, const struct agent_pod_view *v,
				const struct agent_container_view *c, int run)
{
	return str_printf(a, "fairlead://%.*s/%.*s/%d", STR_ARG(v->pod->meta.uid),
			  STR_ARG(c->spec->name), run)
		.ptr;
}

static struct json *run_state(struct arena *a, const struct agent_run_state *s, const char *id)
{
	struct json *o = json_new(a, JSON_OBJECT), *in = json_new(a, JSON_OBJECT);

	if (s->run == AGENT_WAITING) {
		set_text(a, in, "reason", s->reason ? s->reason : "ContainerCreating");
		set_text(a, in, "message", s->message);
		json_set(o, "waiting", in);
	} else if (s->run == AGENT_RUNNING) {
		json_set(in, "startedAt", time_node(a, s->started_ns));
		json_set(o, "running", in);
	} else {
		json_set(in, "exitCode", json_new_int(a, s->exit_code));
		if (s->signal)
			json_set(in, "signal", json_new_int(a, s->signal));
		set_text(a, in, "reason",
			 s->reason      ? s->reason
			 : s->exit_code ? "Error"
					: "Completed");
		set_text(a, in, "message", s->message);
		json_set(in, "startedAt", time_node(a, s->started_ns));
		json_set(in, "finishedAt", time_node(a, s->finished_ns));
		set_text(a, in, "containerID", id);
		json_set(o, "terminated", in);
	}
	return o;
}

static struct json *container_status(struct arena *a, const struct agent_pod_view *v,
				     const struct agent_container_view *c)
{
	const char *id = container_id(a, v, c, c->restarts);
	struct json *o = json_new(a, JSON_OBJECT);
	bool is_running = c->now.run == AGENT_RUNNING;

	json_set(o, "name", json_new_string(a, c->spec->name));
	json_set(o, "state", run_state(a, &c->now, id));
	json_set(o, "lastState",
		 c->last.run == AGENT_ENDED
			 ? run_state(a, &c->last, container_id(a, v, c, MAX(c->restarts - 1, 0)))
			 : json_new(a, JSON_OBJECT));
	json_set(o, "ready", json_new_bool(a, is_container_ready(c)));
	json_set(o, "restartCount", json_new_int(a, c->restarts));
	json_set(o, "image", json_new_string(a, c->spec->image.len ? c->spec->image : STR("")));
	json_set(o, "imageID", json_new_string(a, STR("")));
	if (c->now.run != AGENT_WAITING)
		set_text(a, o, "containerID", id);
	json_set(o, "started", json_new_bool(a, is_running && c->is_started));
	return o;
}

/* An init container is "ready" when it has done its work. */
static struct json *statuses(struct arena *a, const struct agent_pod_view *v,
			     const struct agent_container_view *c, size_t n, bool is_init)
{
	struct json *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < n; i++) {
		struct json *o = container_status(a, v, &c[i]);

		if (is_init)
			json_set(o, "ready", json_new_bool(a, is_init_done(&c[i])));
		json_append(list, o);
	}
	return list;
}

static void set_addrs(struct arena *a, struct json *o, const char *one, const char *many,
		      const struct ip_addr *addrs, size_t n)
{
	struct json *list = json_new(a, JSON_ARRAY);
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		struct json *ip = json_new(a, JSON_OBJECT);
		struct str s = str_dup(a, ip_format(&addrs[i], text));

		if (i == 0)
			json_set(o, one, json_new_string(a, s));
		json_set(ip, "ip", json_new_string(a, s));
		json_append(list, ip);
	}
	json_set(o, many, list);
}

struct json *agent_status_make_reason(struct arena *a, const struct agent_pod_view *v)
{
	struct json *o = json_new(a, JSON_OBJECT);

	/* Null, so that a merge patch takes away what was there. */
	json_set(o, "reason", text_or_null(a, v->reason));
	json_set(o, "message", text_or_null(a, v->message));
	return o;
}

struct json *agent_status_make(struct arena *a, const struct agent_pod_view *v)
{
	struct json *o = agent_status_make_reason(a, v);

	json_set(o, "phase", json_new_string(a, str_of(agent_phase_name(agent_status_phase(v)))));
	json_set(o, "conditions", conditions(a, v));
	set_addrs(a, o, "hostIP", "hostIPs", v->host_addrs, v->n_host_addrs);
	set_addrs(a, o, "podIP", "podIPs", v->pod_addrs, v->n_pod_addrs);
	if (v->started_ns)
		json_set(o, "startTime", time_node(a, v->started_ns));
	if (v->n_inits)
		json_set(o, "initContainerStatuses", statuses(a, v, v->inits, v->n_inits, true));
	json_set(o, "containerStatuses", statuses(a, v, v->containers, v->n_containers, false));
	return o;
}
