/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/reports.h"

#include "apiserver/server.h"
#include "base/map.h"

#include <unistd.h>

enum {
	HOST_MAX = 256,
	NAME_MAX_BYTES = 200, /* of the object's name: with the suffix below the API's 253 */
};

struct reports {
	struct apiserver *s;
	struct map told; /* about, reason and text -> int64_t: when, in ms */
	char host[HOST_MAX];
};

struct reports *reports_new(struct apiserver *s)
{
	struct reports *r = mem_xnew(struct reports);

	r->s = s;
	if (gethostname(r->host, sizeof(r->host) - 1) < 0)
		r->host[0] = 0;
	return r;
}

void reports_free(struct reports *r)
{
	if (!r)
		return;
	map_fini_values(&r->told, free);
	free(r);
}

static void forget_old(struct reports *r, int64_t now_ms)
{
	map_foreach(e, &r->told)
		if (now_ms - *(int64_t *)e->value >= REPORTS_AGAIN_MS)
			free(map_remove(&r->told, map_key(e)));
}

/* False: it has been told lately. */
static bool is_news(struct reports *r, struct arena *a, const struct report *what)
{
	struct str uid = json_string(json_path(what->about, "metadata.uid"));
	struct str key =
		str_printf(a, "%.*s/%s/%.*s", STR_ARG(uid), what->reason, STR_ARG(what->text));
	int64_t now_ms = clock_mono_ms(r->s->clock), *at;

	forget_old(r, now_ms);
	if (map_get(&r->told, key) || map_len(&r->told) >= REPORTS_MAX)
		return false;
	at = mem_xnew(int64_t);
	*at = now_ms;
	map_put(&r->told, key, at);
	return true;
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static void copy(struct arena *a, struct json *to, const struct json *from, const char *key)
{
	struct str s = json_get_string(from, key);

	if (s.len)
		json_set(to, key, json_new_string(a, str_dup(a, s)));
}

static struct json *event(struct reports *r, struct arena *a, const struct report *what,
			  struct str ns)
{
	struct json *o = json_new(a, JSON_OBJECT), *meta = json_object_at(a, o, "metadata");
	struct json *about = json_object_at(a, o, "involvedObject");
	const struct json *of = json_get(what->about, "metadata");
	struct str name = json_get_string(of, "name");
	char now[CLOCK_RFC3339_MAX];
	uint64_t suffix;

	rand_bytes(&suffix, sizeof(suffix));
	json_set(meta, "name",
		 json_new_string(a, str_printf(a, "%.*s.%016llx",
					       (int)MIN(name.len, (size_t)NAME_MAX_BYTES), name.ptr,
					       (unsigned long long)suffix)));
	json_set(meta, "namespace", json_new_string(a, ns));
	copy(a, about, what->about, "kind");
	copy(a, about, what->about, "apiVersion");
	copy(a, about, of, "namespace");
	copy(a, about, of, "name");
	copy(a, about, of, "uid");
	json_set(o, "type", text(a, "Warning"));
	json_set(o, "reason", text(a, what->reason));
	json_set(o, "message", json_new_string(a, str_sub(what->text, 0, REPORTS_NOTE_MAX)));
	json_set(o, "action", text(a, what->action));
	json_set(o, "eventTime",
		 json_new_string(
			 a, str_dup(a, clock_format(now, r->s->clock->wall_ns(r->s->clock), 6))));
	json_set(o, "reportingComponent", text(a, what->controller));
	json_set(o, "reportingInstance",
		 json_new_string(a, str_printf(a, "%s-%s", what->controller, r->host)));
	return o;
}

static void on_written(void *ctx, int r, const struct err *err)
{
}

void reports_warn(struct reports *r, const struct report *what)
{
	static const struct http_call_events events = {.on_done = on_written};
	struct http_call_request req = {.method = HTTP_POST};
	struct http_transport *calls;
	struct buf b = BUF_INIT;
	struct arena a;
	struct str ns;

	if (r->s->is_stopping)
		return;
	arena_init(&a, 0);
	if (is_news(r, &a, what)) {
		ns = json_string(json_path(what->about, "metadata.namespace"));
		ns = ns.len ? ns : STR("default");
		json_write(&b, event(r, &a, what, ns));
		req.target = str_printf(&a, "/api/v1/namespaces/%.*s/events", STR_ARG(ns));
		req.body = bytes_dup(buf_str(&b));
		calls = server_calls(r->s);
		calls->ops->send(calls, &req, &events, NULL);
		bytes_unref(req.body);
	}
	buf_fini(&b);
	arena_fini(&a);
}
