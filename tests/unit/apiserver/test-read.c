/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of an older revision, page by page, and what they ask the store for. */

#include "tests/unit/apiserver/server-fixture.h"

#define MAPS "/api/v1/namespaces/default/configmaps"

static const struct store_ops *inner;
static size_t last_limit;

static void spy_range(struct store *s, struct str prefix, struct str start, size_t limit,
		      uint64_t rev, store_range_fn fn, void *ctx)
{
	last_limit = limit;
	inner->range(s, prefix, start, limit, rev, fn, ctx);
}

static void begin(struct server_fixture *f)
{
	static struct store_ops spy;

	server_init(f);
	inner = f->config.store->ops;
	spy = *inner;
	spy.range = spy_range;
	f->config.store->ops = &spy;
	server_begin(f);
}

static void create_map(struct server_fixture *f, const char *name, const char *label)
{
	struct str body = str_printf(
		&f->a, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"is\":\"%s\"}}}", name, label);

	ASSERT_EQ(server_ask(f, HTTP_POST, MAPS, body.ptr), 201);
}

/* Names of the page, a blank behind each; the token of the next, or the absent str. */
static struct str page(struct server_fixture *f, const char *query, struct str token,
		       struct buf *names)
{
	struct str target = str_printf(&f->a, MAPS "?%s%s%.*s", query,
				       token.len ? "&continue=" : "", STR_ARG(token));

	ASSERT_EQ(server_ask(f, HTTP_GET, target.ptr, NULL), 200);
	json_foreach(it, json_get(f->object, "items")) {
		buf_add_str(names, json_string(json_path(it, "metadata.name")));
		buf_add_byte(names, ' ');
	}
	return json_string(json_path(f->object, "metadata.continue"));
}

static int64_t remaining(const struct server_fixture *f)
{
	return json_get_int(json_get(f->object, "metadata"), "remainingItemCount", -1);
}

TEST(a_page_of_history_reads_no_more_than_a_page)
{
	struct server_fixture f;
	struct buf names = BUF_INIT;
	struct str token;

	begin(&f);
	for (const char *name = "abcde"; *name; name++)
		create_map(&f, str_printf(&f.a, "%c", *name).ptr, "old");
	token = page(&f, "limit=2", (struct str){0}, &names);
	ASSERT_EQ(remaining(&f), 3);
	create_map(&f, "bb", "new");
	token = page(&f, "limit=2", token, &names);
	ASSERT_EQ(last_limit, 3);
	ASSERT_EQ(remaining(&f), 1);
	token = page(&f, "limit=2", token, &names);
	ASSERT_EQ(token.len, 0);
	ASSERT_EQ(remaining(&f), -1);
	ASSERT_STR(buf_str(&names), STR("a b c d e "));
	buf_fini(&names);
	server_fini(&f);
}

TEST(a_page_of_history_ends_where_the_kind_does)
{
	struct server_fixture f;
	struct buf names = BUF_INIT;
	struct str token;

	begin(&f);
	for (const char *name = "abcd"; *name; name++)
		create_map(&f, str_printf(&f.a, "%c", *name).ptr, "old");
	token = page(&f, "limit=2", (struct str){0}, &names);
	create_map(&f, "bb", "new");
	token = page(&f, "limit=2", token, &names);
	ASSERT_EQ(token.len, 0);
	ASSERT_STR(buf_str(&names), STR("a b c d "));
	buf_fini(&names);
	server_fini(&f);
}

TEST(a_page_of_history_with_a_selector_is_full_of_what_matches)
{
	struct server_fixture f;
	struct buf names = BUF_INIT;
	struct str token;

	begin(&f);
	create_map(&f, "a", "old");
	create_map(&f, "b", "new");
	create_map(&f, "c", "old");
	create_map(&f, "d", "new");
	create_map(&f, "e", "old");
	token = page(&f, "limit=1&labelSelector=is%3Dold", (struct str){0}, &names);
	create_map(&f, "cc", "old");
	token = page(&f, "limit=1&labelSelector=is%3Dold", token, &names);
	ASSERT_TRUE(token.len > 0);
	token = page(&f, "limit=1&labelSelector=is%3Dold", token, &names);
	ASSERT_EQ(token.len, 0);
	ASSERT_STR(buf_str(&names), STR("a c e "));
	buf_fini(&names);
	server_fini(&f);
}

TEST(what_is_still_to_come_is_not_given_as_if_it_were_there)
{
	struct server_fixture f;

	begin(&f);
	ASSERT_EQ(server_ask(&f, HTTP_GET, MAPS "?resourceVersion=100000", NULL), 504);
	ASSERT_EQ(server_ask(&f, HTTP_GET,
			     MAPS "?watch=true&sendInitialEvents=true&timeoutSeconds=1"
				  "&resourceVersionMatch=NotOlderThan&resourceVersion=100000",
			     NULL),
		  504);
	ASSERT_STR(json_string(json_path(f.object, "reason")), STR("Timeout"));
	server_fini(&f);
}
