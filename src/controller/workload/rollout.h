/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of the Deployment controller: the next step from the ReplicaSets that there are to
 * the Pods that are wanted.
 *
 * A Deployment owns a ReplicaSet for each template that it has had. The one whose template is the
 * present one is the new set, the others are old. A step scales sets, makes the new set, and drops
 * old ones beyond the history; the next step follows when the cache has seen the last one's writes.
 * RollingUpdate keeps the sum of Pods at or below replicas + maxSurge and those that are available
 * at or above replicas - maxUnavailable: the new set grows as far as the first allows, then old
 * sets shrink as far as the second does, Pods that are not available first. Recreate ends all old
 * Pods before the first new one. A paused Deployment is only scaled; a Deployment whose size
 * changes in the middle of a rollout has the change spread over its sets by their size.
 *
 * What a set was scaled for is in its annotations (desired-replicas, max-replicas), and which of
 * the templates it is in its revision; kubectl reads these too.
 */

#include "api/types.h"

#define ROLLOUT_HASH_LABEL "pod-template-hash"
#define ROLLOUT_REVISION   "deployment.kubernetes.io/revision"
#define ROLLOUT_HISTORY    "deployment.kubernetes.io/revision-history"
#define ROLLOUT_DESIRED    "deployment.kubernetes.io/desired-replicas"
#define ROLLOUT_MAX        "deployment.kubernetes.io/max-replicas"

enum {
	ROLLOUT_CONDITIONS_MAX = 16, /* further ones of other writers are dropped */
};

struct controller_rollout_input {
	const struct api_deployment *deployment;
	const struct api_replica_set *const *sets; /* its own */
	const size_t *n_live; /* of sets[i]: Pods that have not ended, those being deleted too */
	size_t n_sets;
	int64_t now_ns;
};

struct controller_rollout_scale {
	const struct api_replica_set *set;
	int32_t replicas;
};

struct controller_rollout_status {
	int32_t pods, updated, ready, available, unavailable, terminating, collisions;
	struct api_condition conditions[ROLLOUT_CONDITIONS_MAX];
	size_t n_conditions;
};

struct controller_rollout_plan {
	const struct api_replica_set *new_set; /* NULL: there is none yet */
	bool makes_set;                        /* with this name and size */
	struct str name, hash;
	int64_t revision;                       /* of the new set; 0: there is none */
	struct controller_rollout_scale *scale; /* which may differ from what the set has or not */
	size_t n_scale;
	const struct api_replica_set **forget;
	size_t n_forget;
	int32_t make_replicas;
	int32_t desired, max; /* for the annotations of what is made or scaled */
	struct controller_rollout_status status;
	int64_t again_ns; /* when the deadline of progress passes; 0: none */
};

void controller_rollout_plan(struct arena *a, const struct controller_rollout_input *in,
			     struct controller_rollout_plan *ret);
/* Equal but for the hash label. */
bool controller_template_eq(struct str x, struct str y);
/* Eight or so characters for a template, other ones when `collisions` differs. */
struct str controller_template_hash(struct arena *a, struct str template, int32_t collisions);
/* maxSurge rounded up and maxUnavailable rounded down; never both 0. */
void controller_rollout_bounds(const struct api_deployment *d, int32_t *ret_surge,
			       int32_t *ret_unavailable);
/* The number in an annotation; `fallback` when there is none. */
int64_t controller_annotation_int(const struct api_meta *meta, const char *key, int64_t fallback);

/* rollout_status.c: counts and conditions of ret->status, and ret->again_ns. */
void controller_rollout_tell(struct arena *a, const struct controller_rollout_input *in,
			     struct controller_rollout_plan *ret);
