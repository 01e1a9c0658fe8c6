/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "controller"
#include "controller/upkeep/owners.h"

#include "base/log.h"
#include "base/vec.h"
#include "client/client.h"
#include "client/queue.h"

#include <string.h>

#define FOREGROUND "foregroundDeletion"
#define ORPHAN     "orphan"

enum {
	OWNERS_LAG_MS = 200, /* lets the caches of other kinds catch up */
	OWNERS_BASE_MS = 1000,
	OWNERS_MAX_MS = 60 * 1000,
	OWNERS_WORKERS = 32,
};

struct controller_owners {
	struct controllers *c;
	struct client_queue *queue; /* "Kind/ns/name" of what is to be looked at */
	struct list_node checks;    /* struct owner_check under way */
};

static struct client_reflector *cache_of(struct controllers *c, struct str kind)
{
	const struct {
		const char *kind;
		struct client_reflector *cache;
	} followed[] = {
		{"Deployment", c->deployments},
		{"ReplicaSet", c->replica_sets},
		{"Pod", c->pods},
		{"Service", c->services},
		{"Endpoints", c->endpoints},
		{"EndpointSlice", c->slices},
		{"ConfigMap", c->config_maps},
		{"Secret", c->secrets},
		{"ServiceAccount", c->accounts},
	};

	for (size_t i = 0; i < ARRAY_LEN(followed); i++)
		if (str_eq_c(kind, followed[i].kind))
			return followed[i].cache;
	return NULL;
}

static void owned_keys(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	for (size_t i = 0; i < o->meta->n_owners; i++)
		emit(ctx, o->meta->owners[i].uid);
}

static void look_at(struct controller_owners *g, const struct client_object *o, int64_t after_ms)
{
	struct arena a;

	arena_init(&a, 512);
	client_queue_add_after(g->queue,
			       str_printf(&a, "%s/%.*s/%.*s", o->kind->kind, STR_ARG(o->meta->ns),
					  STR_ARG(o->meta->name)),
			       after_ms);
	arena_fini(&a);
}

/* Dependents */

struct dependents {
	VEC(struct client_object *) list;
};

static void visit(void *ctx, struct client_object *o)
{
	struct dependents *d = ctx;

	*vec_push(&d->list) = o;
}

static void find_dependents(struct controllers *c, struct str uid, struct dependents *ret)
{
	struct client_reflector *const caches[] = {
		c->pods,     c->replica_sets, c->slices,  c->endpoints, c->deployments,
		c->services, c->config_maps,  c->secrets, c->accounts,
	};

	for (size_t i = 0; i < ARRAY_LEN(caches); i++)
		client_reflector_each_in(caches[i], INDEX_OWNED, uid, visit, ret);
}

static bool has_dependents(struct controllers *c, struct str uid)
{
	struct dependents d = {0};
	bool ret;

	find_dependents(c, uid, &d);
	ret = d.list.len > 0;
	vec_fini(&d.list);
	return ret;
}

static bool blocks(const struct api_meta *meta, struct str uid)
{
	for (size_t i = 0; i < meta->n_owners; i++)
		if (str_eq(meta->owners[i].uid, uid) && meta->owners[i].blocks_deletion)
			return true;
	return false;
}

static bool has_finalizer(const struct api_meta *meta, const char *name)
{
	for (size_t i = 0; i < meta->finalizers.n; i++)
		if (str_eq_c(meta->finalizers.ptr[i], name))
			return true;
	return false;
}

/* Writes */

/* `rev`: only as it was seen, for its owners may be others since; absent: whatever it is now. */
static struct json *delete_options(struct arena *a, struct str uid, struct str rev,
				   const char *policy)
{
	struct json *o = json_new(a, JSON_OBJECT), *only;

	json_set(o, "kind", json_new_string(a, STR("DeleteOptions")));
	json_set(o, "apiVersion", json_new_string(a, STR("v1")));
	only = json_object_at(a, o, "preconditions");
	json_set(only, "uid", json_new_string(a, uid));
	if (rev.len)
		json_set(only, "resourceVersion", json_new_string(a, rev));
	json_set(o, "propagationPolicy", json_new_string(a, str_of(policy)));
	return o;
}

