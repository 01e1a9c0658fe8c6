/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the Deployment controller; its core is rollout.c. */
#include "controller/workload/drivers.h"
#include "controller/workload/rollout.h"

#include "base/clock.h"
#include "controller/workload/replicas.h"
#include "controller/workload/workload.h"
#include "loop/loop.h"

static const struct api_deployment *find_deployment(struct controllers *c, struct str ns,
						    struct str name)
{
	struct client_object *o = client_reflector_get(c->deployments, ns, name);

	return o ? o->view : NULL;
}

static bool rollout_wants(struct controllers *c, struct str ns, struct str name)
{
	return find_deployment(c, ns, name) != NULL;
}

struct live_visit {
	size_t n;
};

static void visit_pod(void *ctx, struct client_object *o)
{
	const struct api_pod *pod = o->view;
	struct live_visit *v = ctx;

	if (!str_eq_c(pod->phase, "Succeeded") && !str_eq_c(pod->phase, "Failed"))
		v->n++;
}

/* Its ReplicaSets; adopts and releases on the way. */
static void gather(struct controllers *c, struct arena *a, struct controller_writes *w,
		   struct controller_rollout_input *in)
{
	const struct api_meta *owner = &in->deployment->meta;
	const struct api_replica_set **sets;
	struct controller_family f;
	size_t *live;

	controller_family(a, c->replica_sets, owner, in->deployment->selector, &f);
	sets = arena_array(a, f.n, sizeof(*sets));
	live = arena_array(a, f.n, sizeof(*live));
	for (size_t i = 0; i < f.n; i++) {
		bool is_own = controller_owner(f.members[i]) != NULL;
		struct live_visit v = {0};

		if (!f.is_selected[i] && is_own && !owner->deleted_ns)
			controller_release(a, w, owner, f.members[i]);
		if (!f.is_selected[i])
			continue;
		if (!is_own) {
			if (!f.members[i]->deleted_ns)
				controller_adopt(a, w, api_kind_of("Deployment"), owner,
						 f.members[i]);
			continue;
		}
		client_reflector_each_in(c->pods, INDEX_OWNER, f.members[i]->uid, visit_pod, &v);
		live[in->n_sets] = v.n;
		sets[in->n_sets++] = (const void *)f.members[i];
	}
	in->sets = sets;
	in->n_live = live;
}

/* What is told on from the Deployment to its sets. */
static bool is_told_on(struct str key)
{
	static const char *const own[] = {"kubectl.kubernetes.io/last-applied-configuration",
					  ROLLOUT_REVISION, ROLLOUT_HISTORY, ROLLOUT_DESIRED,
					  ROLLOUT_MAX};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (str_eq_c(key, own[i]))
			return false;
	return true;
}

static void set_number(struct arena *a, struct json *annotations, const char *key, int64_t v)
{
	json_set(annotations, key, json_new_string(a, str_printf(a, "%lld", (long long)v)));
}

static void add_size(struct arena *a, struct json *annotations,
		     const struct controller_rollout_plan *plan)
{
	set_number(a, annotations, ROLLOUT_DESIRED, plan->desired);
	set_number(a, annotations, ROLLOUT_MAX, plan->max);
}

static void add_annotations(struct arena *a, struct json *annotations, const struct api_meta *from,
			    const struct api_meta *has)
{
	for (size_t i = 0; i < from->annotations.n; i++) {
		const struct api_pair *p = &from->annotations.ptr[i];
		struct str now = {0};

		for (size_t k = 0; has && k < has->annotations.n; k++)
			if (str_eq(has->annotations.ptr[k].key, p->key))
				now = has->annotations.ptr[k].value;
		if (is_told_on(p->key) && !(str_is_set(now) && str_eq(now, p->value)))
			json_set_str(annotations, p->key, json_new_string(a, p->value));
	}
}

static void add_hash(struct arena *a, struct json *obj, const char *key, struct str hash)
{
	json_set(json_object_at(a, obj, key), ROLLOUT_HASH_LABEL, json_new_string(a, hash));
}

