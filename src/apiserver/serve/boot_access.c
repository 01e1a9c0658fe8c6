/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/boot_access.h"

#include "access/builtin.h"

enum {
	RETRY_MS = 500,
	CALL_MS = 30000,
};

#define ANNOTATION "rbac.authorization.kubernetes.io/autoupdate"
#define ROOT       "/apis/rbac.authorization.k8s.io/v1/"

struct call {
	struct boot_access *b;
	int status;
};

struct boot_access {
	struct apiserver *s;
	struct http_transport *transport;
	struct loop_timer *retry;
	void (*done)(void *ctx);
	void *ctx;
	struct call *calls; /* one for each built-in object */
	size_t n_pending, n_failed;
	struct err why; /* of the first that failed */
};

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	((struct call *)ctx)->status = status;
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct call *call = ctx;
	struct boot_access *b = call->b;

	if (r < 0 || (call->status >= 300 && call->status != 409)) {
		if (!b->n_failed++)
			IGNORE(err_set(&b->why, ERR_UNAVAILABLE, "%s (status %d)",
				       r < 0 ? err->msg : "refused", call->status),
			       "kept for the message");
	}
	if (--b->n_pending)
		return;
	if (!b->n_failed) {
		b->done(b->ctx);
		return;
	}
	server_tell(b->s, true, "cannot make the built-in roles, trying again: %.300s", b->why.msg);
	loop_timer_start(b->retry, RETRY_MS, 0);
}

/* Appends what `wanted` has and `list` lacks. True when there was something. */
static bool add_lacking(struct arena *a, struct json *obj, const struct json *wanted,
			const char *key)
{
	const struct json *from = json_get(wanted, key);
	struct json *list = json_get(obj, key);
	bool is_changed = false;

	if (!json_is(from, JSON_ARRAY))
		return false;
	if (!json_is(list, JSON_ARRAY))
		list = json_set(obj, key, json_new(a, JSON_ARRAY));
	json_foreach(w, from) {
		bool is_there = false;

		json_foreach(n, list)
			is_there |= json_eq(n, w);
		if (!is_there)
			json_append(list, json_clone(a, w));
		is_changed |= !is_there;
	}
	return is_changed;
}

/* What is stored, with what it lacks; NULL: it lacks nothing, or is not ours to change. */
static struct json *repaired(struct arena *a, const struct object *o, const struct json *wanted)
{
	struct json *obj;
	bool is_changed;

	if (object_decode(a, o, o->rev, &obj, NULL) < 0)
		return NULL;
	if (str_eq_c(json_get_string(json_path(obj, "metadata.annotations"), ANNOTATION), "false"))
		return NULL;
	is_changed = add_lacking(a, obj, wanted, "rules");
	is_changed |= add_lacking(a, obj, wanted, "subjects");
	return is_changed ? obj : NULL;
}

static void send(struct boot_access *b, struct call *call, enum http_method method,
		 struct str target, const struct json *body)
{
	static const struct http_call_events events = {on_head, NULL, on_done};
	struct http_call_request req = {.method = method, .target = target, .timeout_ms = CALL_MS};
	struct buf text = BUF_INIT;

	json_write(&text, body);
	req.body = bytes_dup(buf_str(&text));
	buf_fini(&text);
	*call = (struct call){.b = b};
	b->n_pending++;
	b->transport->ops->send(b->transport, &req, &events, call);
	bytes_unref(req.body);
}

static void ensure(struct boot_access *b, size_t i)
{
	const struct object *o;
	struct access_builtin what;
	struct json *obj;
	struct arena a;

	arena_init(&a, 0);
	what = access_builtin_at(i, &a, &obj);
	o = cache_get(server_resource_of(b->s, what.kind)->cache, str_of(what.name));
	if (!o) {
		send(b, &b->calls[i], HTTP_POST, str_printf(&a, ROOT "%s", what.plural), obj);
	} else {
		obj = repaired(&a, o, obj);
		if (obj)
			send(b, &b->calls[i], HTTP_PUT,
			     str_printf(&a, ROOT "%s/%s", what.plural, what.name), obj);
	}
	arena_fini(&a);
}

static void on_retry(void *ctx)
{
	struct boot_access *b = ctx;
	size_t n = access_builtin_count();

	b->n_failed = 0;
	for (size_t i = 0; i < n; i++)
		ensure(b, i);
	if (!b->n_pending)
		b->done(b->ctx);
}

struct boot_access *boot_access_start(struct apiserver *s, void (*done)(void *ctx), void *ctx)
{
	struct boot_access *b = mem_xnew(struct boot_access);

	b->s = s;
	b->done = done;
	b->ctx = ctx;
	b->calls = mem_xarray(access_builtin_count(), sizeof(struct call));
	b->transport = apiserver_transport(s);
	b->retry = loop_timer_new(s->loop, on_retry, b);
	loop_timer_start(b->retry, 0, 0);
	return b;
}

void boot_access_free(struct boot_access *b)
{
	if (!b)
		return;
	b->transport->ops->close(b->transport);
	loop_timer_close(b->retry);
	free(b->calls);
	free(b);
}