static void add_delete(struct controllers *c, struct arena *a, struct controller_writes *w,
		       const struct client_object *o, bool is_foreground)
{
	bool is_owner = is_foreground && has_dependents(c, o->meta->uid);

	controller_writes_add(w, HTTP_DELETE, o->meta->name, NULL,
			      delete_options(a, o->meta->uid, o->meta->resource_version,
					     is_owner ? "Foreground" : "Background"));
	controller_writes_kind(w, o->kind);
}

static void add_release(struct arena *a, struct controller_writes *w, const struct client_object *o,
			struct str owner_uid)
{
	struct json *patch = json_new(a, JSON_OBJECT), *ref = json_new(a, JSON_OBJECT);
	struct json *meta = json_object_at(a, patch, "metadata");
	struct json *list = json_set(meta, "ownerReferences", json_new(a, JSON_ARRAY));

	json_set(meta, "uid", json_new_string(a, o->meta->uid));
	json_set(ref, "$patch", json_new_string(a, STR("delete")));
	json_set(ref, "uid", json_new_string(a, owner_uid));
	json_append(list, ref);
	controller_writes_add(w, HTTP_PATCH, o->meta->name,
			      "application/strategic-merge-patch+json", patch);
	controller_writes_kind(w, o->kind);
}

/* With the revision that we know, so that no other writer's finalizer is lost. */
static void add_let_go(struct arena *a, struct controller_writes *w, const struct client_object *o,
		       const char *finalizer)
{
	struct json *patch = json_new(a, JSON_OBJECT);
	struct json *meta = json_object_at(a, patch, "metadata");
	struct json *left = json_set(meta, "finalizers", json_new(a, JSON_ARRAY));

	json_set(meta, "resourceVersion", json_new_string(a, o->meta->resource_version));
	for (size_t i = 0; i < o->meta->finalizers.n; i++)
		if (!str_eq_c(o->meta->finalizers.ptr[i], finalizer))
			json_append(left, json_new_string(a, o->meta->finalizers.ptr[i]));
	controller_writes_merge(w, o->kind, o->meta->name, NULL, patch);
}

struct owner_run {
	struct controller_owners *g;
	char key[];
};

static void run_ended(void *ctx, const struct controller_written *w)
{
	struct owner_run *run = ctx;
	bool is_stale = w->r == ERR_CONFLICT || w->r == ERR_NOT_FOUND;

	if (w->r < 0 && !is_stale)
		log_warning("garbage: a write failed object=%s error=\"%s\"", run->key,
			    w->err ? w->err->msg : "");
	client_queue_done(run->g->queue, str_of(run->key), w->r == 0 || is_stale);
	if (is_stale)
		client_queue_add_after(run->g->queue, str_of(run->key), OWNERS_LAG_MS);
}

static struct controller_writes *begin(struct controller_owners *g, struct str key,
				       const struct client_object *o, struct owner_run **ret)
{
	struct controller_writes *w = controller_writes_new(g->c, o->kind, o->meta->ns);

	*ret = controller_writes_alloc(w, sizeof(**ret) + key.len + 1);
	(*ret)->g = g;
	memcpy((*ret)->key, key.ptr, key.len);
	return w;
}

/* Whether somebody besides `uid` may own it who does not go that way, too: one that is not known
 * here counts. Once it is released, work_dependent finds out about that. */
static bool has_other_owner(struct controllers *c, const struct api_meta *meta, struct str uid)
{
	for (size_t i = 0; i < meta->n_owners; i++) {
		const struct api_owner *ref = &meta->owners[i];
		struct client_reflector *cache = cache_of(c, ref->kind);
		const struct client_object *owner =
			cache ? client_reflector_get(cache, meta->ns, ref->name) : NULL;

		if (str_eq(ref->uid, uid))
			continue;
		if (!owner || !str_eq(owner->meta->uid, ref->uid) || !owner->meta->deleted_ns ||
		    !has_finalizer(owner->meta, FOREGROUND) || has_finalizer(owner->meta, ORPHAN))
			return true;
	}
	return false;
}

