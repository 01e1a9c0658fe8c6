/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/workload/workload.h"

#include "api/selector.h"
#include "base/clock.h"
#include "base/vec.h"
#include "controller/workload/drivers.h"
#include "controller/workload/replicas.h"

void controller_owner_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	const struct api_owner *owner = controller_owner(o->meta);
	char key[256];
	int n;

	if (owner) {
		emit(ctx, owner->uid);
		return;
	}
	n = snprintf(key, sizeof(key), "/%.*s", STR_ARG(o->meta->ns));
	emit(ctx, str_n(key, MIN((size_t)n, sizeof(key) - 1)));
}

struct family_visit {
	VEC(const struct api_meta *) members;
};

static void visit_member(void *ctx, struct client_object *o)
{
	struct family_visit *v = ctx;

	*vec_push(&v->members) = o->meta;
}

static int by_name(const void *x, const void *y)
{
	const struct api_meta *const *a = x, *const *b = y;

	return str_cmp((*a)->name, (*b)->name);
}

void controller_family(struct arena *a, struct client_reflector *cache,
		       const struct api_meta *owner, struct str selector,
		       struct controller_family *ret)
{
	struct api_label_selector s;
	struct family_visit v = {0};
	struct json *tree;
	bool is_known = json_parse(a, selector, 0, &tree, NULL) == 0 &&
			api_label_selector_from_json(a, tree, &s, NULL) == 0 && s.n > 0;

	client_reflector_each_in(cache, INDEX_OWNER, owner->uid, visit_member, &v);
	if (is_known && !owner->deleted_ns)
		client_reflector_each_in(cache, INDEX_OWNER,
					 str_printf(a, "/%.*s", STR_ARG(owner->ns)), visit_member,
					 &v);
	vec_sort(&v.members, by_name);
	*ret = (struct controller_family){
		.members = arena_array(a, v.members.len, sizeof(*ret->members)),
		.is_selected = arena_array(a, v.members.len, sizeof(bool)),
	};
	vec_foreach(m, &v.members) {
		if (!str_eq((*m)->ns, owner->ns))
			continue;
		ret->members[ret->n] = *m;
		ret->is_selected[ret->n++] =
			is_known && api_label_selector_match(&s, &(*m)->labels);
	}
	vec_fini(&v.members);
}

struct json *controller_owner_refs(struct arena *a, const struct api_kind *owner_kind,
				   const struct api_meta *owner)
{
	struct json *list = json_new(a, JSON_ARRAY), *ref = json_new(a, JSON_OBJECT);

	json_set(ref, "apiVersion", json_new_string(a, api_kind_api_version(a, owner_kind)));
	json_set(ref, "kind", json_new_string(a, str_of(owner_kind->kind)));
	json_set(ref, "name", json_new_string(a, owner->name));
	json_set(ref, "uid", json_new_string(a, owner->uid));
	json_set(ref, "controller", json_new_bool(a, true));
	json_set(ref, "blockOwnerDeletion", json_new_bool(a, true));
	json_append(list, ref);
	return list;
}

/* A strategic merge patch; the uid makes sure that it is still the same object. */
static void patch_owners(struct arena *a, struct controller_writes *w,
			 const struct api_meta *member, struct json *refs)
{
	struct json *patch = json_new(a, JSON_OBJECT);
	struct json *meta = json_object_at(a, patch, "metadata");

	json_set(meta, "uid", json_new_string(a, member->uid));
	json_set(meta, "ownerReferences", refs);
	controller_writes_add(w, HTTP_PATCH, member->name, "application/strategic-merge-patch+json",
			      patch);
}

void controller_adopt(struct arena *a, struct controller_writes *w,
		      const struct api_kind *owner_kind, const struct api_meta *owner,
		      const struct api_meta *member)
{
	patch_owners(a, w, member, controller_owner_refs(a, owner_kind, owner));
}

void controller_release(struct arena *a, struct controller_writes *w, const struct api_meta *owner,
			const struct api_meta *member)
{
	struct json *list = json_new(a, JSON_ARRAY), *ref = json_new(a, JSON_OBJECT);

	json_set(ref, "$patch", json_new_string(a, STR("delete")));
	json_set(ref, "uid", json_new_string(a, owner->uid));
	json_append(list, ref);
	patch_owners(a, w, member, list);
}

static void set_time(struct arena *a, struct json *obj, const char *key, int64_t ns)
{
	char buf[CLOCK_RFC3339_MAX];

	if (ns)
		json_set(obj, key, json_new_string(a, str_dup(a, clock_format(buf, ns, 0))));
}

