/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/schedule.h"

bool controller_node_is_schedulable(const struct api_node *node)
{
	const struct api_condition *ready =
		api_condition_find(node->conditions, node->n_conditions, "Ready");

	if (!ready || !str_eq_c(ready->status, "True") || node->is_unschedulable ||
	    node->meta.deleted_ns)
		return false;
	for (size_t i = 0; i < node->n_taints; i++)
		if (!str_eq_c(node->taints[i].effect, "PreferNoSchedule"))
			return false;
	return true;
}

bool controller_pod_is_waiting(const struct api_pod *pod)
{
	return !pod->node_name.len && !pod->meta.deleted_ns && !str_eq_c(pod->phase, "Failed") &&
	       !str_eq_c(pod->phase, "Succeeded");
}

const struct api_node *controller_schedule(const struct controller_seat *seats, size_t n)
{
	const struct controller_seat *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct controller_seat *s = &seats[i];

		if (!controller_node_is_schedulable(s->node))
			continue;
		if (!best || s->n_pods < best->n_pods ||
		    (s->n_pods == best->n_pods &&
		     str_cmp(s->node->meta.name, best->node->meta.name) < 0))
			best = s;
	}
	return best ? best->node : NULL;
}
