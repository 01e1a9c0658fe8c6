/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include "base/metrics.h"
#include "client/events.h"
#include "tests/unit/client/fake.h"

#include <string.h>

struct fixture {
	struct fake fake;
	struct loop *loop;
	struct client *client;
	int calls, r;
	char name[64], message[ERR_MSG_MAX];
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){.loop = loop_new()};
	fake_init(&f->fake);
	f->client = client_new(f->loop, &f->fake.transport, "test/1");
}

static void finish(struct fixture *f)
{
	client_free(f->client);
	fake_fini(&f->fake);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
}

static void answered(void *ctx, int r, struct json *obj, const struct err *err)
{
	struct fixture *f = ctx;
	struct str name = json_get_string(json_get(obj, "metadata"), "name");

	f->calls++;
	f->r = r;
	snprintf(f->name, sizeof(f->name), "%.*s", STR_ARG(name));
	snprintf(f->message, sizeof(f->message), "%s", err ? err->msg : "");
}

static struct fake_call *get_service(struct fixture *f)
{
	struct client_call call = {.method = HTTP_GET,
				   .kind = api_kind_of("Service"),
				   .ns = STR("d"),
				   .name = STR("web"),
				   .subresource = STR("status"),
				   .query = STR("a=b")};

	client_send(f->client, &call, answered, f);
	return fake_next(&f->fake, f->loop);
}

TEST(an_answer_is_an_object)
{
	struct fixture f;
	struct fake_call *c;

	begin(&f);
	c = get_service(&f);
	ASSERT_STR(fake_target(c), STR("/api/v1/namespaces/d/services/web/status?a=b"));
	ASSERT_TRUE(strstr(c->headers.ptr, "accept: application/json\n"));
	ASSERT_TRUE(strstr(c->headers.ptr, "user-agent: test/1\n"));
	ASSERT_TRUE(!strstr(c->headers.ptr, "content-type"));
	fake_answer(c, 200, "{\"metadata\":{\"name\":\"web\"}}");
	ASSERT_EQ(f.r, 0);
	ASSERT_STREQ(f.name, "web");
	finish(&f);
}

TEST(errors_come_by_reason)
{
	static const struct {
		int status;
		const char *body;
		int code;
		const char *said;
	} rows[] = {
		{404, "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"no web\"}",
		 ERR_NOT_FOUND, "services/web/status?a=b: no web"},
		{409, "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":\"m\"}",
		 ERR_EXISTS, "m"},
		{409, "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"m\"}",
		 ERR_CONFLICT, "m"},
		{410, "{\"kind\":\"Status\",\"reason\":\"Expired\",\"message\":\"m\"}", ERR_GONE,
		 "m"},
		{502, "<html>", ERR_INTERNAL, "HTTP 502"},
		{200, "{\"metadata\":", ERR_BAD_REQUEST, "line 1"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fixture f;

		begin(&f);
		fake_answer(get_service(&f), rows[i].status, rows[i].body);
		ASSERT_EQ(f.calls, 1);
		ASSERT_EQ(f.r, rows[i].code);
		if (!strstr(f.message, rows[i].said))
			test_fail(__FILE__, __LINE__, "\"%s\", wanted \"%s\"", f.message,
				  rows[i].said);
		finish(&f);
	}
}

TEST(a_broken_connection_is_told_once)
{
	struct fixture f;
	struct fake_call *c;

	begin(&f);
	c = get_service(&f);
	fake_head(c, 200);
	fake_data(c, "{\"metadata\":");
	fake_end(c, ERR_UNAVAILABLE);
	ASSERT_EQ(f.calls, 1);
	ASSERT_EQ(f.r, ERR_UNAVAILABLE);
	finish(&f);
}

TEST(what_is_under_way_is_cancelled_in_silence)
{
	struct fixture f;

	begin(&f);
	get_service(&f);
	finish(&f);
	ASSERT_EQ(f.calls, 0);
}

static void record(struct client_events *e, const char *reason)
{
	const struct api_meta about = {.name = STR("web"), .ns = STR("d"), .uid = STR("u")};

	client_event(e, "v1", "Service", &about, CLIENT_EVENT_WARNING, reason, "failed: %d", 7);
}

TEST(equal_events_are_one)
{
	struct fixture f;
	struct client_events *e;
	struct fake_call *c;

	begin(&f);
	e = client_events_new(f.loop, f.client, "tester", "n1");
	record(e, "Failed");
	record(e, "Failed");
	c = fake_next(&f.fake, f.loop);
	ASSERT_EQ(c->method, HTTP_POST);
	ASSERT_STR(fake_target(c), STR("/api/v1/namespaces/d/events"));
	ASSERT_TRUE(strstr(c->body,
			   "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"Service\","
			   "\"namespace\":\"d\",\"name\":\"web\",\"uid\":\"u\"}"));
	ASSERT_TRUE(strstr(c->body, "\"type\":\"Warning\",\"reason\":\"Failed\","
				    "\"message\":\"failed: 7\""));
	ASSERT_TRUE(strstr(c->body, "\"source\":{\"component\":\"tester\",\"host\":\"n1\"}"));
	fake_answer(c, 201, "{}");
	record(e, "Failed"); /* within the pause: counted only */
	ASSERT_TRUE(!fake_find(&f.fake));
	record(e, "Other");
	ASSERT_TRUE(fake_find(&f.fake) != NULL);
	client_events_free(e);
	finish(&f);
}

TEST(a_flood_of_events_is_dropped)
{
	struct buf b = BUF_INIT;
	struct fixture f;
	struct client_events *e;

	begin(&f);
	e = client_events_new(f.loop, f.client, "tester", NULL);
	for (int i = 0; i < CLIENT_EVENTS_PENDING_MAX + 5; i++) {
		char reason[16];

		snprintf(reason, sizeof(reason), "R%d", i);
		record(e, reason);
	}
	metrics_print(&b);
	ASSERT_TRUE(strstr(b.ptr, "\nfairlead_events_dropped_total{component=\"tester\"} 5\n"));
	buf_fini(&b);
	client_events_free(e);
	finish(&f);
}
