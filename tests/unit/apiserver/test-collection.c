/* SPDX-License-Identifier: Apache-2.0 */

/* What a deletecollection makes of its options, and of the others' room. */

#include "apiserver/write/op.h"
#include "tests/unit/apiserver/server-fixture.h"

#define MAPS "/api/v1/namespaces/default/configmaps"

static void create_map(struct server_fixture *f, const char *name)
{
	struct str body = str_printf(&f->a, "{\"metadata\":{\"name\":\"%s\"}}", name);

	ASSERT_EQ(server_ask(f, HTTP_POST, MAPS, body.ptr), 201);
}

static size_t n_maps(struct server_fixture *f)
{
	ASSERT_EQ(server_ask(f, HTTP_GET, MAPS, NULL), 200);
	return json_get(f->object, "items")->count;
}

TEST(a_collection_is_not_deleted_in_a_dry_run)
{
	struct server_fixture f;

	server_init(&f);
	server_begin(&f);
	create_map(&f, "a");
	create_map(&f, "b");
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{\"dryRun\":[\"All\"]}"), 200);
	ASSERT_EQ(json_get(f.object, "items")->count, 2);
	ASSERT_EQ(n_maps(&f), 2);
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{}"), 200);
	ASSERT_EQ(n_maps(&f), 0);
	server_fini(&f);
}

TEST(the_options_of_a_collection_are_each_objects)
{
	struct server_fixture f;
	const struct json *meta;

	server_init(&f);
	server_begin(&f);
	create_map(&f, "a");
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{\"propagationPolicy\":\"Orphan\"}"), 200);
	ASSERT_EQ(n_maps(&f), 1);
	meta = json_path(json_at(json_get(f.object, "items"), 0), "metadata");
	ASSERT_TRUE(json_get_string(meta, "deletionTimestamp").len > 0);
	ASSERT_STR(json_string(json_at(json_get(meta, "finalizers"), 0)), STR("orphan"));
	server_fini(&f);
}

TEST(the_preconditions_of_a_collection_hold_for_each_object)
{
	struct server_fixture f;

	server_init(&f);
	server_begin(&f);
	create_map(&f, "a");
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{\"preconditions\":{\"uid\":\"other\"}}"),
		  409);
	ASSERT_EQ(n_maps(&f), 1);
	server_fini(&f);
}

TEST(bad_options_of_a_collection_delete_nothing)
{
	struct server_fixture f;

	server_init(&f);
	server_begin(&f);
	create_map(&f, "a");
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{\"propagationPolicy\":\"Sideways\"}"), 422);
	ASSERT_EQ(server_ask(&f, HTTP_DELETE, MAPS, "{"), 400);
	ASSERT_EQ(n_maps(&f), 1);
	server_fini(&f);
}

TEST(a_large_collection_leaves_room_for_other_writes)
{
	static const struct http_call_events events = {server_fixture_head, server_fixture_data,
						       server_fixture_done};
	struct http_call_request req = {.method = HTTP_DELETE, .target = STR(MAPS)};
	int64_t end = clock_mono_ms(&clock_system) + SERVER_WAIT_MS;
	struct server_fixture f;
	size_t most = 0;

	server_init(&f);
	server_begin(&f);
	for (unsigned i = 0; i < 400; i++)
		create_map(&f, str_printf(&f.a, "m%u", i).ptr);
	f.is_answered = false;
	buf_clear(&f.answer);
	f.calls->ops->send(f.calls, &req, &events, &f);
	while (!f.is_answered && clock_mono_ms(&clock_system) < end) {
		loop_turn(f.loop, 10);
		most = MAX(most, op_count(f.server));
	}
	ASSERT_EQ(f.status, 200);
	ASSERT_TRUE(most > 0 && most <= 128);
	ASSERT_EQ(n_maps(&f), 0);
	server_fini(&f);
}