/* A marked owner that waits for us. */
static void work_owner(struct controller_owners *g, struct str key, const struct client_object *o,
		       bool is_orphaning)
{
	struct owner_run *run;
	struct controller_writes *w = begin(g, key, o, &run);
	struct dependents d = {0};
	size_t n_blocking = 0;
	struct arena a;

	arena_init(&a, 4096);
	find_dependents(g->c, o->meta->uid, &d);
	vec_foreach(dep, &d.list) {
		/* An owner of another namespace is none: whoever says so must not hold it up. */
		if (!str_eq((*dep)->meta->ns, o->meta->ns))
			continue;
		n_blocking += is_orphaning || blocks((*dep)->meta, o->meta->uid);
		if (is_orphaning || has_other_owner(g->c, (*dep)->meta, o->meta->uid))
			add_release(&a, w, *dep, o->meta->uid);
		else if (!(*dep)->meta->deleted_ns)
			add_delete(g->c, &a, w, *dep, true);
	}
	if (!n_blocking)
		add_let_go(&a, w, o, is_orphaning ? ORPHAN : FOREGROUND);
	vec_fini(&d.list);
	arena_fini(&a);
	controller_writes_run(w, run_ended, run);
}

/* Dependents whose owners are gone */

/* Whether the caches know of an owner that holds it, or cannot know. */
static bool is_held(struct controllers *c, const struct api_meta *meta)
{
	for (size_t i = 0; i < meta->n_owners; i++) {
		struct client_reflector *cache = cache_of(c, meta->owners[i].kind);
		const struct client_object *owner;

		if (!cache)
			return true;
		owner = client_reflector_get(cache, meta->ns, meta->owners[i].name);
		if (owner && str_eq(owner->meta->uid, meta->owners[i].uid))
			return true;
	}
	return meta->n_owners == 0;
}

/* The server is asked for one owner after the other. */
struct owner_check {
	struct list_node link;
	struct controller_owners *g;
	struct client_request *request;
	struct client_object *o;
	size_t at;
	char key[];
};

static void check_next(struct owner_check *k);

static void check_free(struct owner_check *k)
{
	list_remove(&k->link);
	client_object_unref(k->o);
	free(k);
}

static void check_end(struct owner_check *k, bool ok)
{
	client_queue_done(k->g->queue, str_of(k->key), ok);
	check_free(k);
}

static void check_answered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct owner_check *k = ctx;
	struct str uid = json_get_string(json_get(obj, "metadata"), "uid");

	k->request = NULL;
	if (r < 0 && r != ERR_NOT_FOUND) {
		check_end(k, false);
		return;
	}
	if (r == 0 && str_eq(uid, k->o->meta->owners[k->at].uid)) {
		check_end(k, true); /* it is there: its cache was behind */
		return;
	}
	k->at++;
	check_next(k);
}

static void check_next(struct owner_check *k)
{
	struct client_call call = {.method = HTTP_GET, .ns = k->o->meta->ns};
	struct controller_writes *w;
	struct owner_run *run;
	struct arena a;

	if (k->at < k->o->meta->n_owners) {
		call.kind = cache_of(k->g->c, k->o->meta->owners[k->at].kind)
				    ? api_kind_by_name(k->o->meta->owners[k->at].api_version,
						       k->o->meta->owners[k->at].kind)
				    : NULL;
		call.name = k->o->meta->owners[k->at].name;
		if (!call.kind) { /* not a kind that we know in that version */
			check_end(k, true);
			return;
		}
		k->request = client_send(k->g->c->client, &call, check_answered, k);
		return;
	}
	w = begin(k->g, str_of(k->key), k->o, &run);
	arena_init(&a, 1024);
	add_delete(k->g->c, &a, w, k->o, false);
	arena_fini(&a);
	check_free(k);
	controller_writes_run(w, run_ended, run);
}

