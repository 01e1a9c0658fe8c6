/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Namespace that is being deleted: deletes the collections of every kind in it, looks again until
 * all are empty (Pods take their time), then takes "kubernetes" off spec.finalizers, which lets the
 * API server drop the Namespace.
 */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "controller/controller-internal.h"

enum {
	NAMESPACE_AGAIN_MS = 1000,
	NAMESPACE_BASE_MS = 500,
	NAMESPACE_MAX_MS = 30000,
};

struct controller_namespace {
	struct controllers *c;
	struct client_queue *queue;
	struct client_request *request; /* one Namespace at a time */
	char *name;                     /* under way; NULL: none */
	size_t next;                    /* kind to empty */
	bool has_content;
};

static void namespace_step(struct controller_namespace *n);

static void namespace_end(struct controller_namespace *n, bool ok, const struct err *err)
{
	char *name = TAKE_PTR(n->name);

	if (err)
		log_warning("namespace: emptying failed namespace=%s error=\"%s\"", name, err->msg);
	client_queue_done(n->queue, str_of(name), ok);
	if (ok && n->has_content)
		client_queue_add_after(n->queue, str_of(name), NAMESPACE_AGAIN_MS);
	free(name);
}

static const struct api_kind *kind_at(size_t i)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	return i < n ? &kinds[i] : NULL;
}

static bool kind_is_held(const struct api_kind *k)
{
	return k->is_namespaced && (k->verbs & API_VERB_DELETE_COLLECTION) &&
	       (k->verbs & API_VERB_LIST);
}

static void send(struct controller_namespace *n, const struct client_call *call, client_fn fn)
{
	n->request = client_send(n->c->client, call, fn, n);
}

static void finalized(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_namespace *n = ctx;

	n->request = NULL;
	if (r == ERR_NOT_FOUND || r == ERR_CONFLICT)
		r = 0;
	namespace_end(n, r == 0, r < 0 ? err : NULL);
}

static void got(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_namespace *n = ctx;
	struct client_call call = {
		.method = HTTP_PUT,
		.kind = api_kind_of("Namespace"),
		.name = str_of(n->name),
		.subresource = STR("finalize"),
		.body = obj,
	};
	struct json *spec = json_get(obj, "spec");

	n->request = NULL;
	if (r < 0) {
		namespace_end(n, r == ERR_NOT_FOUND, r == ERR_NOT_FOUND ? NULL : err);
		return;
	}
	if (spec)
		json_remove(spec, "finalizers");
	send(n, &call, finalized);
}

static void listed(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_namespace *n = ctx;

	n->request = NULL;
	if (r < 0) {
		namespace_end(n, false, err);
		return;
	}
	n->has_content |= json_at(json_get(obj, "items"), 0) != NULL;
	n->next++;
	namespace_step(n);
}

static void emptied(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct controller_namespace *n = ctx;
	struct client_call call = {
		.method = HTTP_GET,
		.kind = kind_at(n->next),
		.ns = str_of(n->name),
		.query = STR("limit=1"),
	};

	n->request = NULL;
	if (r < 0 && r != ERR_NOT_FOUND && r != ERR_METHOD) {
		namespace_end(n, false, err);
		return;
	}
	send(n, &call, listed);
}

/* Empties the next kind; after the last, finishes the Namespace or comes back later. */
static void namespace_step(struct controller_namespace *n)
{
	struct client_call call = {.method = HTTP_DELETE, .ns = str_of(n->name)};

	while (kind_at(n->next) && !kind_is_held(kind_at(n->next)))
		n->next++;
	call.kind = kind_at(n->next);
	if (call.kind) {
		send(n, &call, emptied);
		return;
	}
	if (n->has_content) {
		namespace_end(n, true, NULL);
		return;
	}
	call = (struct client_call){
		.method = HTTP_GET,
		.kind = api_kind_of("Namespace"),
		.name = str_of(n->name),
	};
	send(n, &call, got);
}

static void namespace_work(void *ctx, struct str key)
{
	struct controller_namespace *n = ctx;
	struct client_object *o = client_reflector_get(n->c->namespaces, (struct str){0}, key);

	if (!o || !((const struct api_namespace *)o->view)->is_terminating) {
		client_queue_done(n->queue, key, true);
		return;
	}
	n->name = mem_xstrndup(key.ptr, key.len);
	n->next = 0;
	n->has_content = false;
	namespace_step(n);
}

void controller_namespace_changed(struct controller_namespace *n, const struct api_namespace *ns)
{
	if (ns->is_terminating)
		client_queue_add(n->queue, ns->meta.name);
}

struct controller_namespace *controller_namespace_new(struct controllers *c)
{
	static const struct client_queue_config config = {
		.base_ms = NAMESPACE_BASE_MS,
		.max_ms = NAMESPACE_MAX_MS,
	};
	struct controller_namespace *n = mem_xnew(struct controller_namespace);

	n->c = c;
	n->queue = client_queue_new(c->loop, &config, namespace_work, n);
	return n;
}

void controller_namespace_free(struct controller_namespace *n)
{
	if (!n)
		return;
	client_cancel(n->request);
	client_queue_free(n->queue);
	free(n->name);
	free(n);
}
