/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"

#define F(name, kind, member) VIEW(name, kind, struct api_container_port, member)
static const struct view_field port_fields[] = {
	F("name", VIEW_STRING, name),
	F("hostIP", VIEW_STRING, host_ip),
	VIEW_ENUM_OF("protocol", struct api_container_port, protocol, API_TCP, api_view_protocols),
	F("containerPort", VIEW_PORT, port),
	F("hostPort", VIEW_PORT, host_port),
};
#undef F
static const struct view_type port_type = {VIEW_FIELDS(port_fields),
					   .size = sizeof(struct api_container_port)};

static const struct view_field field_ref_fields[] = {
	VIEW("fieldPath", VIEW_STRING, struct api_env, field_path),
};
static const struct view_type field_ref_type = {VIEW_FIELDS(field_ref_fields)};
static const struct view_field value_from_fields[] = {
	VIEW_INTO("fieldRef", field_ref_type),
};
static const struct view_type value_from_type = {VIEW_FIELDS(value_from_fields)};
static const struct view_field env_fields[] = {
	VIEW("name", VIEW_STRING, struct api_env, name),
	VIEW("value", VIEW_STRING, struct api_env, value),
	VIEW_INTO("valueFrom", value_from_type),
};
static const struct view_type env_type = {VIEW_FIELDS(env_fields), .size = sizeof(struct api_env)};

static const struct view_field header_fields[] = {
	VIEW("name", VIEW_STRING, struct api_pair, key),
	VIEW("value", VIEW_STRING, struct api_pair, value),
};
static const struct view_type header_type = {VIEW_FIELDS(header_fields),
					     .size = sizeof(struct api_pair)};

#define F(name, kind, member) VIEW(name, kind, struct api_probe, member)
static const struct view_field exec_fields[] = {
	F("command", VIEW_STRINGS, command),
};
static const struct view_type exec_type = {VIEW_FIELDS(exec_fields)};

/* httpGet, tcpSocket and grpc: what a field does not apply to does not have it. */
static const struct view_field target_fields[] = {
	F("path", VIEW_STRING, path),
	F("host", VIEW_STRING, host),
	F("scheme", VIEW_STRING, scheme),
	F("port", VIEW_INT_OR_STR, port),
	VIEW_LIST_OF("httpHeaders", struct api_probe, headers, n_headers, header_type),
};
static const struct view_type target_type = {VIEW_FIELDS(target_fields)};

static const struct view_field sleep_fields[] = {
	F("seconds", VIEW_INT64, sleep_s),
};
static const struct view_type sleep_type = {VIEW_FIELDS(sleep_fields)};

static const struct view_field probe_fields[] = {
	VIEW_INTO("exec", exec_type),
	VIEW_INTO("httpGet", target_type),
	VIEW_INTO("tcpSocket", target_type),
	VIEW_INTO("grpc", target_type),
	VIEW_INTO("sleep", sleep_type),
	F("initialDelaySeconds", VIEW_INT32, initial_delay_s),
	F("periodSeconds", VIEW_INT32, period_s),
	F("timeoutSeconds", VIEW_INT32, timeout_s),
	F("successThreshold", VIEW_INT32, success_threshold),
	F("failureThreshold", VIEW_INT32, failure_threshold),
};
#undef F

static int32_t or_default(int32_t v, int32_t fallback)
{
	return v > 0 ? v : fallback;
}

/* The defaults are Kubernetes' own; the API server has written them into what it stored. */
static void finish_probe(struct arena *a, const struct json *obj, void *out)
{
	static const struct {
		const char *name;
		enum api_probe_kind kind;
	} kinds[] = {
		{"exec", API_PROBE_EXEC}, {"httpGet", API_PROBE_HTTP}, {"tcpSocket", API_PROBE_TCP},
		{"grpc", API_PROBE_GRPC}, {"sleep", API_PROBE_SLEEP},
	};
	struct api_probe *probe = out;

	probe->is_set = true;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && probe->kind == API_PROBE_NONE; i++) {
		if (!json_is_null(json_get(obj, kinds[i].name)))
			probe->kind = kinds[i].kind;
	}
	if (probe->kind == API_PROBE_HTTP) {
		if (!probe->path.len)
			probe->path = STR("/");
		if (!probe->scheme.len)
			probe->scheme = STR("HTTP");
	}
	probe->period_s = or_default(probe->period_s, 10);
	probe->timeout_s = or_default(probe->timeout_s, 1);
	probe->success_threshold = or_default(probe->success_threshold, 1);
	probe->failure_threshold = or_default(probe->failure_threshold, 3);
}

static const struct view_type probe_type = {VIEW_FIELDS(probe_fields), .finish = finish_probe};

static const struct view_field lifecycle_fields[] = {
	VIEW_OBJECT_OF("preStop", struct api_container, pre_stop, probe_type),
};
static const struct view_type lifecycle_type = {VIEW_FIELDS(lifecycle_fields)};

#define F(name, kind, member) VIEW(name, kind, struct api_container, member)
static const struct view_field container_fields[] = {
	F("name", VIEW_STRING, name),
	F("image", VIEW_STRING, image),
	F("workingDir", VIEW_STRING, working_dir),
	F("command", VIEW_STRINGS, command),
	F("args", VIEW_STRINGS, args),
	VIEW_LIST_OF("ports", struct api_container, ports, n_ports, port_type),
	VIEW_LIST_OF("env", struct api_container, env, n_env, env_type),
	VIEW_OBJECT_OF("readinessProbe", struct api_container, readiness, probe_type),
	VIEW_OBJECT_OF("livenessProbe", struct api_container, liveness, probe_type),
	VIEW_OBJECT_OF("startupProbe", struct api_container, startup, probe_type),
	VIEW_INTO("lifecycle", lifecycle_type),
	F("stdin", VIEW_BOOL, has_stdin),
	F("stdinOnce", VIEW_BOOL, is_stdin_once),
};
#undef F