static struct json *set_body(struct arena *a, const struct api_deployment *d,
			     const struct controller_rollout_plan *plan)
{
	struct json *set = json_new(a, JSON_OBJECT), *meta = json_object_at(a, set, "metadata");
	struct json *spec = json_object_at(a, set, "spec"), *template, *selector;
	const struct json *labels;

	/* Both were read from the API, which has checked them. */
	if (json_parse(a, d->template, 0, &template, NULL) < 0 ||
	    json_parse(a, d->selector, 0, &selector, NULL) < 0)
		return set;
	json_set(set, "apiVersion", json_new_string(a, STR("apps/v1")));
	json_set(set, "kind", json_new_string(a, STR("ReplicaSet")));
	json_set(meta, "name", json_new_string(a, plan->name));
	labels = json_path(template, "metadata.labels");
	if (labels)
		json_set(meta, "labels", json_clone(a, labels));
	add_hash(a, meta, "labels", plan->hash);
	add_annotations(a, json_object_at(a, meta, "annotations"), &d->meta, NULL);
	add_size(a, json_get(meta, "annotations"), plan);
	set_number(a, json_get(meta, "annotations"), ROLLOUT_REVISION, plan->revision);
	json_set(meta, "ownerReferences",
		 controller_owner_refs(a, api_kind_of("Deployment"), &d->meta));
	add_hash(a, json_object_at(a, template, "metadata"), "labels", plan->hash);
	add_hash(a, selector, "matchLabels", plan->hash);
	json_set(spec, "replicas", json_new_int(a, plan->make_replicas));
	if (d->min_ready_s)
		json_set(spec, "minReadySeconds", json_new_int(a, d->min_ready_s));
	json_set(spec, "selector", selector);
	json_set(spec, "template", template);
	return set;
}

static void tell_scale(struct controllers *c, struct arena *a, struct controller_writes *w,
		       const struct api_deployment *d, struct str set, int32_t from, int32_t to)
{
	if (from != to)
		controller_writes_tell(w, c->rollout_events, api_kind_of("Deployment"), &d->meta,
				       "ScalingReplicaSet",
				       str_printf(a, "Scaled %s replica set %.*s from %d to %d",
						  to > from ? "up" : "down", STR_ARG(set), from,
						  to));
}

/* The new set's revision, what the Deployment says of itself, minReadySeconds. */
static void write_new_set(struct arena *a, struct controller_writes *w,
			  const struct api_deployment *d,
			  const struct controller_rollout_plan *plan)
{
	const struct api_replica_set *set = plan->new_set;
	struct json *patch = json_new(a, JSON_OBJECT);
	struct json *annotations = controller_annotations_at(a, patch);
	int64_t was = controller_annotation_int(&set->meta, ROLLOUT_REVISION, 0);
	struct str history = api_pairs_get(&set->meta.annotations, ROLLOUT_HISTORY);

	add_annotations(a, annotations, &d->meta, &set->meta);
	if (was != plan->revision)
		set_number(a, annotations, ROLLOUT_REVISION, plan->revision);
	if (was && was != plan->revision)
		json_set(annotations, ROLLOUT_HISTORY,
			 json_new_string(a, str_printf(a, "%.*s%s%lld", STR_ARG(history),
						       history.len ? "," : "", (long long)was)));
	if (set->min_ready_s != d->min_ready_s)
		json_set(json_object_at(a, patch, "spec"), "minReadySeconds",
			 json_new_int(a, d->min_ready_s));
	if (annotations->count || json_get(patch, "spec"))
		controller_writes_merge(w, api_kind_of("ReplicaSet"), set->meta.name, NULL, patch);
}

static void write_sets(struct controllers *c, struct arena *a, struct controller_writes *w,
		       const struct api_deployment *d, const struct controller_rollout_plan *plan)
{
	if (plan->new_set)
		write_new_set(a, w, d, plan);
	for (size_t i = 0; i < plan->n_scale; i++) {
		const struct api_replica_set *set = plan->scale[i].set;
		struct json *patch = json_new(a, JSON_OBJECT);

		if (set->replicas == plan->scale[i].replicas &&
		    controller_annotation_int(&set->meta, ROLLOUT_DESIRED, -1) == plan->desired &&
		    controller_annotation_int(&set->meta, ROLLOUT_MAX, -1) == plan->max)
			continue;
		add_size(a, controller_annotations_at(a, patch), plan);
		json_set(json_object_at(a, patch, "spec"), "replicas",
			 json_new_int(a, plan->scale[i].replicas));
		controller_writes_merge(w, api_kind_of("ReplicaSet"), set->meta.name, NULL, patch);
		tell_scale(c, a, w, d, set->meta.name, set->replicas, plan->scale[i].replicas);
	}
	if (plan->makes_set) {
		controller_writes_add(w, HTTP_POST, (struct str){0}, NULL, set_body(a, d, plan));
		tell_scale(c, a, w, d, plan->name, 0, plan->make_replicas);
	}
	for (size_t i = 0; i < plan->n_forget; i++)
		controller_writes_delete(w, &plan->forget[i]->meta, false);
}

