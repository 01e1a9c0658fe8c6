/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/cells.h"

#include "base/clock.h"
#include "base/map.h"

/* What is gathered from the containers before the cells are written. */
struct pod_state {
	struct arena *a;
	struct str reason; /* the Status cell */
	int64_t restarts, last_restart_ns;
	int64_t sidecar_restarts, sidecar_last_ns; /* of restartable init containers */
	size_t total, ready;
	bool is_initializing;
};

static bool has_condition(const struct json *status, const char *type)
{
	const struct json *list = json_get(status, "conditions");

	if (!json_is(list, JSON_ARRAY))
		return false;
	json_foreach(it, list) {
		if (str_eq_c(json_get_string(it, "type"), type))
			return str_eq_c(json_get_string(it, "status"), "True");
	}
	return false;
}

static void count_restarts(const struct json *container, int64_t *restarts, int64_t *last_ns)
{
	struct str at = json_string(json_path(container, "lastState.terminated.finishedAt"));
	int64_t ns;

	*restarts += json_get_int(container, "restartCount", 0);
	if (at.len && clock_parse(at, &ns, NULL) >= 0 && ns > *last_ns)
		*last_ns = ns;
}

/* "Error", else "Signal:9", else "ExitCode:1". */
static struct str terminated_text(struct arena *a, const struct json *terminated,
				  const char *prefix)
{
	struct str reason = json_get_string(terminated, "reason");
	int64_t signal = json_get_int(terminated, "signal", 0);

	if (reason.len)
		return str_printf(a, "%s%.*s", prefix, STR_ARG(reason));
	if (signal)
		return str_printf(a, "%sSignal:%lld", prefix, (long long)signal);
	return str_printf(a, "%sExitCode:%lld", prefix,
			  (long long)json_get_int(terminated, "exitCode", 0));
}

/* True when the Pod waits for this one. */
static bool init_container(struct pod_state *s, const struct json *container, bool is_sidecar,
			   size_t at, size_t n_init)
{
	const struct json *state = json_get(container, "state");
	const struct json *terminated = json_get(state, "terminated");
	struct str waiting = json_string(json_path(state, "waiting.reason"));

	count_restarts(container, &s->restarts, &s->last_restart_ns);
	if (is_sidecar)
		count_restarts(container, &s->sidecar_restarts, &s->sidecar_last_ns);
	if (!json_is_null(terminated) && json_get_int(terminated, "exitCode", 0) == 0)
		return false;
	if (is_sidecar && json_get_bool(container, "started", false)) {
		s->ready += json_get_bool(container, "ready", false);
		return false;
	}
	if (!json_is_null(terminated))
		s->reason = terminated_text(s->a, terminated, "Init:");
	else if (waiting.len && !str_eq_c(waiting, "PodInitializing"))
		s->reason = str_printf(s->a, "Init:%.*s", STR_ARG(waiting));
	else
		s->reason = str_printf(s->a, "Init:%zu/%zu", at, n_init);
	return true;
}

static void init_containers(struct pod_state *s, const struct json *spec, const struct json *status)
{
	const struct json *specs = json_get(spec, "initContainers");
	const struct json *list = json_get(status, "initContainerStatuses");
	size_t n_init = api_cells_count(specs), at = 0;
	struct map sidecars = {0};

	if (n_init) {
		json_foreach(it, specs) {
			if (str_eq_c(json_get_string(it, "restartPolicy"), "Always")) {
				map_put(&sidecars, json_get_string(it, "name"), it);
				s->total++;
			}
		}
	}
	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list) {
			bool is_sidecar = map_get(&sidecars, json_get_string(it, "name")) != NULL;

			if (init_container(s, it, is_sidecar, at++, n_init)) {
				s->is_initializing = true;
				break;
			}
		}
	}
	map_fini(&sidecars);
}

static void containers(struct pod_state *s, const struct json *status)
{
	const struct json *list = json_get(status, "containerStatuses");
	struct str error = {0}, first = {0};
	bool has_running = false;

	s->restarts = s->sidecar_restarts;
	s->last_restart_ns = s->sidecar_last_ns;
	if (!json_is(list, JSON_ARRAY))
		return;
	/* The reason of the first container that has one is shown. */
	json_foreach(it, list) {
		const struct json *state = json_get(it, "state");
		const struct json *terminated = json_get(state, "terminated");
		struct str waiting = json_string(json_path(state, "waiting.reason")), reason = {0};

		count_restarts(it, &s->restarts, &s->last_restart_ns);
		if (waiting.len) {
			reason = waiting;
		} else if (!json_is_null(terminated)) {
			reason = terminated_text(s->a, terminated, "");
			if (json_get_int(terminated, "exitCode", 0) && !error.len)
				error = reason;
		} else if (json_get_bool(it, "ready", false) &&
			   !json_is_null(json_get(state, "running"))) {
			has_running = true;
			s->ready++;
		}
		if (!first.len)
			first = reason;
	}
	if (first.len)
		s->reason = first;
	if (!str_eq_c(s->reason, "Completed"))
		return;
	if (has_running && has_condition(status, "Ready"))
		s->reason = STR("Running");
	else if (error.len)
		s->reason = error;
	else if (has_running)
		s->reason = STR("NotReady");
}