static void finish_container(struct arena *a, const struct json *obj, void *out)
{
	struct api_container *c = out;

	c->is_restartable_init = str_eq_c(json_get_string(obj, "restartPolicy"), "Always");
}

static const struct view_type container_type = {VIEW_FIELDS(container_fields),
						.size = sizeof(struct api_container),
						.finish = finish_container};

#define F(name, kind, member) VIEW(name, kind, struct api_container_status, member)
static const struct view_field container_status_fields[] = {
	F("name", VIEW_STRING, name),
	F("ready", VIEW_BOOL, ready),
	F("started", VIEW_BOOL, started),
	F("restartCount", VIEW_INT32, restart_count),
};
#undef F

static struct str state_reason(const struct json *state, const char *name)
{
	const struct json *in = json_get(state, name);
	struct str reason = json_get_string(in, "reason");

	if (json_is_null(in))
		return (struct str){0};
	return str_is_set(reason) ? reason : STR("");
}

static void finish_container_status(struct arena *a, const struct json *obj, void *out)
{
	const struct json *state = json_get(obj, "state");
	struct api_container_status *s = out;
	int64_t code = json_get_int(json_get(state, "terminated"), "exitCode", 0);

	s->waiting_reason = state_reason(state, "waiting");
	s->terminated_reason = state_reason(state, "terminated");
	s->is_running = !json_is_null(json_get(state, "running"));
	s->exit_code = code >= INT32_MIN && code <= INT32_MAX ? (int32_t)code : -1;
}

static const struct view_type container_status_type = {VIEW_FIELDS(container_status_fields),
						       .size = sizeof(struct api_container_status),
						       .finish = finish_container_status};

#define F(name, kind, member) VIEW(name, kind, struct api_toleration, member)
static const struct view_field toleration_fields[] = {
	F("key", VIEW_STRING, key),
	F("operator", VIEW_STRING, op),
	F("value", VIEW_STRING, value),
	F("effect", VIEW_STRING, effect),
};
#undef F
static const struct view_type toleration_type = {VIEW_FIELDS(toleration_fields),
						 .size = sizeof(struct api_toleration)};

#define F(name, kind, member) VIEW(name, kind, struct api_pod, member)
static const struct view_field spec_fields[] = {
	F("nodeSelector", VIEW_PAIRS, node_selector),
	VIEW_LIST_OF("tolerations", struct api_pod, tolerations, n_tolerations, toleration_type),
	F("nodeName", VIEW_STRING, node_name),
	F("hostname", VIEW_STRING, hostname),
	F("subdomain", VIEW_STRING, subdomain),
	F("serviceAccountName", VIEW_STRING, service_account),
	F("restartPolicy", VIEW_STRING, restart_policy),
	F("dnsPolicy", VIEW_STRING, dns_policy),
	F("hostNetwork", VIEW_BOOL, is_host_network),
	F("terminationGracePeriodSeconds", VIEW_INT64, grace_period_s),
	VIEW_LIST_OF("containers", struct api_pod, containers, n_containers, container_type),
	VIEW_LIST_OF("initContainers", struct api_pod, init_containers, n_init_containers,
		     container_type),
};
static const struct view_type spec_type = {VIEW_FIELDS(spec_fields)};

static const struct view_field status_fields[] = {
	F("phase", VIEW_STRING, phase),
	F("reason", VIEW_STRING, reason),
	F("message", VIEW_STRING, message),
	F("podIP", VIEW_STRING, pod_ip),
	F("hostIP", VIEW_STRING, host_ip),
	VIEW_STRINGS_OF("podIPs", struct api_pod, pod_ips, "ip"),
	VIEW_LIST_OF("conditions", struct api_pod, conditions, n_conditions, api_view_condition),
	VIEW_LIST_OF("containerStatuses", struct api_pod, statuses, n_statuses,
		     container_status_type),
};
#undef F
static const struct view_type status_type = {VIEW_FIELDS(status_fields)};

static const struct view_field pod_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", spec_type),
	VIEW_INTO("status", status_type),
};

static void finish_pod(struct arena *a, const struct json *obj, void *out)
{
	const struct json *spec = json_get(obj, "spec");
	struct api_pod *pod = out;
	const struct api_condition *ready =
		api_condition_find(pod->conditions, pod->n_conditions, "Ready");

	pod->has_no_service_links = !json_get_bool(spec, "enableServiceLinks", true);
	if (json_is_null(json_get(spec, "terminationGracePeriodSeconds")))
		pod->grace_period_s = 30;
	if (ready) {
		pod->is_ready = str_eq_c(ready->status, "True");
		pod->ready_transition_ns = ready->transition_ns;
	}
}

static const struct view_type pod_type = {VIEW_FIELDS(pod_fields), .finish = finish_pod};

int api_pod_decode(struct arena *a, const struct json *obj, struct api_pod *ret, struct err *err)
{
	struct api_pod pod = {0};
	int r = api_view_decode(a, &pod_type, obj, &pod, err);

	if (r == 0)
		*ret = pod;
	return r;
}
