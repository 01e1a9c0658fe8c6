/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/pod_account.h"
#include "apiserver/write/strategy.h"

enum {
	POD_GRACE_S = 30,      /* terminationGracePeriodSeconds that a Pod does not name */
	POD_GRACE_LEAST_S = 1, /* … or that is negative */
};

static void init(struct op *op, struct json *obj)
{
	struct arena *a = &op->arena;
	struct json *status = json_get(obj, "status");

	json_set(status, "phase", json_new_string(a, STR("Pending")));
	json_set(status, "qosClass", json_new_string(a, STR("BestEffort")));
}

/* One that runs on a node is stopped by the node's agent first. */
static int64_t grace_s(const struct json *obj, int64_t asked_s)
{
	const struct json *spec = json_get(obj, "spec");
	struct str phase = json_get_string(json_get(obj, "status"), "phase");

	if (!json_get_string(spec, "nodeName").len || str_eq_c(phase, "Succeeded") ||
	    str_eq_c(phase, "Failed"))
		return 0;
	if (asked_s >= 0)
		return asked_s;
	asked_s = json_get_int(spec, "terminationGracePeriodSeconds", POD_GRACE_S);
	return asked_s < 0 ? POD_GRACE_LEAST_S : asked_s;
}

/* What is less than nothing is the least that is not "at once". */
static void refine(struct op *op, const struct json *old, struct json *obj)
{
	struct json *spec = json_get(obj, "spec");

	if (json_get_int(spec, "terminationGracePeriodSeconds", 0) < 0)
		json_set(spec, "terminationGracePeriodSeconds",
			 json_new_int(&op->arena, POD_GRACE_LEAST_S));
}

const struct strategy pod_strategy = {
	.kind = "Pod",
	.init = init,
	.refine = refine,
	.plan = pod_account_admit,
	.grace_s = grace_s,
	.answers_object = true,
};
