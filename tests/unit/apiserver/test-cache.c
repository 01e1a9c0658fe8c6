/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/cache.h"

#include "tests/harness/test.h"

#include <stdio.h>

static const struct api_kind kind = {.kind = "Thing", .version = "v1", .is_namespaced = true};
static struct resource res = {
	.kind = &kind,
	.api_version = {"v1", 2},
	.head = {"{\"kind\":\"Thing\",\"apiVersion\":\"v1\",\"metadata\":{", 46},
};

static struct bytes *value_of(const char *name, int n)
{
	_cleanup_(mem_freep) char *text = mem_xprintf(
		"{\"kind\":\"Thing\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%s\"},\"n\":%d}",
		name, n);

	return bytes_dup(str_of(text));
}

static void put(struct cache *c, const char *key, int n, uint64_t rev)
{
	struct bytes *value = value_of(key, n);
	struct store_event e = {.type = STORE_PUT, .value = value, .rev = rev, .create_rev = rev};
	struct err err;

	ASSERT_OK(cache_apply(c, str_of(key), &e, &err));
	bytes_unref(value);
}

static void drop(struct cache *c, const char *key, uint64_t rev)
{
	struct store_event e = {.type = STORE_DELETE, .rev = rev};
	struct err err;

	ASSERT_OK(cache_apply(c, str_of(key), &e, &err));
}

TEST(the_head_is_as_long_as_it_says)
{
	ASSERT_EQ(res.head.len, strlen(res.head.ptr));
}

TEST(objects_are_sorted_and_spans_are_namespaces)
{
	struct cache *c = cache_new(&res);
	size_t first, end;

	cache_load_done(c, 1);
	put(c, "b/x", 1, 2);
	put(c, "a/y", 1, 3);
	put(c, "a-b/x", 1, 4);
	put(c, "a/x", 1, 5);
	ASSERT_EQ(c->objects.len, 4);
	cache_span(c, STR("a"), &first, &end);
	ASSERT_EQ(end - first, 2);
	ASSERT_STR(object_key(c->objects.ptr[first]), STR("a/x"));
	ASSERT_STR(object_ns(c->objects.ptr[first]), STR("a"));
	ASSERT_STR(object_name(c->objects.ptr[first]), STR("x"));
	cache_span(c, STR("none"), &first, &end);
	ASSERT_EQ(end, first);
	drop(c, "a/x", 6);
	drop(c, "a/x", 7);
	ASSERT_TRUE(cache_get(c, STR("a/x")) == NULL);
	ASSERT_EQ(cache_get(c, STR("a/y"))->rev, 3);
	cache_free(c);
}

struct seen {
	int n;
	enum cache_event_type last;
	uint64_t rev;
	bool has_before;
};

static void on_event(void *ctx, struct cache *c, struct cache_event *e)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->last = e->type;
	seen->rev = e->rev;
	seen->has_before = e->before != NULL;
}

TEST(events_tell_what_happened)
{
	struct cache *c = cache_new(&res);
	struct seen seen = {0};

	c->on_event = on_event;
	c->ctx = &seen;
	cache_load_done(c, 1);
	put(c, "a/x", 1, 2);
	ASSERT_EQ(seen.last, CACHE_ADDED);
	ASSERT_FALSE(seen.has_before);
	put(c, "a/x", 2, 3);
	ASSERT_EQ(seen.last, CACHE_MODIFIED);
	ASSERT_TRUE(seen.has_before);
	drop(c, "a/x", 4);
	ASSERT_EQ(seen.last, CACHE_DELETED);
	ASSERT_EQ(seen.rev, 4);
	ASSERT_EQ(seen.n, 3);
	cache_free(c);
}

TEST(the_ring_resumes_and_forgets)
{
	struct cache *c = cache_new(&res);
	uint64_t at;

	cache_load_done(c, 10);
	ASSERT_EQ(cache_events_after(c, 9, &at), ERR_GONE);
	ASSERT_EQ(cache_events_after(c, 10, &at), 0);
	ASSERT_EQ(at, 0);
	for (uint64_t rev = 11; rev < 11 + CACHE_EVENTS_MAX; rev++)
		put(c, "a/x", (int)rev, rev);
	ASSERT_EQ(cache_events_after(c, 10, &at), 0);
	ASSERT_EQ(cache_event_at(c, at)->rev, 11);
	put(c, "a/x", 0, 20000);
	ASSERT_EQ(cache_events_after(c, 10, &at), ERR_GONE);
	ASSERT_EQ(cache_events_after(c, 11, &at), 0);
	ASSERT_EQ(cache_event_at(c, at)->rev, 12);
	ASSERT_EQ(cache_events_after(c, 15000, &at), 0);
	ASSERT_EQ(cache_event_at(c, at)->rev, 20000);
	ASSERT_EQ(cache_events_after(c, 20000, &at), 0);
	ASSERT_EQ(at, c->n_events);
	cache_free(c);
}

TEST(foreign_values_are_brought_into_form)
{
	struct cache *c = cache_new(&res);
	struct bytes *odd = bytes_dup(STR("{\"n\": 1, \"metadata\": {\"resourceVersion\": \"5\", "
					  "\"name\": \"x\"}}"));
	struct bytes *bad = bytes_dup(STR("k8s\0\n\x0c"));
	struct store_event e = {.type = STORE_PUT, .value = odd, .rev = 2, .create_rev = 2};
	struct buf b = BUF_INIT;
	struct err err;

	cache_load_done(c, 1);
	ASSERT_OK(cache_apply(c, STR("a/x"), &e, &err));
	object_write(&b, &res, cache_get(c, STR("a/x")), 7);
	ASSERT_STREQ(b.ptr, "{\"kind\":\"Thing\",\"apiVersion\":\"v1\",\"metadata\":{"
			    "\"resourceVersion\":\"7\",\"name\":\"x\"},\"n\":1}");
	e.value = bad;
	ASSERT_ERR(cache_apply(c, STR("a/y"), &e, &err), ERR_BAD_REQUEST);
	buf_fini(&b);
	bytes_unref(odd);
	bytes_unref(bad);
	cache_free(c);
}

TEST(metadata_alone_ends_where_it_ends)
{
	struct bytes *value =
		bytes_dup(STR("{\"kind\":\"Thing\",\"apiVersion\":\"v1\",\"metadata\":{"
			      "\"name\":\"x\",\"annotations\":{\"a\":\"}\\\"{[\\\\\"}}"
			      ",\"data\":{}}"));
	struct object *o = object_new(STR("x"), value, res.head.len, 3, 3);
	struct buf b = BUF_INIT;

	object_write_metadata(&b, o, 0, NULL);
	ASSERT_STREQ(b.ptr,
		     "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"a\":\"}\\\"{[\\\\\"}}}");
	ASSERT_FALSE(str_is_set(object_ns(o)));
	buf_fini(&b);
	object_unref(o);
	bytes_unref(value);
}
