/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/replicas.h"

#include <stdlib.h>

#define DELETION_COST "controller.kubernetes.io/pod-deletion-cost"

bool controller_pod_is_active(const struct api_pod *pod)
{
	return !pod->meta.deleted_ns && !str_eq_c(pod->phase, "Succeeded") &&
	       !str_eq_c(pod->phase, "Failed");
}

const struct api_owner *controller_owner(const struct api_meta *meta)
{
	for (size_t i = 0; i < meta->n_owners; i++)
		if (meta->owners[i].is_controller)
			return &meta->owners[i];
	return NULL;
}

/* Ranking */

static int phase_rank(const struct api_pod *pod)
{
	return str_eq_c(pod->phase, "Running") ? 2 : str_eq_c(pod->phase, "Unknown") ? 1 : 0;
}

static int64_t cost(const struct api_pod *pod)
{
	int64_t v = 0;

	if (str_to_i64(api_pairs_get(&pod->meta.annotations, DELETION_COST), INT32_MIN, INT32_MAX,
		       &v, NULL) < 0)
		return 0;
	return v;
}

static int64_t restarts(const struct api_pod *pod)
{
	int64_t most = 0;

	for (size_t i = 0; i < pod->n_statuses; i++)
		most = MAX(most, (int64_t)pod->statuses[i].restart_count);
	return most;
}

/* < 0: x comes first. */
static int less(int64_t x, int64_t y)
{
	return (x > y) - (x < y);
}

int controller_pod_rank(const struct api_pod *x, size_t x_crowd, const struct api_pod *y,
			size_t y_crowd)
{
	int r = less(x->node_name.len > 0, y->node_name.len > 0);

	if (!r)
		r = less(phase_rank(x), phase_rank(y));
	if (!r)
		r = less(x->is_ready, y->is_ready);
	if (!r)
		r = less(cost(x), cost(y));
	if (!r)
		r = less((int64_t)y_crowd, (int64_t)x_crowd);
	if (!r && x->is_ready)
		r = less(y->ready_transition_ns, x->ready_transition_ns);
	if (!r)
		r = less(restarts(y), restarts(x));
	if (!r)
		r = less(y->meta.created_ns, x->meta.created_ns);
	return r ? r : str_cmp(x->meta.name, y->meta.name);
}

struct ranked {
	const struct api_pod *pod;
	size_t crowd;
};

static int ranked_order(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	return controller_pod_rank(a->pod, a->crowd, b->pod, b->crowd);
}

static int by_node(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	return str_cmp(a->pod->node_name, b->pod->node_name);
}

/* The n that are deleted first. */
static void pick(struct arena *a, const struct api_pod *const *active, size_t n_active, size_t n,
		 struct controller_replicas_plan *ret)
{
	struct ranked *ranked = arena_array(a, n_active, sizeof(*ranked));

	for (size_t i = 0; i < n_active; i++)
		ranked[i].pod = active[i];
	if (n_active > 1)
		qsort(ranked, n_active, sizeof(*ranked), by_node);
	for (size_t i = 0, end; i < n_active; i = end) {
		for (end = i + 1; end < n_active && by_node(&ranked[i], &ranked[end]) == 0;)
			end++;
		for (size_t k = i; k < end; k++)
			ranked[k].crowd = end - i;
	}
	if (n_active > 1)
		qsort(ranked, n_active, sizeof(*ranked), ranked_order);
	ret->kill = arena_array(a, n, sizeof(*ret->kill));
	ret->n_kill = n;
	for (size_t i = 0; i < n; i++)
		ret->kill[i] = ranked[i].pod;
}

/* Counting */

static void count_pod(const struct controller_replicas_input *in, const struct api_pod *pod,
		      struct controller_replicas_plan *ret)
{
	int64_t from = pod->ready_transition_ns + (int64_t)in->set->min_ready_s * 1000000000;

	ret->counts.pods++;
	if (api_pairs_match(&in->set->template_labels, &pod->meta.labels))
		ret->counts.fully_labeled++;
	if (!pod->is_ready)
		return;
	ret->counts.ready++;
	if (!in->set->min_ready_s || from <= in->now_ns)
		ret->counts.available++;
	else if (!ret->again_ns || from < ret->again_ns)
		ret->again_ns = from;
}

static bool is_own(const struct api_replica_set *set, const struct api_pod *pod)
{
	const struct api_owner *owner = controller_owner(&pod->meta);

	return owner && str_eq(owner->uid, set->meta.uid);
}

void controller_replicas_plan(struct arena *a, const struct controller_replicas_input *in,
			      struct controller_replicas_plan *ret)
{
	const struct api_pod **active = arena_array(a, in->n_pods, sizeof(*active));
	bool is_ending = in->set->meta.deleted_ns != 0;
	size_t n = 0, wanted = (size_t)MAX(in->set->replicas, 0);

	*ret = (struct controller_replicas_plan){
		.adopt = arena_array(a, in->n_pods, sizeof(*active)),
		.release = arena_array(a, in->n_pods, sizeof(*active)),
	};
	for (size_t i = 0; i < in->n_pods; i++) {
		const struct api_pod *pod = in->pods[i];
		bool own = is_own(in->set, pod);

		if (own && !in->is_selected[i]) {
			if (!pod->meta.deleted_ns && !is_ending)
				ret->release[ret->n_release++] = pod;
			continue;
		}
		if (!in->is_selected[i])
			continue;
		if (!own && (is_ending || !controller_pod_is_active(pod)))
			continue;
		if (!own)
			ret->adopt[ret->n_adopt++] = pod;
		if (pod->meta.deleted_ns ||
		    (in->is_deleted && in->is_deleted(in->ctx, pod->meta.uid)))
			ret->counts.terminating++;
		else if (controller_pod_is_active(pod))
			active[n++] = pod;
	}
	for (size_t i = 0; i < n; i++)
		count_pod(in, active[i], ret);
	if (is_ending)
		return;
	if (n < wanted)
		ret->n_make = MIN(wanted - n, (size_t)CONTROLLER_REPLICAS_BURST);
	if (n > wanted)
		pick(a, active, n, MIN(n - wanted, (size_t)CONTROLLER_REPLICAS_BURST), ret);
}
