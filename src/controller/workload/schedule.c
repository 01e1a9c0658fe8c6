/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/schedule.h"

#include "base/buf.h"

static bool tolerates(const struct api_pod *pod, const struct api_taint *taint)
{
	for (size_t i = 0; i < pod->n_tolerations; i++) {
		const struct api_toleration *t = &pod->tolerations[i];
		bool any_value = str_eq_c(t->op, "Exists");

		if ((!t->key.len ? any_value : str_eq(t->key, taint->key)) &&
		    (any_value || str_eq(t->value, taint->value)) &&
		    (!t->effect.len || str_eq(t->effect, taint->effect)))
			return true;
	}
	return false;
}

/* What Kubernetes' node controller would put on the node as a taint. */
static bool tolerates_state(const struct api_pod *pod, const char *key)
{
	const struct api_taint taint = {.key = str_of(key), .effect = STR("NoSchedule")};

	return tolerates(pod, &taint);
}

enum controller_fit controller_node_fit(const struct api_node *node, const struct api_pod *pod)
{
	const struct api_condition *ready =
		api_condition_find(node->conditions, node->n_conditions, "Ready");

	if (node->meta.deleted_ns || ((!ready || !str_eq_c(ready->status, "True")) &&
				      !tolerates_state(pod, "node.kubernetes.io/not-ready")))
		return CONTROLLER_NOT_READY;
	if (node->is_unschedulable && !tolerates_state(pod, "node.kubernetes.io/unschedulable"))
		return CONTROLLER_CORDONED;
	for (size_t i = 0; i < node->n_taints; i++)
		if (!str_eq_c(node->taints[i].effect, "PreferNoSchedule") &&
		    !tolerates(pod, &node->taints[i]))
			return CONTROLLER_TAINTED;
	if (!api_pairs_match(&pod->node_selector, &node->meta.labels))
		return CONTROLLER_NOT_SELECTED;
	return CONTROLLER_FITS;
}

bool controller_pod_is_waiting(const struct api_pod *pod)
{
	return !pod->node_name.len && !pod->meta.deleted_ns && !str_eq_c(pod->phase, "Failed") &&
	       !str_eq_c(pod->phase, "Succeeded");
}

static bool is_better(const struct controller_seat *x, const struct controller_seat *y)
{
	if (x->n_siblings != y->n_siblings)
		return x->n_siblings < y->n_siblings;
	if (x->n_pods != y->n_pods)
		return x->n_pods < y->n_pods;
	return str_cmp(x->node->meta.name, y->node->meta.name) < 0;
}

const struct api_node *controller_schedule(const struct api_pod *pod,
					   const struct controller_seat *seats, size_t n,
					   size_t ret_unfit[CONTROLLER_N_FITS])
{
	const struct controller_seat *best = NULL;

	for (size_t i = 0; i < CONTROLLER_N_FITS; i++)
		ret_unfit[i] = 0;
	for (size_t i = 0; i < n; i++) {
		enum controller_fit fit = controller_node_fit(seats[i].node, pod);

		ret_unfit[fit]++;
		if (fit == CONTROLLER_FITS && (!best || is_better(&seats[i], best)))
			best = &seats[i];
	}
	return best ? best->node : NULL;
}

struct str controller_unfit_text(struct arena *a, const size_t unfit[CONTROLLER_N_FITS], size_t n)
{
	static const char *const why[CONTROLLER_N_FITS] = {
		[CONTROLLER_NOT_READY] = "were not ready",
		[CONTROLLER_CORDONED] = "were unschedulable",
		[CONTROLLER_TAINTED] = "had untolerated taint(s)",
		[CONTROLLER_NOT_SELECTED] = "didn't match Pod's node affinity/selector",
	};
	struct buf b = BUF_INIT;
	struct str ret;

	if (!n)
		return STR("no nodes available to schedule pods");
	buf_printf(&b, "0/%zu nodes are available:", n);
	for (size_t i = 0; i < CONTROLLER_N_FITS; i++)
		if (why[i] && unfit[i])
			buf_printf(&b, "%s %zu node(s) %s", b.ptr[b.len - 1] == ':' ? "" : ",",
				   unfit[i], why[i]);
	buf_add_byte(&b, '.');
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}
