/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"

static struct str text_of(struct arena *a, const struct json *n)
{
	struct buf b = BUF_INIT;
	struct str ret;

	if (json_is_null(n))
		return (struct str){0};
	json_write(&b, n);
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

#define F(name, kind, member) VIEW(name, kind, struct api_replica_set, member)
static const struct view_field set_meta_fields[] = {
	F("labels", VIEW_PAIRS, template_labels),
};
static const struct view_type set_meta_type = {VIEW_FIELDS(set_meta_fields)};
static const struct view_field set_template_fields[] = {
	VIEW_INTO("metadata", set_meta_type),
};
static const struct view_type set_template_type = {VIEW_FIELDS(set_template_fields)};
static const struct view_field set_spec_fields[] = {
	F("replicas", VIEW_INT32, replicas),
	F("minReadySeconds", VIEW_INT32, min_ready_s),
	VIEW_INTO("template", set_template_type),
};
static const struct view_type set_spec_type = {VIEW_FIELDS(set_spec_fields)};
static const struct view_field set_status_fields[] = {
	F("observedGeneration", VIEW_INT64, observed_generation),
	F("replicas", VIEW_INT32, n_pods),
	F("fullyLabeledReplicas", VIEW_INT32, n_fully_labeled),
	F("readyReplicas", VIEW_INT32, n_ready),
	F("availableReplicas", VIEW_INT32, n_available),
	F("terminatingReplicas", VIEW_INT32, n_terminating),
	VIEW_LIST_OF("conditions", struct api_replica_set, conditions, n_conditions,
		     api_view_condition),
};
#undef F
static const struct view_type set_status_type = {VIEW_FIELDS(set_status_fields)};
static const struct view_field set_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", set_spec_type),
	VIEW_INTO("status", set_status_type),
};
static const struct view_type set_type = {VIEW_FIELDS(set_fields)};

int api_replica_set_decode(struct arena *a, const struct json *obj, struct api_replica_set *ret,
			   struct err *err)
{
	struct api_replica_set set = {.replicas = 1};
	int r = api_view_decode(a, &set_type, obj, &set, err);

	if (r < 0)
		return r;
	set.selector = text_of(a, json_path(obj, "spec.selector"));
	set.template = text_of(a, json_path(obj, "spec.template"));
	*ret = set;
	return 0;
}

#define F(name, kind, member) VIEW(name, kind, struct api_deployment, member)
static const struct view_field rolling_fields[] = {
	F("maxSurge", VIEW_INT_OR_STR, max_surge),
	F("maxUnavailable", VIEW_INT_OR_STR, max_unavailable),
};
static const struct view_type rolling_type = {VIEW_FIELDS(rolling_fields)};
static const struct view_field strategy_fields[] = {
	VIEW_INTO("rollingUpdate", rolling_type),
};
static const struct view_type strategy_type = {VIEW_FIELDS(strategy_fields)};
static const struct view_field deployment_spec_fields[] = {
	F("replicas", VIEW_INT32, replicas),
	F("minReadySeconds", VIEW_INT32, min_ready_s),
	F("revisionHistoryLimit", VIEW_INT32, history_limit),
	F("progressDeadlineSeconds", VIEW_INT32, deadline_s),
	F("paused", VIEW_BOOL, is_paused),
	VIEW_INTO("strategy", strategy_type),
};
static const struct view_type deployment_spec_type = {VIEW_FIELDS(deployment_spec_fields)};
static const struct view_field deployment_status_fields[] = {
	F("observedGeneration", VIEW_INT64, observed_generation),
	F("replicas", VIEW_INT32, n_pods),
	F("updatedReplicas", VIEW_INT32, n_updated),
	F("readyReplicas", VIEW_INT32, n_ready),
	F("availableReplicas", VIEW_INT32, n_available),
	F("unavailableReplicas", VIEW_INT32, n_unavailable),
	F("terminatingReplicas", VIEW_INT32, n_terminating),
	F("collisionCount", VIEW_INT32, collisions),
	VIEW_LIST_OF("conditions", struct api_deployment, conditions, n_conditions,
		     api_view_condition),
};
#undef F
static const struct view_type deployment_status_type = {VIEW_FIELDS(deployment_status_fields)};
static const struct view_field deployment_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", deployment_spec_type),
	VIEW_INTO("status", deployment_status_type),
};
static const struct view_type deployment_type = {VIEW_FIELDS(deployment_fields)};

/* The defaults are those that the API server writes into what it stores. */
int api_deployment_decode(struct arena *a, const struct json *obj, struct api_deployment *ret,
			  struct err *err)
{
	struct api_deployment d = {.replicas = 1, .history_limit = 10, .deadline_s = 600};
	int r = api_view_decode(a, &deployment_type, obj, &d, err);

	if (r < 0)
		return r;
	d.is_recreate = str_eq_c(json_string(json_path(obj, "spec.strategy.type")), "Recreate");
	d.selector = text_of(a, json_path(obj, "spec.selector"));
	d.template = text_of(a, json_path(obj, "spec.template"));
	*ret = d;
	return 0;
}
