/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the drivers of ReplicaSets and Deployments share: finding what belongs to an owner, taking
 * it over and letting it go, and the trees that they write. This room only.
 */

#include "controller/frame/writes.h"

/* Emits the uid of the controlling owner; without one "/NAMESPACE". For Pods and ReplicaSets. */
void controller_owner_keys(const struct client_object *o, client_emit_fn emit, void *ctx);
/* Once, when there are reflectors. */
void controller_workload_index(struct controllers *c);

/* The objects of that namespace that `owner` controls, and those that nobody does, by name.
 * is_selected[i]: whether the selector (JSON text) matches. In the arena; borrowed. */
struct controller_family {
	const struct api_meta **members; /* each the first member of its view */
	bool *is_selected;
	size_t n;
};
void controller_family(struct arena *a, struct client_reflector *cache,
		       const struct api_meta *owner, struct str selector,
		       struct controller_family *ret);

/* What a change of one means for the others. Either object may be NULL. */
void controller_workload_pod(struct controllers *c, struct client_object *before,
			     struct client_object *after);
void controller_workload_set(struct controllers *c, struct client_object *before,
			     struct client_object *after);
void controller_workload_deployment(struct controllers *c, struct client_object *before,
				    struct client_object *after);

/* Writes that change who controls an object of the run's kind. */
void controller_adopt(struct arena *a, struct controller_writes *w,
		      const struct api_kind *owner_kind, const struct api_meta *owner,
		      const struct api_meta *member);
void controller_release(struct arena *a, struct controller_writes *w, const struct api_meta *owner,
			const struct api_meta *member);
/* [{…controller: true, blockOwnerDeletion: true}] */
struct json *controller_owner_refs(struct arena *a, const struct api_kind *owner_kind,
				   const struct api_meta *owner);

struct json *controller_conditions_json(struct arena *a, const struct api_condition *c, size_t n);
bool controller_conditions_eq(const struct api_condition *x, size_t n_x,
			      const struct api_condition *y, size_t n_y);
/* `count` members in one go; a name and its number each. */
struct controller_number {
	const char *name;
	int64_t value;
};
void controller_set_numbers(struct arena *a, struct json *obj, const struct controller_number *list,
			    size_t n);
/* {"metadata":{"annotations":{…}}}: the object to put annotations into. */
struct json *controller_annotations_at(struct arena *a, struct json *obj);