static void work_dependent(struct controller_owners *g, struct str key, struct client_object *o)
{
	struct owner_check *k = mem_xalloc(sizeof(*k) + key.len + 1);

	memset(k, 0, sizeof(*k) + key.len + 1);
	k->g = g;
	k->o = client_object_ref(o);
	memcpy(k->key, key.ptr, key.len);
	list_append(&g->checks, &k->link);
	check_next(k);
}

static void owners_work(void *ctx, struct str key)
{
	struct controller_owners *g = ctx;
	struct str rest = key, kind, ns;
	struct client_object *o;

	IGNORE(str_next(&rest, '/', &kind), "the key begins so");
	IGNORE(str_next(&rest, '/', &ns), "the key goes on so");
	o = client_reflector_get(cache_of(g->c, kind), ns, rest);
	if (o && o->meta->deleted_ns && has_finalizer(o->meta, ORPHAN))
		work_owner(g, key, o, true);
	else if (o && o->meta->deleted_ns && has_finalizer(o->meta, FOREGROUND))
		work_owner(g, key, o, false);
	else if (o && !o->meta->deleted_ns && !is_held(g->c, o->meta))
		work_dependent(g, key, o);
	else
		client_queue_done(g->queue, key, true);
}

/* What wakes it */

static void look_at_dependents(struct controller_owners *g, struct str uid)
{
	struct dependents d = {0};

	find_dependents(g->c, uid, &d);
	vec_foreach(dep, &d.list)
		look_at(g, *dep, OWNERS_LAG_MS);
	vec_fini(&d.list);
}

static bool is_waiting(const struct api_meta *meta)
{
	return meta->deleted_ns && (has_finalizer(meta, ORPHAN) || has_finalizer(meta, FOREGROUND));
}

static void look_at_owners(struct controller_owners *g, const struct api_meta *meta)
{
	for (size_t i = 0; i < meta->n_owners; i++) {
		struct client_reflector *cache = cache_of(g->c, meta->owners[i].kind);
		struct client_object *owner =
			cache ? client_reflector_get(cache, meta->ns, meta->owners[i].name) : NULL;

		if (owner && is_waiting(owner->meta))
			look_at(g, owner, 0);
	}
}

void controller_owners_changed(struct controllers *c, struct client_object *before,
			       struct client_object *after)
{
	struct controller_owners *g = c->owners;

	if (before && (!after || !str_eq(before->meta->uid, after->meta->uid)))
		look_at_dependents(g, before->meta->uid);
	if (before)
		look_at_owners(g, before->meta);
	if (!after)
		return;
	if (is_waiting(after->meta) || (!after->meta->deleted_ns && !is_held(c, after->meta)))
		look_at(g, after, OWNERS_LAG_MS);
}

void controller_owners_index(struct controllers *c)
{
	struct client_reflector *const caches[] = {
		c->pods,     c->replica_sets, c->slices,  c->endpoints, c->deployments,
		c->services, c->config_maps,  c->secrets, c->accounts,
	};

	for (size_t i = 0; i < ARRAY_LEN(caches); i++)
		client_reflector_index(caches[i], INDEX_OWNED, owned_keys);
}

struct controller_owners *controller_owners_new(struct controllers *c)
{
	static const struct client_queue_config config = {
		.name = "owners",
		.base_ms = OWNERS_BASE_MS,
		.max_ms = OWNERS_MAX_MS,
		.workers = OWNERS_WORKERS,
	};
	struct controller_owners *g = mem_xnew(struct controller_owners);

	g->c = c;
	list_init(&g->checks);
	g->queue = client_queue_new(c->loop, &config, owners_work, g);
	return g;
}

void controller_owners_free(struct controller_owners *g)
{
	if (!g)
		return;
	list_foreach(struct owner_check, k, &g->checks, link) {
		client_cancel(k->request);
		check_free(k);
	}
	client_queue_free(g->queue);
	free(g);
}
