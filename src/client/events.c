/* SPDX-License-Identifier: Apache-2.0 */
#include "client/events.h"

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "client/client.h"
#include "loop/loop.h"

#include <stdarg.h>

/* One Event that was written or is being written. */
struct events_entry {
	struct list_node link; /* in client_events.entries, oldest first */
	char *key, *ns, *name;
	unsigned count;
	int64_t written_ms;
	bool is_created;
};

struct events_write {
	struct list_node link; /* in client_events.writes */
	struct client_events *events;
	struct client_request *request;
	char *key; /* of the entry, which may be gone when the answer comes */
};

struct client_events {
	struct loop *loop;
	struct client *client;
	char *component, *host;
	struct map by_key;
	struct list_node entries, writes;
	size_t n_writes;
};

static struct metric dropped = {
	.name = "fairlead_events_dropped_total",
	.help = "Events that were not written: too many at a time, or the write has failed.",
	.kind = METRIC_COUNTER,
	.labels = {"component"},
};
static struct metric *const metrics[] = {&dropped};

static void count_dropped(const struct client_events *e)
{
	metric_add(&dropped, (const char *const[]){e->component}, 1);
}

struct client_events *client_events_new(struct loop *l, struct client *c, const char *component,
					const char *host)
{
	struct client_events *e = mem_xnew(struct client_events);

	metrics_register(metrics, ARRAY_LEN(metrics));
	e->loop = l;
	e->client = c;
	e->component = mem_xstrdup(component);
	e->host = host ? mem_xstrdup(host) : NULL;
	list_init(&e->entries);
	list_init(&e->writes);
	return e;
}

static void entry_free(struct client_events *e, struct events_entry *it)
{
	map_remove(&e->by_key, str_of(it->key));
	list_remove(&it->link);
	free(it->key);
	free(it->ns);
	free(it->name);
	free(it);
}

static void write_free(struct events_write *w)
{
	list_remove(&w->link);
	w->events->n_writes--;
	free(w->key);
	free(w);
}

void client_events_free(struct client_events *e)
{
	if (!e)
		return;
	list_foreach(struct events_write, w, &e->writes, link) {
		client_cancel(w->request);
		write_free(w);
	}
	list_foreach(struct events_entry, it, &e->entries, link)
		entry_free(e, it);
	map_fini(&e->by_key);
	free(e->component);
	free(e->host);
	free(e);
}

static void events_answered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct events_write *w = ctx;
	struct client_events *e = w->events;
	struct events_entry *it = map_get(&e->by_key, str_of(w->key));

	if (r < 0) {
		count_dropped(e);
		if (it && (r == ERR_NOT_FOUND || !it->is_created))
			entry_free(e, it); /* the server forgot it, or never had it */
	} else if (it) {
		it->is_created = true;
	}
	write_free(w);
}

static void events_send(struct client_events *e, struct events_entry *it, enum http_method method,
			const struct json *body)
{
	struct events_write *w = mem_xnew(struct events_write);
	struct client_call call = {
		.method = method,
		.kind = api_kind_of("Event"),
		.ns = str_of(it->ns),
		.body = body,
	};

	if (method == HTTP_PATCH) {
		call.name = str_of(it->name);
		call.content_type = "application/merge-patch+json";
	}
	w->events = e;
	w->key = mem_xstrdup(it->key);
	list_append(&e->writes, &w->link);
	e->n_writes++;
	w->request = client_send(e->client, &call, events_answered, w);
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

/* What a new Event says. */
struct events_news {
	const char *api_version, *kind, *type, *reason, *message;
	const struct api_meta *about;
	struct str now;
};

static struct json *events_body(struct arena *a, const struct client_events *e,
				const struct events_entry *it, const struct events_news *n)
{
	struct json *body = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);
	struct json *about = json_new(a, JSON_OBJECT), *source = json_new(a, JSON_OBJECT);

	json_set(meta, "name", text(a, it->name));
	json_set(meta, "namespace", text(a, it->ns));
	json_set(about, "apiVersion", text(a, n->api_version));
	json_set(about, "kind", text(a, n->kind));
	if (n->about->ns.len)
		json_set(about, "namespace", json_new_string(a, n->about->ns));
	json_set(about, "name", json_new_string(a, n->about->name));
	if (n->about->uid.len)
		json_set(about, "uid", json_new_string(a, n->about->uid));
	json_set(source, "component", text(a, e->component));
	if (e->host)
		json_set(source, "host", text(a, e->host));
	json_set(body, "apiVersion", text(a, "v1"));
	json_set(body, "kind", text(a, "Event"));
	json_set(body, "metadata", meta);
	json_set(body, "involvedObject", about);
	json_set(body, "type", text(a, n->type));
	json_set(body, "reason", text(a, n->reason));
	json_set(body, "message", text(a, n->message));
	json_set(body, "source", source);
	json_set(body, "firstTimestamp", json_new_string(a, n->now));
	json_set(body, "lastTimestamp", json_new_string(a, n->now));
	json_set(body, "count", json_new_int(a, 1));
	return body;
}

