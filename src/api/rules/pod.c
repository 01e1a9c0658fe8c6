/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

static const struct api_path spec_path = {.name = "spec"};

static void check_container_ports(const struct json *ports, const struct api_path *p,
				  struct api_causes *c)
{
	struct map names = {0};
	size_t i = 0;

	if (!json_is(ports, JSON_ARRAY))
		return;
	json_foreach(it, ports) {
		struct api_path at = api_path_at(p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct api_path port_path = api_path_child(&at, "containerPort");
		struct api_path host_path = api_path_child(&at, "hostPort");
		struct api_path protocol_path = api_path_child(&at, "protocol");
		struct str name = json_get_string(it, "name");
		int64_t port = json_get_int(it, "containerPort", 0);
		int64_t host = json_get_int(it, "hostPort", 0);

		if (name.len) {
			api_rules_check_name(c, &name_path, name, api_name_port);
			if (api_rules_seen(&names, name))
				api_causes_duplicate(c, &name_path, json_get(it, "name"));
		}
		if (!port)
			api_causes_required(c, &port_path, NULL);
		else
			api_rules_check_port(c, &port_path, port);
		if (host)
			api_rules_check_port(c, &host_path, host);
		api_rules_check_one_of(c, &protocol_path, json_get_string(it, "protocol"),
				       api_rules_protocols);
	}
	map_fini(&names);
}

static void check_env(const struct json *env, const struct api_path *p, struct api_causes *c)
{
	size_t i = 0;

	if (!json_is(env, JSON_ARRAY))
		return;
	json_foreach(it, env) {
		struct api_path at = api_path_at(p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct api_path from_path = api_path_child(&at, "valueFrom");
		struct str name = json_get_string(it, "name");

		if (!name.len)
			api_causes_required(c, &name_path, NULL);
		else
			api_rules_check_name(c, &name_path, name, api_name_env);
		if (!json_is_null(json_get(it, "valueFrom")) && json_get_string(it, "value").len)
			api_causes_invalid(c, &from_path, STR(""),
					   "may not be specified when `value` is not empty");
	}
}

static void check_probe_port(const struct json *handler, const struct api_path *p,
			     struct api_causes *c)
{
	struct api_path port_path = api_path_child(p, "port");
	const struct json *port = json_get(handler, "port");

	if (json_is(port, JSON_STRING))
		api_rules_check_name(c, &port_path, port->string, api_name_port);
	else
		api_rules_check_port(c, &port_path, json_is(port, JSON_INT) ? port->integer : 0);
}

static void check_sleep(const struct json *sleep, const struct api_path *p, int64_t grace_s,
			struct api_causes *c)
{
	int64_t seconds = json_get_int(sleep, "seconds", 0);
	struct str detail;

	if (seconds >= 0 && seconds <= grace_s)
		return;
	detail = str_printf(c->a,
			    "must be non-negative and less than terminationGracePeriodSeconds "
			    "(%lld)",
			    (long long)grace_s);
	api_causes_invalid_int(c, p, seconds, detail.ptr);
}

enum {
	HANDLER_EXEC,
	HANDLER_HTTP,
	HANDLER_LAST = 3, /* of a probe grpc, of a hook sleep */
	HANDLERS,
};

/* grace_s: that of the Pod, for hooks; -1: it is a probe. */
static void check_handler(const struct json *probe, const struct api_path *p, int64_t grace_s,
			  struct api_causes *c)
{
	const char *const handlers[HANDLERS] = {"exec", "httpGet", "tcpSocket",
						grace_s < 0 ? "grpc" : "sleep"};
	static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
	size_t n = 0;

	for (int i = 0; i < HANDLERS; i++) {
		const struct json *h = json_get(probe, handlers[i]);
		struct api_path at = api_path_child(p, handlers[i]);
		struct api_path command = api_path_child(&at, "command");
		struct api_path path = api_path_child(&at, "path");
		struct api_path scheme = api_path_child(&at, "scheme");

		if (json_is_null(h))
			continue;
		if (n++) {
			api_causes_forbidden(c, &at, "may not specify more than 1 handler type");
			continue;
		}
		if (i == HANDLER_LAST && grace_s >= 0) {
			check_sleep(h, &at, grace_s, c);
			continue;
		}
		if (i == HANDLER_EXEC && !api_rules_count(json_get(h, "command")))
			api_causes_required(c, &command, NULL);
		if (i != HANDLER_EXEC)
			check_probe_port(h, &at, c);
		if (i == HANDLER_HTTP && !json_get_string(h, "path").len)
			api_causes_required(c, &path, NULL);
		if (i == HANDLER_HTTP)
			api_rules_check_one_of(c, &scheme, json_get_string(h, "scheme"), schemes);
	}
	if (!n)
		api_causes_required(c, p, "must specify a handler type");
}

static void check_probe(const struct json *container, const char *name, const struct api_path *up,
			struct api_causes *c)
{
	static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds",
					      "periodSeconds", "successThreshold",
					      "failureThreshold"};
	struct api_path p = api_path_child(up, name);
	struct api_path success = api_path_child(&p, "successThreshold");
	const struct json *probe = json_get(container, name);
	int64_t threshold = json_get_int(probe, "successThreshold", 1);

	if (json_is_null(probe))
		return;
	check_handler(probe, &p, -1, c);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct api_path at = api_path_child(&p, numbers[i]);
		int64_t v = json_get_int(probe, numbers[i], 0);

		if (v < 0)
			api_causes_invalid_int(c, &at, v, "must be greater than or equal to 0");
	}
	if (threshold != 1 && !str_eq_c(str_of(name), "readinessProbe"))
		api_causes_invalid_int(c, &success, threshold, "must be 1");
}

