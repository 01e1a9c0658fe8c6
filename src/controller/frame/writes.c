/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/frame/writes.h"

#include "base/vec.h"

struct writes_item {
	enum http_method method;
	const struct api_kind *kind;
	struct str name;
	const char *subresource; /* NULL: none */
	const char *content_type;
	const struct json *body;
	/* Told when it has succeeded; reason NULL: nothing. */
	struct client_events *events;
	const struct api_kind *about_kind;
	struct api_meta about;
	const char *reason;
	struct str message;
};

struct controller_writes {
	struct list_node link; /* in controllers.writes */
	struct controllers *c;
	const struct api_kind *kind;
	struct str ns;
	struct arena arena;
	VEC(struct writes_item) items;
	size_t next;
	struct client_request *request;
	uint64_t rev;
	controller_written_fn fn;
	void *ctx;
};

struct controller_writes *controller_writes_new(struct controllers *c, const struct api_kind *kind,
						struct str ns)
{
	struct controller_writes *w = mem_xnew(struct controller_writes);

	w->c = c;
	w->kind = kind;
	arena_init(&w->arena, 0);
	w->ns = ns.len ? str_dup(&w->arena, ns) : (struct str){0};
	list_append(&c->writes, &w->link);
	return w;
}

static void writes_free(struct controller_writes *w)
{
	list_remove(&w->link);
	vec_fini(&w->items);
	arena_fini(&w->arena);
	free(w);
}

void controller_writes_add(struct controller_writes *w, enum http_method method, struct str name,
			   const char *content_type, const struct json *body)
{
	*vec_push(&w->items) = (struct writes_item){
		.method = method,
		.kind = w->kind,
		.name = name.len ? str_dup(&w->arena, name) : (struct str){0},
		.content_type = content_type,
		.body = body ? json_clone(&w->arena, body) : NULL,
	};
}

void controller_writes_patch_status(struct controller_writes *w, struct str name,
				    const struct json *patch)
{
	controller_writes_add(w, HTTP_PATCH, name, "application/strategic-merge-patch+json", patch);
	vec_last(&w->items)->subresource = "status";
}

void controller_writes_post(struct controller_writes *w, struct str name, const char *subresource,
			    const struct json *body)
{
	controller_writes_add(w, HTTP_POST, name, NULL, body);
	vec_last(&w->items)->subresource = subresource;
}

static void add_delete(struct controller_writes *w, const struct api_meta *meta, bool is_at_once,
		       bool is_as_read)
{
	struct arena *a = &w->arena;
	struct json *options = json_new(a, JSON_OBJECT), *pre;

	json_set(options, "kind", json_new_string(a, STR("DeleteOptions")));
	json_set(options, "apiVersion", json_new_string(a, STR("v1")));
	if (is_at_once)
		json_set(options, "gracePeriodSeconds", json_new_int(a, 0));
	pre = json_object_at(a, options, "preconditions");
	json_set(pre, "uid", json_new_string(a, str_dup(a, meta->uid)));
	if (is_as_read)
		json_set(pre, "resourceVersion",
			 json_new_string(a, str_dup(a, meta->resource_version)));
	controller_writes_add(w, HTTP_DELETE, meta->name, NULL, options);
}

void controller_writes_delete(struct controller_writes *w, const struct api_meta *meta,
			      bool is_at_once)
{
	add_delete(w, meta, is_at_once, false);
}

void controller_writes_delete_as_read(struct controller_writes *w, const struct api_meta *meta)
{
	add_delete(w, meta, false, true);
}

void controller_writes_kind(struct controller_writes *w, const struct api_kind *kind)
{
	vec_last(&w->items)->kind = kind;
}

void controller_writes_merge(struct controller_writes *w, const struct api_kind *kind,
			     struct str name, const char *subresource, const struct json *patch)
{
	controller_writes_add(w, HTTP_PATCH, name, "application/merge-patch+json", patch);
	vec_last(&w->items)->subresource = subresource;
	vec_last(&w->items)->kind = kind;
}

