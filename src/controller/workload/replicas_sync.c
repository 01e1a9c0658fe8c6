/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the ReplicaSet controller; its core is replicas.c. */
#include "base/clock.h"
#include "base/map.h"
#include "base/rand.h"
#include "controller/workload/drivers.h"
#include "controller/workload/replicas.h"
#include "controller/workload/workload.h"
#include "loop/loop.h"

enum {
	NAME_SUFFIX_LEN = 5,
	NAME_PREFIX_MAX = 58, /* of generateName that are kept, as the API server does */
};

/* What is remembered of one ReplicaSet between two looks at it. */
struct replicas_own {
	struct map
		deleted; /* uids of Pods that we deleted and the cache still shows as they were */
	char *failure;   /* why a Pod could not be made or deleted; NULL: all is well */
	const char *failure_reason;
};

static const struct api_replica_set *find_set(struct controllers *c, struct str ns, struct str name)
{
	struct client_object *o = client_reflector_get(c->replica_sets, ns, name);

	return o ? o->view : NULL;
}

static bool replicas_wants(struct controllers *c, struct str ns, struct str name)
{
	return find_set(c, ns, name) != NULL;
}

static bool is_deleted(const void *ctx, struct str uid)
{
	const struct replicas_own *own = ctx;

	return map_get(&own->deleted, uid) != NULL;
}

/* Forgets the deletions that the cache has caught up with. */
static void catch_up(struct replicas_own *own, const struct controller_family *f)
{
	static char present;
	struct map left = {0};

	for (size_t i = 0; i < f->n; i++)
		if (!f->members[i]->deleted_ns && map_get(&own->deleted, f->members[i]->uid))
			map_put(&left, f->members[i]->uid, &present);
	map_fini(&own->deleted);
	own->deleted = left;
}

/* The conditions of others, and ours while something fails. */
static size_t conditions(struct arena *a, const struct api_replica_set *set,
			 const struct replicas_own *own, int64_t now_ns,
			 const struct api_condition **ret)
{
	struct api_condition *list = arena_array(a, set->n_conditions + 1, sizeof(*list));
	const struct api_condition *was =
		api_condition_find(set->conditions, set->n_conditions, "ReplicaFailure");
	size_t n = 0;

	for (size_t i = 0; i < set->n_conditions; i++)
		if (&set->conditions[i] != was)
			list[n++] = set->conditions[i];
	if (own->failure && was && str_eq_c(was->reason, own->failure_reason))
		list[n++] = *was;
	else if (own->failure)
		list[n++] = (struct api_condition){
			.type = STR("ReplicaFailure"),
			.status = STR("True"),
			.reason = str_of(own->failure_reason),
			.message = str_of(own->failure),
			.transition_ns = now_ns,
		};
	*ret = list;
	return n;
}

static void write_status(struct arena *a, struct controller_writes *w,
			 const struct api_replica_set *set, const struct replicas_own *own,
			 const struct controller_replicas_counts *n, int64_t now_ns)
{
	const struct controller_number numbers[] = {
		{"replicas", n->pods},
		{"fullyLabeledReplicas", n->fully_labeled},
		{"readyReplicas", n->ready},
		{"availableReplicas", n->available},
		{"terminatingReplicas", n->terminating},
		{"observedGeneration", set->meta.generation},
	};
	const struct api_condition *list;
	size_t n_list = conditions(a, set, own, now_ns, &list);
	struct json *patch, *status;

	if (set->n_pods == n->pods && set->n_fully_labeled == n->fully_labeled &&
	    set->n_ready == n->ready && set->n_available == n->available &&
	    set->n_terminating == n->terminating &&
	    set->observed_generation == set->meta.generation &&
	    controller_conditions_eq(list, n_list, set->conditions, set->n_conditions))
		return;
	patch = json_new(a, JSON_OBJECT);
	status = json_object_at(a, patch, "status");
	controller_set_numbers(a, status, numbers, ARRAY_LEN(numbers));
	json_set(status, "conditions",
		 n_list ? controller_conditions_json(a, list, n_list) : json_new(a, JSON_NULL));
	controller_writes_merge(w, api_kind_of("ReplicaSet"), set->meta.name, "status", patch);
}

static struct str pod_name(struct arena *a, struct str base)
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	unsigned char random[NAME_SUFFIX_LEN];
	char suffix[NAME_SUFFIX_LEN + 1] = "";

	rand_bytes(random, sizeof(random));
	for (size_t i = 0; i < NAME_SUFFIX_LEN; i++)
		suffix[i] = letters[random[i] % (sizeof(letters) - 1)];
	return str_printf(a, "%.*s%s", (int)MIN(base.len, (size_t)NAME_PREFIX_MAX), base.ptr,
			  suffix);
}

/* A Pod from the template. Its name is drawn here, so that it is known whom an Event is about. */
static struct json *pod_body(struct arena *a, const struct api_replica_set *set,
			     struct str *ret_name)
{
	static const char *const taken[] = {"labels", "annotations", "finalizers"};
	struct str base = str_printf(a, "%.*s-", STR_ARG(set->meta.name));
	struct json *pod = json_new(a, JSON_OBJECT), *meta = json_object_at(a, pod, "metadata");
	struct json *template;
	const struct json *from, *spec;

