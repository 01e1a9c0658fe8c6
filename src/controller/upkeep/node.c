/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep/node.h"

enum controller_health controller_node_health(const struct api_node *node, bool is_silent)
{
	const struct api_condition *ready =
		api_condition_find(node->conditions, node->n_conditions, "Ready");
	bool is_unknown = ready && str_eq_c(ready->status, "Unknown");

	if (is_silent)
		return is_unknown ? CONTROLLER_HEALTH_KEEP : CONTROLLER_HEALTH_LOST;
	return is_unknown && str_eq_c(ready->reason, NODE_LOST_REASON) ? CONTROLLER_HEALTH_BACK
								       : CONTROLLER_HEALTH_KEEP;
}

static bool containers_are_ready(const struct api_pod *pod)
{
	const struct api_condition *c =
		api_condition_find(pod->conditions, pod->n_conditions, "ContainersReady");

	if (c)
		return str_eq_c(c->status, "True");
	for (size_t i = 0; i < pod->n_statuses; i++)
		if (!pod->statuses[i].ready)
			return false;
	return pod->n_statuses > 0;
}

enum controller_health controller_pod_health(const struct api_pod *pod, bool is_silent)
{
	const struct api_condition *ready =
		api_condition_find(pod->conditions, pod->n_conditions, "Ready");

	if (is_silent)
		return pod->is_ready ? CONTROLLER_HEALTH_LOST : CONTROLLER_HEALTH_KEEP;
	if (ready && !pod->is_ready && str_eq_c(ready->reason, POD_LOST_REASON) &&
	    containers_are_ready(pod))
		return CONTROLLER_HEALTH_BACK;
	return CONTROLLER_HEALTH_KEEP;
}

int64_t controller_pulse_silence_ms(struct controller_pulse *p, const struct api_lease *lease,
				    int64_t now_ms)
{
	if (!p->seen_ms || p->renewed_ns != lease->renewed_ns) {
		p->renewed_ns = lease->renewed_ns;
		p->seen_ms = now_ms;
	}
	return now_ms - p->seen_ms;
}