static void check_lifecycle(const struct json *container, const struct api_path *up,
			    int64_t grace_s, struct api_causes *c)
{
	static const char *const hooks[] = {"postStart", "preStop"};
	struct api_path p = api_path_child(up, "lifecycle");
	const struct json *lifecycle = json_get(container, "lifecycle");

	for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
		struct api_path at = api_path_child(&p, hooks[i]);
		const struct json *hook = json_get(lifecycle, hooks[i]);

		if (!json_is_null(hook))
			check_handler(hook, &at, grace_s, c);
	}
}

/* What has no meaning for a container that runs to its end before the others begin. */
static void check_plain_init(const struct json *container, const struct api_path *up,
			     struct api_causes *c)
{
	static const char *const fields[] = {"lifecycle", "livenessProbe", "readinessProbe",
					     "startupProbe"};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct api_path p = api_path_child(up, fields[i]);

		if (!json_is_null(json_get(container, fields[i])))
			api_causes_forbidden(c, &p,
					     "may not be set for init containers without "
					     "restartPolicy=Always");
	}
}

static void check_image(const struct json *container, const struct api_path *up,
			struct api_causes *c)
{
	struct api_path p = api_path_child(up, "image");
	struct str image = json_get_string(container, "image");

	if (!image.len)
		api_causes_required(c, &p, NULL);
	else if (str_trim(image).len != image.len)
		api_causes_invalid(c, &p, image, "must not have leading or trailing whitespace");
}

/* grace_s: the Pod's; is_init: it is an init container. */
static void check_container(const struct json *container, struct map *names,
			    const struct api_path *p, int64_t grace_s, bool is_init,
			    struct api_causes *c)
{
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	struct api_path name_path = api_path_child(p, "name");
	struct api_path ports_path = api_path_child(p, "ports");
	struct api_path env_path = api_path_child(p, "env");
	struct str name = json_get_string(container, "name");

	if (!name.len)
		api_causes_required(c, &name_path, NULL);
	else
		api_rules_check_name(c, &name_path, name, api_name_dns1123_label);
	if (name.len && api_rules_seen(names, name))
		api_causes_duplicate(c, &name_path, json_get(container, "name"));
	check_image(container, p, c);
	check_container_ports(json_get(container, "ports"), &ports_path, c);
	check_env(json_get(container, "env"), &env_path, c);
	if (is_init && !str_eq_c(json_get_string(container, "restartPolicy"), "Always")) {
		check_plain_init(container, p, c);
		return;
	}
	check_lifecycle(container, p, grace_s, c);
	for (size_t i = 0; i < ARRAY_LEN(probes); i++)
		check_probe(container, probes[i], p, c);
}