void controller_writes_tell(struct controller_writes *w, struct client_events *events,
			    const struct api_kind *kind, const struct api_meta *about,
			    const char *reason, struct str message)
{
	struct writes_item *it = vec_last(&w->items);

	it->events = events;
	it->about_kind = kind;
	it->about.ns = str_dup(&w->arena, about->ns);
	it->about.name = str_dup(&w->arena, about->name);
	it->about.uid = str_dup(&w->arena, about->uid);
	it->reason = reason;
	it->message = str_dup(&w->arena, message);
}

static void tell(const struct writes_item *it)
{
	struct arena a;

	if (!it->reason)
		return;
	arena_init(&a, 256);
	client_event(it->events, api_kind_api_version(&a, it->about_kind).ptr, it->about_kind->kind,
		     &it->about, CLIENT_EVENT_NORMAL, it->reason, "%.*s", STR_ARG(it->message));
	arena_fini(&a);
}

/* The answer's Status names the cause NamespaceTerminating (service-api.md section 1.1). */
static bool is_namespace_terminating(const struct json *status)
{
	const struct json *causes = json_path(status, "details.causes");

	if (json_is(causes, JSON_ARRAY))
		json_foreach(it, causes)
			if (str_eq_c(json_get_string(it, "reason"), "NamespaceTerminating"))
				return true;
	return false;
}

static void writes_end(struct controller_writes *w, int r, const struct err *err,
		       enum http_method method)
{
	struct controller_written result = {.r = r, .err = err, .method = method, .rev = w->rev};
	controller_written_fn fn = w->fn;
	void *ctx = w->ctx;

	list_remove(&w->link);
	fn(ctx, &result);
	writes_free(w);
}

void *controller_writes_alloc(struct controller_writes *w, size_t size)
{
	return arena_zalloc(&w->arena, size);
}

static void writes_send(struct controller_writes *w);

static void writes_answered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_writes *w = ctx;
	const struct writes_item *it = &w->items.ptr[w->next++];
	struct str version = json_get_string(json_get(obj, "metadata"), "resourceVersion");
	uint64_t rev;

	w->request = NULL;
	if (r == ERR_NOT_FOUND && it->method == HTTP_DELETE)
		r = 0;
	if (it->method == HTTP_POST && !it->subresource &&
	    (r == ERR_NOT_FOUND || (r == ERR_FORBIDDEN && is_namespace_terminating(obj)))) {
		writes_end(w, 0, NULL, it->method);
		return;
	}
	if (r < 0) {
		writes_end(w, r, err, it->method);
		return;
	}
	tell(it);
	if (it->method != HTTP_DELETE && it->kind == w->kind &&
	    str_to_u64(version, 0, UINT64_MAX, &rev, NULL) == 0)
		w->rev = MAX(w->rev, rev);
	writes_send(w);
}

static void writes_send(struct controller_writes *w)
{
	struct client_call call = {.ns = w->ns};
	const struct writes_item *it;

	if (w->next == w->items.len) {
		writes_end(w, 0, NULL, HTTP_GET);
		return;
	}
	it = &w->items.ptr[w->next];
	call.method = it->method;
	call.kind = it->kind;
	call.name = it->name;
	call.subresource = str_of(it->subresource);
	call.content_type = it->content_type;
	call.body = it->body;
	w->request = client_send(w->c->client, &call, writes_answered, w);
}

void controller_writes_run(struct controller_writes *w, controller_written_fn fn, void *ctx)
{
	w->fn = fn;
	w->ctx = ctx;
	writes_send(w);
}

void controller_writes_cancel_all(struct controllers *c)
{
	list_foreach(struct controller_writes, w, &c->writes, link) {
		client_cancel(w->request);
		writes_free(w);
	}
}