static struct events_entry *events_entry_new(struct client_events *e, const struct api_meta *about,
					     const char *key)
{
	struct events_entry *it = mem_xnew(struct events_entry);
	uint64_t suffix;

	rand_bytes(&suffix, sizeof(suffix));
	it->key = mem_xstrdup(key);
	it->ns = mem_xprintf("%.*s", about->ns.len ? (int)about->ns.len : 7,
			     about->ns.len ? about->ns.ptr : "default");
	/* 200: with the suffix the name stays below the 253 that the API allows. */
	it->name = mem_xprintf("%.*s.%016llx", (int)MIN(about->name.len, (size_t)200),
			       about->name.len ? about->name.ptr : "", (unsigned long long)suffix);
	list_append(&e->entries, &it->link);
	map_put(&e->by_key, str_of(it->key), it);
	if (map_len(&e->by_key) > CLIENT_EVENTS_MAX)
		entry_free(e, list_first(struct events_entry, &e->entries, link));
	return it;
}

static void events_record(struct client_events *e, struct arena *a, const struct events_news *n)
{
	const char *key =
		str_printf(a, "%s/%.*s/%.*s/%.*s/%s/%s", n->kind, STR_ARG(n->about->ns),
			   STR_ARG(n->about->name), STR_ARG(n->about->uid), n->reason, n->message)
			.ptr;
	struct events_entry *it = map_get(&e->by_key, str_of(key));
	int64_t now_ms = clock_mono_ms(loop_clock(e->loop));
	struct json *patch;

	if (e->n_writes >= CLIENT_EVENTS_PENDING_MAX) {
		count_dropped(e);
		return;
	}
	if (!it) {
		it = events_entry_new(e, n->about, key);
		it->count = 1;
		it->written_ms = now_ms;
		events_send(e, it, HTTP_POST, events_body(a, e, it, n));
		return;
	}
	it->count++;
	if (!it->is_created || now_ms - it->written_ms < CLIENT_EVENT_PAUSE_MS)
		return;
	it->written_ms = now_ms;
	patch = json_new(a, JSON_OBJECT);
	json_set(patch, "count", json_new_int(a, it->count));
	json_set(patch, "lastTimestamp", json_new_string(a, n->now));
	events_send(e, it, HTTP_PATCH, patch);
}

void client_event(struct client_events *e, const char *api_version, const char *kind,
		  const struct api_meta *about, enum client_event_type type, const char *reason,
		  const char *fmt, ...)
{
	const struct clock *clock = loop_clock(e->loop);
	char time[CLOCK_RFC3339_MAX], message[CLIENT_EVENT_TEXT_MAX];
	struct events_news n = {
		.api_version = api_version,
		.kind = kind,
		.type = type == CLIENT_EVENT_WARNING ? "Warning" : "Normal",
		.reason = reason,
		.message = message,
		.about = about,
		.now = clock_format(time, clock->wall_ns(clock), 0),
	};
	struct arena a;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	arena_init(&a, 4096);
	events_record(e, &a, &n);
	arena_fini(&a);
}
