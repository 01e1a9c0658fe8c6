/* SPDX-License-Identifier: Apache-2.0 */
#include "client/reflector.h"

#include "tests/unit/client/fake.h"

#include <string.h>

#define STATUS_GONE                                                                                \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"too old " \
	"resource version: 7 (9)\",\"reason\":\"Expired\",\"code\":410}"

/* What the handlers were told, one letter and name an event: "+a ~a -a" and "." for synced. */
struct fixture {
	struct fake fake;
	struct loop *loop;
	struct client *client;
	struct client_reflector *r;
	struct buf told;
};

static void on_change(void *ctx, struct client_object *before, struct client_object *after)
{
	struct fixture *f = ctx;
	const struct api_meta *m = after ? after->meta : before->meta;

	if (f->told.len)
		buf_add_byte(&f->told, ' ');
	buf_printf(&f->told, "%c%.*s", !before ? '+' : after ? '~' : '-', STR_ARG(m->name));
}

static void on_synced(void *ctx)
{
	struct fixture *f = ctx;

	buf_add_c(&f->told, " .");
}

static void by_app(const struct client_object *o, client_emit_fn emit, void *ctx)
{
	struct str app = api_pairs_get(&o->meta->labels, "app");

	if (app.len)
		emit(ctx, app);
}

static void begin(struct fixture *f, const char *kind, const struct client_selection *sel)
{
	struct client_handler h = {on_change, on_synced, f};

	fake_init(&f->fake);
	f->loop = loop_new();
	f->client = client_new(f->loop, &f->fake.transport, "test");
	buf_init(&f->told);
	f->r = client_reflector_new(f->loop, f->client, api_kind_of(kind), sel);
	client_reflector_add(f->r, &h);
	client_reflector_index(f->r, "app", by_app);
}

static void finish(struct fixture *f)
{
	client_reflector_free(f->r);
	client_free(f->client);
	fake_fini(&f->fake);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
	buf_fini(&f->told);
}

static struct fake_call *next(struct fixture *f)
{
	return fake_next(&f->fake, f->loop);
}

#define ASSERT_TOLD(f, text)                                                                       \
	do {                                                                                       \
		ASSERT_STR(str_trim(buf_str(&(f)->told)), str_of(text));                           \
		buf_clear(&(f)->told);                                                             \
	} while (0)

static const char *service(char buf[512], const char *name, int uid, int rv)
{
	snprintf(buf, 512,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"d\",\"uid\":\"u%d\","
		 "\"resourceVersion\":\"%d\",\"labels\":{\"app\":\"%.1s\"}},\"spec\":{}}",
		 name, uid, rv, name);
	return buf;
}

static void send_list(struct fake_call *c, int rv, const char *more, const char *items)
{
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"%d\"", rv);
	if (more)
		buf_printf(&b, ",\"continue\":\"%s\"", more);
	buf_printf(&b, "},\"items\":[%s]}", items);
	fake_answer(c, 200, b.ptr);
	buf_fini(&b);
}

static void send_event(struct fake_call *c, const char *type, const char *object)
{
	struct buf b;

	buf_init(&b);
	buf_printf(&b, "{\"type\":\"%s\",\"object\":%s}\n", type, object);
	fake_data(c, b.ptr);
	buf_fini(&b);
}

/* Lists a (uid 1, rv 5) and b (uid 2, rv 6) at 7 and answers the watch's head. */
static struct fake_call *begin_watching(struct fixture *f)
{
	char a[512], b[512], both[1100];
	struct fake_call *watch;

	begin(f, "Service", NULL);
	snprintf(both, sizeof(both), "%s,%s", service(a, "a", 1, 5), service(b, "b", 2, 6));
	send_list(next(f), 7, NULL, both);
	buf_clear(&f->told);
	watch = next(f);
	fake_head(watch, 200);
	return watch;
}

static bool has(struct fake_call *c, const char *part)
{
	return strstr(c->target, part) != NULL;
}

TEST(lists_in_pages_and_watches_from_there)
{
	struct fixture f;
	struct fake_call *c;
	char buf[512];

	begin(&f, "Service", NULL);
	c = next(&f);
	ASSERT_STR(fake_target(c), STR("/api/v1/services?limit=500"));
	send_list(c, 7, "to/ken", service(buf, "a", 1, 5));
	ASSERT_TOLD(&f, "");
	ASSERT_FALSE(client_reflector_is_synced(f.r));
	c = next(&f);
	ASSERT_STR(fake_target(c), STR("/api/v1/services?limit=500&continue=to%2Fken"));
	send_list(c, 7, NULL, service(buf, "b", 2, 6));
	ASSERT_EQ(client_reflector_len(f.r), 2);
	ASSERT_TRUE(client_reflector_is_synced(f.r));
	ASSERT_EQ(client_reflector_rev(f.r), 7);
	ASSERT_EQ(f.told.len, strlen("+a +b ."));
	c = next(&f);
	ASSERT_TRUE(has(c, "/api/v1/services?watch=true&allowWatchBookmarks=true&timeoutSeconds="));
	ASSERT_TRUE(has(c, "&resourceVersion=7"));
	finish(&f);
}