struct json *controller_conditions_json(struct arena *a, const struct api_condition *c, size_t n)
{
	struct json *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < n; i++) {
		struct json *one = json_append(list, json_new(a, JSON_OBJECT));

		json_set(one, "type", json_new_string(a, c[i].type));
		json_set(one, "status", json_new_string(a, c[i].status));
		set_time(a, one, "lastUpdateTime", c[i].updated_ns);
		set_time(a, one, "lastTransitionTime", c[i].transition_ns);
		if (c[i].reason.len)
			json_set(one, "reason", json_new_string(a, c[i].reason));
		if (c[i].message.len)
			json_set(one, "message", json_new_string(a, c[i].message));
	}
	return list;
}

bool controller_conditions_eq(const struct api_condition *x, size_t n_x,
			      const struct api_condition *y, size_t n_y)
{
	if (n_x != n_y)
		return false;
	for (size_t i = 0; i < n_x; i++) {
		/* Times are stored by the second. */
		if (!str_eq(x[i].type, y[i].type) || !str_eq(x[i].status, y[i].status) ||
		    !str_eq(x[i].reason, y[i].reason) || !str_eq(x[i].message, y[i].message) ||
		    x[i].transition_ns / 1000000000 != y[i].transition_ns / 1000000000 ||
		    x[i].updated_ns / 1000000000 != y[i].updated_ns / 1000000000)
			return false;
	}
	return true;
}

void controller_set_numbers(struct arena *a, struct json *obj, const struct controller_number *list,
			    size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_set(obj, list[i].name, json_new_int(a, list[i].value));
}

struct json *controller_annotations_at(struct arena *a, struct json *obj)
{
	return json_object_at(a, json_object_at(a, obj, "metadata"), "annotations");
}

/* Who is woken by a change */

struct wake {
	struct controllers *c;
	struct controller_sync *sync;
	struct str ns;
};

static void wake_one(void *ctx, struct client_object *o)
{
	const struct wake *v = ctx;

	if (str_eq(o->meta->ns, v->ns))
		controller_sync_add(v->sync, o->meta->ns, o->meta->name);
}

/* The owner of that kind; of what nobody owns, all that may want it. */
static void wake_owner(struct controllers *c, struct controller_sync *sync,
		       struct client_reflector *owners, const char *kind,
		       const struct client_object *o)
{
	const struct api_owner *owner = o ? controller_owner(o->meta) : NULL;
	struct wake v = {.c = c, .sync = sync};

	if (!o)
		return;
	v.ns = o->meta->ns;
	if (!owner)
		client_reflector_each(owners, wake_one, &v);
	else if (str_eq_c(owner->kind, kind))
		controller_sync_add(sync, o->meta->ns, owner->name);
}

void controller_workload_pod(struct controllers *c, struct client_object *before,
			     struct client_object *after)
{
	const struct client_object *o = after ? after : before;
	const struct api_owner *owner = controller_owner(o->meta);
	const struct client_object *set;

	wake_owner(c, c->replicas_sync, c->replica_sets, "ReplicaSet", before);
	wake_owner(c, c->replicas_sync, c->replica_sets, "ReplicaSet", after);
	if (after || !owner)
		return;
	/* A Deployment that recreates waits for the last of its old Pods. */
	set = client_reflector_get(c->replica_sets, o->meta->ns, owner->name);
	wake_owner(c, c->rollout_sync, c->deployments, "Deployment", set);
}

void controller_workload_set(struct controllers *c, struct client_object *before,
			     struct client_object *after)
{
	const struct api_meta *meta = after ? after->meta : before->meta;

	controller_sync_add(c->replicas_sync, meta->ns, meta->name);
	wake_owner(c, c->rollout_sync, c->deployments, "Deployment", before);
	wake_owner(c, c->rollout_sync, c->deployments, "Deployment", after);
}

void controller_workload_deployment(struct controllers *c, struct client_object *before,
				    struct client_object *after)
{
	const struct api_meta *meta = after ? after->meta : before->meta;

	controller_sync_add(c->rollout_sync, meta->ns, meta->name);
}

void controller_workload_index(struct controllers *c)
{
	client_reflector_index(c->pods, INDEX_OWNER, controller_owner_keys);
	client_reflector_index(c->replica_sets, INDEX_OWNER, controller_owner_keys);
}