static bool is_gated(const struct json *status)
{
	const struct json *list = json_get(status, "conditions");

	if (!json_is(list, JSON_ARRAY))
		return false;
	json_foreach(it, list) {
		if (str_eq_c(json_get_string(it, "type"), "PodScheduled") &&
		    str_eq_c(json_get_string(it, "reason"), "SchedulingGated"))
			return true;
	}
	return false;
}

static void gather(struct pod_state *s, const struct json *obj)
{
	const struct json *spec = json_get(obj, "spec"), *status = json_get(obj, "status");
	struct str phase = json_get_string(status, "phase");
	struct str reason = json_get_string(status, "reason");

	s->total = api_cells_count(json_get(spec, "containers"));
	s->reason = is_gated(status) ? STR("SchedulingGated") : reason.len ? reason : phase;
	init_containers(s, spec, status);
	if (!s->is_initializing || has_condition(status, "Initialized"))
		containers(s, status);
	if (json_is_null(json_path(obj, "metadata.deletionTimestamp")))
		return;
	if (str_eq_c(reason, "NodeLost"))
		s->reason = STR("Unknown");
	else if (!str_eq_c(phase, "Succeeded") && !str_eq_c(phase, "Failed"))
		s->reason = STR("Terminating");
}

static void readiness_gates(struct api_cells *c, const struct json *obj)
{
	const struct json *gates = json_path(obj, "spec.readinessGates");
	size_t n_true = 0;

	if (!api_cells_count(gates)) {
		api_cells_text(c, STR("<none>"));
		return;
	}
	json_foreach(it, gates)
		n_true += has_condition(json_get(obj, "status"),
					str_cstr(c->a, json_get_string(it, "conditionType")));
	api_cells_text(c, str_printf(c->a, "%zu/%u", n_true, gates->count));
}

void api_cells_pod(struct api_cells *c, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata"), *spec = json_get(obj, "spec");
	const struct json *status = json_get(obj, "status");
	struct pod_state s = {.a = c->a};
	char time[CLOCK_RFC3339_MAX];

	gather(&s, obj);
	api_cells_text(c, json_get_string(meta, "name"));
	api_cells_text(c, str_printf(c->a, "%zu/%zu", s.ready, s.total));
	api_cells_text(c, s.reason);
	if (s.restarts && s.last_restart_ns)
		api_cells_text(c,
			       str_printf(c->a, "%lld (%.*s ago)", (long long)s.restarts,
					  STR_ARG(api_cells_age_text(
						  c, clock_format(time, s.last_restart_ns, 0)))));
	else
		api_cells_text(c, str_printf(c->a, "%lld", (long long)s.restarts));
	api_cells_age(c, json_get_string(meta, "creationTimestamp"));
	api_cells_or(c, json_get_string(json_at(json_get(status, "podIPs"), 0), "ip"), "<none>");
	api_cells_or(c, json_get_string(spec, "nodeName"), "<none>");
	api_cells_or(c, json_get_string(status, "nominatedNodeName"), "<none>");
	readiness_gates(c, obj);
}

void api_cells_pod_conditions(struct arena *a, struct json *row, const struct json *obj)
{
	struct str phase = json_string(json_path(obj, "status.phase"));
	bool is_good = str_eq_c(phase, "Succeeded");
	struct json *list, *one;

	if (!is_good && !str_eq_c(phase, "Failed"))
		return;
	list = json_set(row, "conditions", json_new(a, JSON_ARRAY));
	one = json_append(list, json_new(a, JSON_OBJECT));
	json_set(one, "type", json_new_string(a, STR("Completed")));
	json_set(one, "status", json_new_string(a, STR("True")));
	json_set(one, "reason", json_new_string(a, phase));
	json_set(one, "message",
		 json_new_string(a, is_good ? STR("The pod has completed successfully.")
					    : STR("The pod failed.")));
}