static void check_containers(const struct json *spec, const struct api_path *up,
			     struct api_causes *c)
{
	static const char *const lists[] = {"containers", "initContainers"};
	struct api_path containers = api_path_child(up, "containers");
	int64_t grace_s = json_get_int(spec, "terminationGracePeriodSeconds", 0);
	struct map names = {0};

	if (!api_rules_count(json_get(spec, "containers")))
		api_causes_required(c, &containers, NULL);
	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		struct api_path p = api_path_child(up, lists[k]);
		const struct json *list = json_get(spec, lists[k]);
		size_t i = 0;

		if (!json_is(list, JSON_ARRAY))
			continue;
		json_foreach(it, list) {
			struct api_path at = api_path_at(&p, i++);

			check_container(it, &names, &at, MAX(grace_s, 0), k == 1, c);
		}
	}
	map_fini(&names);
}

static void check_volumes(const struct json *spec, const struct api_path *up, struct api_causes *c)
{
	struct api_path p = api_path_child(up, "volumes");
	const struct json *list = json_get(spec, "volumes");
	struct map names = {0};
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);
		struct api_path name_path = api_path_child(&at, "name");
		struct str name = json_get_string(it, "name");

		if (!name.len)
			api_causes_required(c, &name_path, NULL);
		else
			api_rules_check_name(c, &name_path, name, api_name_dns1123_label);
		if (name.len && api_rules_seen(&names, name))
			api_causes_duplicate(c, &name_path, json_get(it, "name"));
	}
	map_fini(&names);
}

static void check_spec_names(const struct json *spec, const struct api_path *up,
			     struct api_causes *c)
{
	static const struct {
		const char *field;
		void (*check)(struct str s, struct api_problems *ret);
	} names[] = {
		{"nodeName", api_name_dns1123_subdomain},
		{"serviceAccountName", api_name_dns1123_subdomain},
		{"hostname", api_name_dns1123_label},
		{"subdomain", api_name_dns1123_label},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct api_path p = api_path_child(up, names[i].field);
		struct str s = json_get_string(spec, names[i].field);

		if (s.len)
			api_rules_check_name(c, &p, s, names[i].check);
	}
}

void api_rules_pod_spec(const struct json *spec, const struct api_path *up, bool is_create,
			struct api_causes *c)
{
	static const char *const restarts[] = {"Always", "OnFailure", "Never", NULL};
	static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default",
					  "None", NULL};
	struct api_path restart_path = api_path_child(up, "restartPolicy");
	struct api_path dns_path = api_path_child(up, "dnsPolicy");
	struct api_path grace_path = api_path_child(up, "terminationGracePeriodSeconds");
	struct api_path selector_path = api_path_child(up, "nodeSelector");
	int64_t grace = json_get_int(spec, "terminationGracePeriodSeconds", 0);

	check_volumes(spec, up, c);
	check_containers(spec, up, c);
	api_rules_check_labels(c, &selector_path, json_get(spec, "nodeSelector"));
	/* A spec that is missing altogether has got no defaults. */
	if (json_get(spec, "restartPolicy"))
		api_rules_check_one_of(c, &restart_path, json_get_string(spec, "restartPolicy"),
				       restarts);
	if (json_get(spec, "dnsPolicy"))
		api_rules_check_one_of(c, &dns_path, json_get_string(spec, "dnsPolicy"), dns);
	check_spec_names(spec, up, c);
	if (grace < 0 && is_create)
		api_causes_invalid_int(c, &grace_path, grace, "must be greater than or equal to 0");
}

static void check_pod(const struct json *old, const struct json *obj, struct api_causes *c)
{
	api_rules_pod_spec(json_get(obj, "spec"), &spec_path, !old, c);
}