TEST(selection_is_in_the_path_and_query)
{
	struct fixture f;
	struct client_selection sel = {STR("kube-system"), STR("app=x,!y"), STR("metadata.name=z")};
	struct fake_call *c;

	begin(&f, "Pod", &sel);
	c = next(&f);
	ASSERT_STR(fake_target(c),
		   STR("/api/v1/namespaces/kube-system/pods?labelSelector=app%3Dx%2C%21y&"
		       "fieldSelector=metadata.name%3Dz&limit=500"));
	finish(&f);
}

TEST(applies_events_and_keeps_indexes)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	struct client_object *o;
	char buf[512];

	send_event(w, "ADDED", service(buf, "abc", 3, 8));
	send_event(w, "MODIFIED", service(buf, "b", 2, 9));
	send_event(w, "DELETED", service(buf, "a", 1, 10));
	ASSERT_TOLD(&f, "+abc ~b -a");
	ASSERT_EQ(client_reflector_rev(f.r), 10);
	ASSERT_EQ(client_reflector_len(f.r), 2);
	ASSERT_TRUE(!client_reflector_get(f.r, STR("d"), STR("a")));
	o = client_reflector_get(f.r, STR("d"), STR("b"));
	ASSERT_STR(o->meta->resource_version, STR("9"));
	finish(&f);
}

static void count(void *ctx, struct client_object *o)
{
	++*(int *)ctx;
}

TEST(index_follows_the_objects)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	char buf[512];
	int n = 0;

	send_event(w, "ADDED", service(buf, "abc", 3, 8));
	client_reflector_each_in(f.r, "app", STR("a"), count, &n);
	ASSERT_EQ(n, 2);
	send_event(w, "DELETED", service(buf, "a", 1, 10));
	n = 0;
	client_reflector_each_in(f.r, "app", STR("a"), count, &n);
	ASSERT_EQ(n, 1);
	n = 0;
	client_reflector_each_in(f.r, "app", STR("zz"), count, &n);
	ASSERT_EQ(n, 0);
	finish(&f);
}

TEST(resumes_from_the_last_revision)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	char buf[512];

	send_event(w, "MODIFIED", service(buf, "b", 2, 9));
	fake_end(w, 0);
	w = next(&f);
	ASSERT_TRUE(has(w, "watch=true"));
	ASSERT_TRUE(has(w, "&resourceVersion=9"));
	ASSERT_TOLD(&f, "~b");
	finish(&f);
}

TEST(resumes_from_a_bookmark)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);

	send_event(w, "BOOKMARK",
		   "{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"90\"}}");
	ASSERT_EQ(client_reflector_rev(f.r), 90);
	fake_end(w, ERR_UNAVAILABLE);
	ASSERT_TRUE(has(next(&f), "&resourceVersion=90"));
	ASSERT_TOLD(&f, "");
	finish(&f);
}

TEST(a_disconnect_within_a_frame_drops_the_frame)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	char buf[512], frame[700];

	snprintf(frame, sizeof(frame), "{\"type\":\"ADDED\",\"object\":%s}",
		 service(buf, "c", 3, 8));
	fake_data(w, frame); /* whole, but without its newline */
	fake_end(w, ERR_UNAVAILABLE);
	ASSERT_TOLD(&f, "");
	w = next(&f);
	ASSERT_TRUE(has(w, "&resourceVersion=7"));
	fake_head(w, 200);
	for (const char *p = frame; *p; p++)
		fake_data(w, (const char[]){*p, '\0'});
	fake_data(w, "\n");
	ASSERT_TOLD(&f, "+c");
	finish(&f);
}

TEST(relists_after_410_and_tells_the_difference)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	char b[512], c[512], both[1100];

	send_event(w, "ERROR", STATUS_GONE);
	ASSERT_TRUE(w->is_cancelled);
	w = next(&f);
	ASSERT_STR(fake_target(w), STR("/api/v1/services?limit=500"));
	/* a is gone, b was made anew, c is new */
	snprintf(both, sizeof(both), "%s,%s", service(b, "b", 9, 11), service(c, "c", 3, 12));
	send_list(w, 20, NULL, both);
	ASSERT_TRUE(strstr(f.told.ptr, "-a") && strstr(f.told.ptr, "~b") &&
		    strstr(f.told.ptr, "+c"));
	ASSERT_EQ(f.told.len, strlen("-a ~b +c"));
	ASSERT_TRUE(has(next(&f), "&resourceVersion=20"));
	finish(&f);
}