	if (json_parse(a, set->template, 0, &template, NULL) < 0)
		template = json_new(a, JSON_OBJECT); /* it was written by ourselves */
	from = json_get(template, "metadata");
	*ret_name = pod_name(a, base);
	json_set(pod, "apiVersion", json_new_string(a, STR("v1")));
	json_set(pod, "kind", json_new_string(a, STR("Pod")));
	json_set(meta, "name", json_new_string(a, *ret_name));
	json_set(meta, "generateName", json_new_string(a, base));
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (json_get(from, taken[i]))
			json_set(meta, taken[i], json_clone(a, json_get(from, taken[i])));
	json_set(meta, "ownerReferences",
		 controller_owner_refs(a, api_kind_of("ReplicaSet"), &set->meta));
	spec = json_get(template, "spec");
	json_set(pod, "spec", spec ? json_clone(a, spec) : json_new(a, JSON_OBJECT));
	return pod;
}

static void write_pods(struct controllers *c, struct arena *a, struct controller_writes *w,
		       const struct api_replica_set *set, struct replicas_own *own,
		       const struct controller_replicas_plan *plan)
{
	static char present;
	const struct api_kind *kind = api_kind_of("ReplicaSet");

	for (size_t i = 0; i < plan->n_adopt; i++)
		controller_adopt(a, w, kind, &set->meta, &plan->adopt[i]->meta);
	for (size_t i = 0; i < plan->n_release; i++)
		controller_release(a, w, &set->meta, &plan->release[i]->meta);
	for (size_t i = 0; i < plan->n_kill; i++) {
		const struct api_meta *pod = &plan->kill[i]->meta;

		map_put(&own->deleted, pod->uid, &present);
		controller_writes_delete(w, pod, false);
		controller_writes_tell(w, c->replica_events, kind, &set->meta, "SuccessfulDelete",
				       str_printf(a, "Deleted pod: %.*s", STR_ARG(pod->name)));
	}
	for (size_t i = 0; i < plan->n_make; i++) {
		struct str name;
		struct json *body = pod_body(a, set, &name);

		controller_writes_add(w, HTTP_POST, (struct str){0}, NULL, body);
		controller_writes_tell(w, c->replica_events, kind, &set->meta, "SuccessfulCreate",
				       str_printf(a, "Created pod: %.*s", STR_ARG(name)));
	}
}

static bool replicas_plan(struct controllers *c, struct controller_sync_state *state,
			  struct arena *a, struct str ns, struct str name,
			  struct controller_writes *w)
{
	const struct clock *clock = loop_clock(c->loop);
	struct controller_replicas_input in = {.set = find_set(c, ns, name),
					       .is_deleted = is_deleted,
					       .now_ns = clock->wall_ns(clock)};
	struct controller_replicas_plan plan;
	struct controller_family family;
	struct replicas_own *own;

	if (!state->own)
		state->own = mem_xnew(struct replicas_own);
	own = state->own;
	controller_family(a, c->pods, &in.set->meta, in.set->selector, &family);
	catch_up(own, &family);
	in.pods = (const void *)family.members;
	in.n_pods = family.n;
	in.is_selected = family.is_selected;
	in.ctx = own;
	controller_replicas_plan(a, &in, &plan);
	/* Of now, before what follows changes it: the cache will tell, and this is run again. */
	write_status(a, w, in.set, own, &plan.counts, in.now_ns);
	write_pods(c, a, w, in.set, own, &plan);
	if (plan.again_ns)
		controller_sync_add_after(c->replicas_sync, ns, name,
					  (plan.again_ns - in.now_ns) / 1000000 + 1);
	return true;
}

static void replicas_failed(struct controllers *c, struct str ns, struct str name,
			    const struct controller_written *w)
{
	const struct api_replica_set *set = find_set(c, ns, name);
	bool is_create = w->method == HTTP_POST;

	if (!set || (!is_create && w->method != HTTP_DELETE))
		return;
	client_event(c->replica_events, "apps/v1", "ReplicaSet", &set->meta, CLIENT_EVENT_WARNING,
		     is_create ? "FailedCreate" : "FailedDelete", "Error %s: %s",
		     is_create ? "creating" : "deleting", w->err ? w->err->msg : "");
}

static void replicas_ended(void *own_, const struct controller_written *w)
{
	struct replicas_own *own = own_;

	free(TAKE_PTR(own->failure));
	if (w->r == 0)
		return;
	/* What was not deleted after all counts again. */
	map_fini(&own->deleted);
	if (w->method != HTTP_POST && w->method != HTTP_DELETE)
		return;
	own->failure = mem_xstrdup(w->err ? w->err->msg : "");
	own->failure_reason = w->method == HTTP_POST ? "FailedCreate" : "FailedDelete";
}

static void replicas_free_own(void *own_)
{
	struct replicas_own *own = own_;

	map_fini(&own->deleted);
	free(own->failure);
	free(own);
}

static const struct api_kind *replicas_kind(void)
{
	return api_kind_of("Pod");
}

static struct client_reflector *replicas_cache(struct controllers *c)
{
	return c->pods;
}

const struct controller_sync_ops controller_replicas_ops = {
	.name = "replicaset",
	.wants = replicas_wants,
	.plan = replicas_plan,
	.failed = replicas_failed,
	.ended = replicas_ended,
	.free_own = replicas_free_own,
	.kind = replicas_kind,
	.cache = replicas_cache,
};