static void copy_member(struct arena *a, struct json *to, const struct json *from, const char *key)
{
	const struct json *n = json_get(from, key);

	json_remove(to, key);
	if (n)
		json_set(to, key, json_clone(a, n));
}

static void copy_images(struct arena *a, struct json *spec, const struct json *old,
			const char *list)
{
	struct json *containers = json_get(spec, list);
	const struct json *before = json_get(old, list);
	const struct json *was = json_is(before, JSON_ARRAY) ? before->first : NULL;

	if (!json_is(containers, JSON_ARRAY))
		return;
	json_foreach(it, containers) {
		if (json_is(it, JSON_OBJECT) && json_is(was, JSON_OBJECT))
			copy_member(a, it, was, "image");
		was = was ? was->next : NULL;
	}
}

/* What a toleration is known by: everything but its seconds. */
static struct str toleration_key(struct buf *b, const struct json *toleration)
{
	static const char *const fields[] = {"key", "operator", "value", "effect"};

	buf_clear(b);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		json_write_string(b, json_get_string(toleration, fields[i]));
	return buf_str(b);
}

static void check_tolerations(const struct json *was, const struct json *is, struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "tolerations");
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct map there = {0};
	bool is_kept = true;

	if (!json_is(was, JSON_ARRAY))
		return;
	if (json_is(is, JSON_ARRAY))
		json_foreach(it, is)
			map_put(&there, toleration_key(&b, it), it);
	for (const struct json *it = was->first; it && is_kept; it = it->next)
		is_kept = map_get(&there, toleration_key(&b, it));
	if (!is_kept)
		api_causes_forbidden(c, &p,
				     "existing toleration can not be modified except its "
				     "tolerationSeconds");
	map_fini(&there);
}

static void check_deadline(const struct json *was, const struct json *is, struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "activeDeadlineSeconds");

	if (json_is_null(is)) {
		if (!json_is_null(was))
			api_causes_invalid_json(
				c, &p, &api_rules_null,
				"must not update from a positive integer to nil value");
		return;
	}
	if (!json_is(is, JSON_INT) || is->integer < 0 || is->integer > INT32_MAX)
		api_causes_invalid_json(c, &p, is, "must be between 0 and 2147483647, inclusive");
	else if (json_is(was, JSON_INT) && was->integer < is->integer)
		api_causes_invalid_json(c, &p, is, "must be less than or equal to previous value");
}

/* Everything in spec but a few fields is for life: put those back and compare. */
static void pod_transition(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *was = json_get(old, "spec"), *is = json_get(obj, "spec");
	struct json *spec;

	if (!json_is(was, JSON_OBJECT) || !json_is(is, JSON_OBJECT))
		return;
	check_deadline(json_get(was, "activeDeadlineSeconds"),
		       json_get(is, "activeDeadlineSeconds"), c);
	check_tolerations(json_get(was, "tolerations"), json_get(is, "tolerations"), c);
	if (json_eq(was, is))
		return;
	spec = json_clone(c->a, is);
	copy_images(c->a, spec, was, "containers");
	copy_images(c->a, spec, was, "initContainers");
	copy_member(c->a, spec, was, "activeDeadlineSeconds");
	copy_member(c->a, spec, was, "tolerations");
	copy_member(c->a, spec, was, "schedulingGates");
	if (json_get_int(was, "terminationGracePeriodSeconds", 0) < 0 &&
	    json_get_int(is, "terminationGracePeriodSeconds", 0) == 1)
		copy_member(c->a, spec, was, "terminationGracePeriodSeconds");
	if (!json_eq(was, spec))
		api_causes_forbidden(
			c, &spec_path,
			"pod updates may not change fields other than "
			"`spec.containers[*].image`,`spec.initContainers[*].image`,"
			"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
			"existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
			"be set to 1 if it was previously negative)");
}

const struct api_rules api_rules_pod = {
	.kind = "Pod",
	.name = api_name_dns1123_subdomain,
	.object = check_pod,
	.transition = pod_transition,
};