TEST(a_410_answer_relists_too)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);

	fake_end(w, 0);
	w = next(&f);
	fake_answer(w, 410, STATUS_GONE);
	ASSERT_STR(fake_target(next(&f)), STR("/api/v1/services?limit=500"));
	ASSERT_TRUE(strstr(client_reflector_error(f.r), "too old"));
	finish(&f);
}

TEST(unchanged_objects_survive_a_relist)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	struct client_object *before = client_reflector_get(f.r, STR("d"), STR("a"));
	char a[512], b[512], both[1100];

	send_event(w, "ERROR", STATUS_GONE);
	snprintf(both, sizeof(both), "%s,%s", service(a, "a", 1, 5), service(b, "b", 2, 6));
	send_list(next(&f), 30, NULL, both);
	ASSERT_TOLD(&f, "");
	ASSERT_TRUE(client_reflector_get(f.r, STR("d"), STR("a")) == before);
	ASSERT_EQ(client_reflector_rev(f.r), 30);
	finish(&f);
}

TEST(broken_frames_relist)
{
	static const char *const broken[] = {
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":\n",
		"\"text\"\n",
		"{\"type\":\"SPOILED\",\"object\":{}}\n",
		"{\"type\":\"ADDED\"}\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":7}}}\n",
		"{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		struct fixture f;
		struct fake_call *w = begin_watching(&f);

		fake_data(w, broken[i]);
		ASSERT_TRUE(w->is_cancelled);
		ASSERT_STR(fake_target(next(&f)), STR("/api/v1/services?limit=500"));
		ASSERT_TOLD(&f, "");
		ASSERT_EQ(client_reflector_len(f.r), 2);
		finish(&f);
	}
}

TEST(a_server_that_went_back_in_time_is_listed_anew)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	char buf[512];

	send_event(w, "ADDED", service(buf, "c", 3, 2));
	ASSERT_TRUE(w->is_cancelled);
	ASSERT_STR(fake_target(next(&f)), STR("/api/v1/services?limit=500"));
	finish(&f);
}

TEST(failures_of_the_list_are_tried_again)
{
	struct fixture f;
	char buf[512];

	begin(&f, "Service", NULL);
	fake_end(next(&f), ERR_UNAVAILABLE);
	ASSERT_TRUE(strstr(client_reflector_error(f.r), "the connection broke"));
	fake_answer(next(&f), 500, "oh");
	fake_answer(next(&f), 200, "[1,2");
	fake_answer(next(&f), 200, "{\"items\":\"none\"}");
	send_list(next(&f), 7, "more", service(buf, "a", 1, 5));
	fake_answer(next(&f), 410, STATUS_GONE);
	ASSERT_FALSE(client_reflector_is_synced(f.r));
	send_list(next(&f), 8, NULL, service(buf, "a", 1, 5));
	ASSERT_TOLD(&f, "+a .");
	ASSERT_STREQ(client_reflector_error(f.r), "");
	finish(&f);
}

TEST(one_bad_object_does_not_hold_up_the_list)
{
	struct fixture f;
	char a[512], items[1024];

	begin(&f, "Service", NULL);
	snprintf(items, sizeof(items),
		 "%s,{\"metadata\":{\"name\":\"x\",\"namespace\":\"d\"},\"spec\":{\"ports\":7}}",
		 service(a, "a", 1, 5));
	send_list(next(&f), 7, NULL, items);
	ASSERT_TOLD(&f, "+a .");
	ASSERT_EQ(client_reflector_undecodable(f.r), 1);
	ASSERT_TRUE(client_reflector_error(f.r)[0]);
	finish(&f);
}

TEST(a_reference_outlives_the_cache)
{
	struct fixture f;
	struct fake_call *w = begin_watching(&f);
	struct client_object *o = client_object_ref(client_reflector_get(f.r, STR("d"), STR("a")));
	char buf[512];

	send_event(w, "DELETED", service(buf, "a", 1, 10));
	finish(&f);
	ASSERT_STR(o->meta->name, STR("a"));
	client_object_unref(o);
}

static void drop_labels(void *view)
{
	((struct api_service *)view)->meta.labels = (struct api_pairs){0};
}

TEST(pruned_views_keep_the_rest)
{
	struct fixture f;
	struct client_object *o;
	char buf[512];

	begin(&f, "Service", NULL);
	client_reflector_prune(f.r, drop_labels);
	send_list(next(&f), 7, NULL, service(buf, "a", 1, 5));
	o = client_reflector_get(f.r, STR("d"), STR("a"));
	ASSERT_EQ(o->meta->labels.n, 0);
	ASSERT_STR(o->meta->uid, STR("u1"));
	finish(&f);
}