static void write_status(struct arena *a, struct controller_writes *w,
			 const struct api_deployment *d, const struct controller_rollout_plan *plan)
{
	const struct controller_rollout_status *st = &plan->status;
	const struct controller_number numbers[] = {
		{"observedGeneration", d->meta.generation},
		{"replicas", st->pods},
		{"updatedReplicas", st->updated},
		{"readyReplicas", st->ready},
		{"availableReplicas", st->available},
		{"unavailableReplicas", st->unavailable},
		{"terminatingReplicas", st->terminating},
	};
	bool has_revision = !plan->revision || controller_annotation_int(&d->meta, ROLLOUT_REVISION,
									 0) == plan->revision;
	struct json *patch, *status;

	if (has_revision && d->observed_generation == d->meta.generation && d->n_pods == st->pods &&
	    d->n_updated == st->updated && d->n_ready == st->ready &&
	    d->n_available == st->available && d->n_unavailable == st->unavailable &&
	    d->n_terminating == st->terminating && d->collisions == st->collisions &&
	    controller_conditions_eq(st->conditions, st->n_conditions, d->conditions,
				     d->n_conditions))
		return;
	patch = json_new(a, JSON_OBJECT);
	status = json_object_at(a, patch, "status");
	controller_set_numbers(a, status, numbers, ARRAY_LEN(numbers));
	if (st->collisions)
		json_set(status, "collisionCount", json_new_int(a, st->collisions));
	json_set(status, "conditions",
		 controller_conditions_json(a, st->conditions, st->n_conditions));
	/* With the status, so that it is no new generation. */
	if (!has_revision)
		set_number(a, controller_annotations_at(a, patch), ROLLOUT_REVISION,
			   plan->revision);
	controller_writes_merge(w, api_kind_of("Deployment"), d->meta.name, "status", patch);
}

/* The name of the set to make is taken by one that is not ours or has another template. */
static bool is_taken(struct controllers *c, const struct api_deployment *d,
		     const struct controller_rollout_plan *plan)
{
	return plan->makes_set && client_reflector_get(c->replica_sets, d->meta.ns, plan->name);
}

static bool rollout_plan(struct controllers *c, struct controller_sync_state *state,
			 struct arena *a, struct str ns, struct str name,
			 struct controller_writes *w)
{
	const struct clock *clock = loop_clock(c->loop);
	struct controller_rollout_input in = {.deployment = find_deployment(c, ns, name),
					      .now_ns = clock->wall_ns(clock)};
	struct controller_rollout_plan plan;

	gather(c, a, w, &in);
	controller_rollout_plan(a, &in, &plan);
	if (is_taken(c, in.deployment, &plan)) {
		plan.makes_set = false;
		plan.status.collisions++;
	}
	write_sets(c, a, w, in.deployment, &plan);
	write_status(a, w, in.deployment, &plan);
	if (plan.again_ns)
		controller_sync_add_after(c->rollout_sync, ns, name,
					  MAX(plan.again_ns - in.now_ns, 0) / 1000000 + 1);
	return true;
}

static void rollout_failed(struct controllers *c, struct str ns, struct str name,
			   const struct controller_written *w)
{
	const struct api_deployment *d = find_deployment(c, ns, name);

	/* A name that is taken is tried again with another one. */
	if (d && w->method == HTTP_POST && w->r != ERR_EXISTS)
		client_event(c->rollout_events, "apps/v1", "Deployment", &d->meta,
			     CLIENT_EVENT_WARNING, "ReplicaSetCreateError",
			     "Failed to create new replica set: %s", w->err ? w->err->msg : "");
}

static const struct api_kind *rollout_kind(void)
{
	return api_kind_of("ReplicaSet");
}

static struct client_reflector *rollout_cache(struct controllers *c)
{
	return c->replica_sets;
}

const struct controller_sync_ops controller_rollout_ops = {
	.name = "deployment",
	.wants = rollout_wants,
	.plan = rollout_plan,
	.failed = rollout_failed,
	.kind = rollout_kind,
	.cache = rollout_cache,
};
