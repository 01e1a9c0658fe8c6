/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of the ReplicaSet controller: what to do about the Pods of one ReplicaSet.
 *
 * A Pod belongs to the ReplicaSet that its controlling owner reference names by uid. Pods without
 * such an owner that the selector matches are adopted; own Pods that it does not match any more are
 * released. Of those that are active (not finished, not being deleted) there shall be
 * spec.replicas: missing ones are made, spare ones are deleted, the least useful first. Nothing is
 * made or deleted for a ReplicaSet that is being deleted itself.
 */

#include "api/types.h"

enum {
	CONTROLLER_REPLICAS_BURST = 500, /* Pods made or deleted in one go */
};

struct controller_replicas_input {
	const struct api_replica_set *set;
	const struct api_pod *const *pods; /* its own, and those of nobody, of its namespace */
	size_t n_pods;
	/* Whether the selector matches pods[i]. */
	const bool *is_selected;
	/* uids of Pods that were deleted already, though the cache still has them. */
	bool (*is_deleted)(const void *ctx, struct str uid);
	const void *ctx;
	int64_t now_ns;
};

struct controller_replicas_counts {
	int32_t pods, fully_labeled, ready, available, terminating;
};

struct controller_replicas_plan {
	const struct api_pod **adopt, **release, **kill; /* kill: in the order of their rank */
	size_t n_adopt, n_release, n_kill;
	size_t n_make;
	struct controller_replicas_counts counts;
	int64_t again_ns; /* when a Pod becomes available by being ready for long enough; 0: none */
};

void controller_replicas_plan(struct arena *a, const struct controller_replicas_input *in,
			      struct controller_replicas_plan *ret);
/* Not finished and not being deleted. */
bool controller_pod_is_active(const struct api_pod *pod);
/* The owner that controls it; NULL: none. */
const struct api_owner *controller_owner(const struct api_meta *meta);
/* Whether the first of two Pods is the one to delete: < 0, 0, > 0. `*_crowd`: how many of the Pods
 * in question are on the same node. */
int controller_pod_rank(const struct api_pod *x, size_t x_crowd, const struct api_pod *y,
			size_t y_crowd);
