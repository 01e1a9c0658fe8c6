/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments and ReplicaSets. */
#include "api/rules/rules.h"
#include "api/selector.h"

static const struct api_path spec_path = {.name = "spec"};
static const struct api_path status_path = {.name = "status"};

/* Label selectors */

static void check_operator(struct api_causes *c, const struct api_path *p, const struct json *e)
{
	struct api_path values_path = api_path_child(p, "values");
	struct api_path operator_path = api_path_child(p, "operator");
	struct str op = json_get_string(e, "operator");
	size_t n = api_rules_count(json_get(e, "values"));

	if (str_eq_c(op, "In") || str_eq_c(op, "NotIn")) {
		if (!n)
			api_causes_required(c, &values_path,
					    "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eq_c(op, "Exists") || str_eq_c(op, "DoesNotExist")) {
		if (n)
			api_causes_forbidden(c, &values_path,
					     "may not be specified when `operator` is 'Exists' or "
					     "'DoesNotExist'");
	} else {
		api_causes_invalid(c, &operator_path, op, "not a valid selector operator");
	}
}

static void check_expressions(struct api_causes *c, const struct api_path *p,
			      const struct json *list)
{
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(e, list) {
		struct api_path at = api_path_at(p, i++);
		struct api_path key_path = api_path_child(&at, "key");
		struct api_path values_path = api_path_child(&at, "values");
		const struct json *values = json_get(e, "values");
		size_t k = 0;

		check_operator(c, &at, e);
		api_rules_check_name(c, &key_path, json_get_string(e, "key"), api_name_qualified);
		if (!json_is(values, JSON_ARRAY))
			continue;
		json_foreach(v, values) {
			struct api_path value_path = api_path_at(&values_path, k++);

			api_rules_check_name(c, &value_path, json_string(v), api_name_label_value);
		}
	}
}

/* False when it selects nothing that could be compared with a template. */
static bool check_selector(struct api_causes *c, const struct json *selector)
{
	struct api_path p = api_path_child(&spec_path, "selector");
	struct api_path labels_path = api_path_child(&p, "matchLabels");
	struct api_path expressions_path = api_path_child(&p, "matchExpressions");
	const struct json *labels = json_get(selector, "matchLabels");
	const struct json *expressions = json_get(selector, "matchExpressions");
	size_t before = c->n + c->n_dropped;

	if (json_is_null(selector)) {
		api_causes_required(c, &p, NULL);
		return true;
	}
	api_rules_check_labels(c, &labels_path, labels);
	check_expressions(c, &expressions_path, expressions);
	if (c->n + c->n_dropped > before) {
		api_causes_invalid_json(c, &p, selector, "invalid label selector");
		return false;
	}
	if (!(json_is(labels, JSON_OBJECT) && labels->count) && !api_rules_count(expressions))
		api_causes_invalid_json(c, &p, selector,
					"empty selector is invalid for deployment");
	return true;
}

/* Templates */

static bool is_selected(struct api_causes *c, const struct json *selector,
			const struct json *labels)
{
	struct api_label_selector s;

	if (json_is_null(selector))
		return false;
	return api_label_selector_from_json(c->a, selector, &s, NULL) == 0 &&
	       api_label_selector_match_json(&s, labels);
}

static void check_template(struct api_causes *c, const struct json *spec)
{
	static const char *const restarts[] = {"Always", NULL};
	struct api_path p = api_path_child(&spec_path, "template");
	struct api_path meta_path = api_path_child(&p, "metadata");
	struct api_path matched_path = api_path_child(&meta_path, "labels");
	struct api_path labels_path = api_path_child(&p, "labels"); /* Kubernetes says so */
	struct api_path annotations_path = api_path_child(&p, "annotations");
	struct api_path pod_path = api_path_child(&p, "spec");
	struct api_path ephemeral_path = api_path_child(&pod_path, "ephemeralContainers");
	struct api_path restart_path = api_path_child(&pod_path, "restartPolicy");
	struct api_path deadline_path = api_path_child(&pod_path, "activeDeadlineSeconds");
	const struct json *meta = json_path(spec, "template.metadata");
	const struct json *pod = json_path(spec, "template.spec");
	const struct json *labels = json_get(meta, "labels");
	struct str restart = json_get_string(pod, "restartPolicy");

	if (!is_selected(c, json_get(spec, "selector"), labels))
		api_causes_invalid_json(c, &matched_path, api_rules_or_null(labels),
					"`selector` does not match template `labels`");
	api_rules_check_labels(c, &labels_path, labels);
	api_rules_check_annotations(c, &annotations_path, json_get(meta, "annotations"));
	api_rules_pod_spec(pod, &pod_path, true, c);
	if (api_rules_count(json_get(pod, "ephemeralContainers")))
		api_causes_forbidden(c, &ephemeral_path,
				     "ephemeral containers not allowed in pod template");
	if (restart.len && !str_eq_c(restart, "Always"))
		api_causes_not_supported(c, &restart_path, restart, restarts);
	if (!json_is_null(json_get(pod, "activeDeadlineSeconds")))
		api_causes_forbidden(c, &deadline_path,
				     "activeDeadlineSeconds in ReplicaSet is not Supported");
}

/* Strategies */

static bool is_percent(struct str s)
{
	if (s.len < 2 || s.ptr[s.len - 1] != '%')
		return false;
	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
	return true;
}

static void check_amount(struct api_causes *c, const struct api_path *p, const struct json *v)
{
	if (json_is(v, JSON_STRING)) {
		if (!is_percent(v->string))
			api_causes_invalid(c, p, v->string,
					   "a valid percent string must be a numeric string "
					   "followed by an ending '%' (e.g. '1%',  or '93%', regex "
					   "used for validation is '[0-9]+%')");
	} else if (json_is(v, JSON_INT) && v->integer < 0) {
		api_causes_invalid_int(c, p, v->integer, "must be greater than or equal to 0");
	}
}

/* Of a number or a percentage; -1: neither. */
static int64_t amount(const struct json *v)
{
	uint64_t n;

	if (json_is(v, JSON_INT))
		return v->integer;
	if (!json_is(v, JSON_STRING))
		return 0;
	if (!is_percent(v->string) ||
	    str_to_u64(str_sub(v->string, 0, v->string.len - 1), 0, INT32_MAX, &n, NULL) < 0)
		return -1;
	return (int64_t)n;
}

static void check_rolling_update(struct api_causes *c, const struct api_path *p,
				 const struct json *r)
{
	struct api_path unavailable_path = api_path_child(p, "maxUnavailable");
	struct api_path surge_path = api_path_child(p, "maxSurge");
	const struct json *unavailable = json_get(r, "maxUnavailable");
	const struct json *surge = json_get(r, "maxSurge");

	check_amount(c, &unavailable_path, unavailable);
	check_amount(c, &surge_path, surge);
	if (amount(unavailable) == 0 && amount(surge) == 0)
		api_causes_invalid_json(c, &unavailable_path, unavailable,
					"may not be 0 when `maxSurge` is 0");
	if (json_is(unavailable, JSON_STRING) && amount(unavailable) > 100)
		api_causes_invalid_json(c, &unavailable_path, unavailable,
					"must not be greater than 100%");
}

/* The value in this message is the struct of Kubernetes' own program, so its names are too. */
static struct str strategy_text(struct arena *a, const struct json *strategy)
{
	const struct json *r = json_get(strategy, "rollingUpdate");
	struct json zero = {.type = JSON_INT};
	struct buf b = BUF_INIT;
	struct str ret;

	buf_add_c(&b, "{\"Type\":");
	json_write_string(&b, json_get_string(strategy, "type"));
	buf_add_c(&b, ",\"RollingUpdate\":");
	if (json_is_null(r)) {
		buf_add_c(&b, "null}");
	} else {
		const struct json *unavailable = json_get(r, "maxUnavailable");
		const struct json *surge = json_get(r, "maxSurge");

		buf_add_c(&b, "{\"MaxUnavailable\":");
		json_write(&b, unavailable ? unavailable : &zero);
		buf_add_c(&b, ",\"MaxSurge\":");
		json_write(&b, surge ? surge : &zero);
		buf_add_c(&b, "}}");
	}
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void check_strategy(struct api_causes *c, const struct json *strategy)
{
	static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
	struct api_path p = api_path_child(&spec_path, "strategy");
	struct api_path rolling_path = api_path_child(&p, "rollingUpdate");
	const struct json *rolling = json_get(strategy, "rollingUpdate");
	struct str type = json_get_string(strategy, "type");

	if (str_eq_c(type, "Recreate")) {
		if (!json_is_null(rolling))
			api_causes_forbidden(
				c, &rolling_path,
				"may not be specified when strategy `type` is 'Recreate'");
	} else if (str_eq_c(type, "RollingUpdate")) {
		if (json_is_null(rolling))
			api_causes_required(c, &rolling_path,
					    "this should be defaulted and never be nil");
		else
			check_rolling_update(c, &rolling_path, rolling);
	} else {
		api_causes_not_supported_text(c, &p, strategy_text(c->a, strategy), types);
	}
}

/* The kinds */

static void check_immutable_selector(const struct json *old, const struct json *obj,
				     struct api_causes *c)
{
	struct api_path p = api_path_child(&spec_path, "selector");
	const struct json *was = json_path(old, "spec.selector");
	const struct json *is = json_path(obj, "spec.selector");

	if (old && !api_rules_same(was, is))
		api_causes_invalid_json(c, &p, api_rules_or_null(is), "field is immutable");
}

static void check_deployment(const struct json *old, const struct json *obj, struct api_causes *c)
{
	struct api_path deadline_path = api_path_child(&spec_path, "progressDeadlineSeconds");
	const struct json *spec = json_get(obj, "spec");
	const struct json *deadline = json_get(spec, "progressDeadlineSeconds");

	api_rules_check_not_negative(c, &spec_path, "replicas", spec);
	if (check_selector(c, json_get(spec, "selector")))
		check_template(c, spec);
	check_strategy(c, json_get(spec, "strategy"));
	api_rules_check_not_negative(c, &spec_path, "minReadySeconds", spec);
	api_rules_check_not_negative(c, &spec_path, "revisionHistoryLimit", spec);
	api_rules_check_not_negative(c, &spec_path, "progressDeadlineSeconds", spec);
	if (json_is(deadline, JSON_INT) &&
	    deadline->integer <= json_get_int(spec, "minReadySeconds", 0))
		api_causes_invalid_int(c, &deadline_path, deadline->integer,
				       "must be greater than minReadySeconds");
	check_immutable_selector(old, obj, c);
}

static void check_replica_set(const struct json *old, const struct json *obj, struct api_causes *c)
{
	const struct json *spec = json_get(obj, "spec");

	api_rules_check_not_negative(c, &spec_path, "replicas", spec);
	api_rules_check_not_negative(c, &spec_path, "minReadySeconds", spec);
	if (check_selector(c, json_get(spec, "selector")))
		check_template(c, spec);
	check_immutable_selector(old, obj, c);
}

static void check_at_most(struct api_causes *c, const struct json *status, const char *name,
			  const char *limit, const char *why)
{
	struct api_path p = api_path_child(&status_path, name);
	int64_t v = json_get_int(status, name, 0);

	if (v > json_get_int(status, limit, 0))
		api_causes_invalid_int(c, &p, v, why);
}

static void check_counts(struct api_causes *c, const struct json *status, const char *part)
{
	check_at_most(c, status, part, "replicas", "cannot be greater than status.replicas");
	check_at_most(c, status, "readyReplicas", "replicas",
		      "cannot be greater than status.replicas");
	check_at_most(c, status, "availableReplicas", "replicas",
		      "cannot be greater than status.replicas");
	check_at_most(c, status, "availableReplicas", "readyReplicas",
		      "cannot be greater than readyReplicas");
}

static void deployment_status(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const numbers[] = {"observedGeneration",  "replicas",
					      "updatedReplicas",     "readyReplicas",
					      "availableReplicas",   "unavailableReplicas",
					      "terminatingReplicas", "collisionCount"};
	struct api_path collisions_path = api_path_child(&status_path, "collisionCount");
	const struct json *status = json_get(obj, "status");
	const struct json *was = json_path(old, "status.collisionCount");
	int64_t is = json_get_int(status, "collisionCount", 0);

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		api_rules_check_not_negative(c, &status_path, numbers[i], status);
	check_counts(c, status, "updatedReplicas");
	if (json_is(was, JSON_INT) && is < was->integer)
		api_causes_invalid_int(c, &collisions_path, is, "cannot be decremented");
}

static void replica_set_status(const struct json *old, const struct json *obj, struct api_causes *c)
{
	static const char *const numbers[] = {"replicas",           "fullyLabeledReplicas",
					      "readyReplicas",      "availableReplicas",
					      "observedGeneration", "terminatingReplicas"};
	const struct json *status = json_get(obj, "status");

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		api_rules_check_not_negative(c, &status_path, numbers[i], status);
	check_counts(c, status, "fullyLabeledReplicas");
}

const struct api_rules api_rules_deployment = {
	.kind = "Deployment",
	.name = api_name_dns1123_subdomain,
	.object = check_deployment,
	.status = deployment_status,
	.warn = api_rules_warn_workload,
};

const struct api_rules api_rules_replica_set = {
	.kind = "ReplicaSet",
	.name = api_name_dns1123_subdomain,
	.object = check_replica_set,
	.status = replica_set_status,
	.warn = api_rules_warn_workload,
};
