/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/wire.h"

#include "tests/harness/test.h"

#include <string.h>

static void check(struct buf *b, const char *want, size_t n)
{
	ASSERT_STR(buf_str(b), str_n(want, n));
	buf_fini(b);
}
#define CHECK(b, want) check(b, want, sizeof(want) - 1)

TEST(requests_are_what_etcd_reads)
{
	struct bytes *v = bytes_dup(STR("v"));
	struct store_compare compares[] = {{STR("/a"), 300}, {STR("/b"), 0}};
	struct store_op ops[] = {{STR("/a"), v}, {STR("/b"), NULL}};
	struct store_txn txn = {compares, 2, ops, 2};
	struct etcd_wire_range range = {STR("/a"), STR("/b"), 7, 300, true};
	struct buf b = BUF_INIT;

	etcd_wire_add_range(&b, &range);
	CHECK(&b, "\x0a\x02/a\x12\x02/b\x18\x07\x20\xac\x02\x40\x01");
	etcd_wire_add_txn(&b, &txn);
	CHECK(&b, "\x0a\x09\x10\x02\x1a\x02/a\x30\xac\x02"
		  "\x0a\x08\x10\x02\x1a\x02/b\x30\x00"
		  "\x12\x09\x12\x07\x0a\x02/a\x12\x01v"
		  "\x12\x06\x1a\x04\x0a\x02/b"
		  "\x1a\x08\x0a\x06\x0a\x02/a\x40\x01"
		  "\x1a\x08\x0a\x06\x0a\x02/b\x40\x01");
	etcd_wire_add_compact(&b, 5);
	CHECK(&b, "\x08\x05");
	etcd_wire_add_watch(&b, STR("/a"), STR("/b"), 9);
	CHECK(&b, "\x0a\x0a\x0a\x02/a\x12\x02/b\x18\x09");
	etcd_wire_add_progress(&b);
	CHECK(&b, "\x1a\x00");
	bytes_unref(v);
}

TEST(a_prefix_ends_where_the_next_begins)
{
	struct arena a;

	arena_init(&a, 0);
	ASSERT_STR(etcd_wire_prefix_end(&a, STR("/registry/")), STR("/registry0"));
	ASSERT_STR(etcd_wire_prefix_end(&a, STR("a\xff\xff")), STR("b"));
	ASSERT_STR(etcd_wire_prefix_end(&a, STR("\xff")), str_n("", 1));
	ASSERT_STR(etcd_wire_prefix_end(&a, STR("")), str_n("", 1));
	arena_fini(&a);
}

#define KV_A "\x0a\x02/a\x10\x03\x18\x04\x20\x02\x2a\x01v"

TEST(answers_are_read_and_unknown_fields_skipped)
{
	struct str kvs =
		STR("\x0a\x04\x08\x01\x18\x05\x12\x0d" KV_A
		    "\x18\x01\x20\x09\x7d\x01\x02\x03\x04\x79\x01\x02\x03\x04\x05\x06\x07\x08");
	struct str failed = STR("\x0a\x02\x18\x05\x1a\x11\x0a\x0f\x12\x0d" KV_A "\x1a\x02\x0a\x00");
	struct str watch =
		STR("\x0a\x02\x18\x05\x5a\x12\x08\x01\x12\x06\x0a\x02/a\x18\x05\x1a\x06\x0a"
		    "\x02/a\x18\x04");
	struct etcd_wire_kvs k;
	struct etcd_wire_txn t;
	struct etcd_wire_watch w;
	struct err err;
	uint64_t rev;

	ASSERT_OK(etcd_wire_read_kvs(kvs, &k, &err));
	ASSERT_EQ(k.rev, 5);
	ASSERT_EQ(k.count, 9);
	ASSERT_TRUE(k.has_more);
	ASSERT_EQ(k.kvs.len, 1);
	ASSERT_STR(k.kvs.ptr[0].key, STR("/a"));
	ASSERT_STR(k.kvs.ptr[0].value, STR("v"));
	ASSERT_EQ(k.kvs.ptr[0].create_rev, 3);
	ASSERT_EQ(k.kvs.ptr[0].mod_rev, 4);
	etcd_wire_kvs_fini(&k);

	ASSERT_OK(etcd_wire_read_txn(failed, &t, &err));
	ASSERT_FALSE(t.has_succeeded);
	ASSERT_EQ(t.mod_revs.len, 2);
	ASSERT_EQ(t.mod_revs.ptr[0], 4);
	ASSERT_EQ(t.mod_revs.ptr[1], 0);
	etcd_wire_txn_fini(&t);

	ASSERT_OK(etcd_wire_read_watch(watch, &w, &err));
	ASSERT_EQ(w.events.len, 1);
	ASSERT_TRUE(w.events.ptr[0].is_delete && !w.is_progress);
	ASSERT_EQ(w.events.ptr[0].kv.mod_rev, 5);
	etcd_wire_watch_fini(&w);

	ASSERT_OK(etcd_wire_read_watch(STR("\x0a\x02\x18\x07"), &w, &err));
	ASSERT_TRUE(w.is_progress);
	ASSERT_EQ(w.rev, 7);
	etcd_wire_watch_fini(&w);
	ASSERT_OK(etcd_wire_read_watch(STR("\x20\x01\x28\x09\x32\x02no"), &w, &err));
	ASSERT_TRUE(w.is_canceled && !w.is_progress);
	ASSERT_EQ(w.compact_rev, 9);
	ASSERT_STR(w.reason, STR("no"));
	etcd_wire_watch_fini(&w);
	ASSERT_OK(etcd_wire_read_rev(kvs, &rev, &err));
	ASSERT_EQ(rev, 5);
}

TEST(what_is_cut_off_is_an_error)
{
	struct str bad[] = {STR("\x0a"),
			    STR("\x0a\x05\x18"),
			    STR("\x18"),
			    STR("\x18\x80"),
			    STR("\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
			    STR("\x12\x03\x0a\x05\x61"),
			    STR("\x0b\x00"),
			    STR("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x")};
	struct etcd_wire_kvs k;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(etcd_wire_read_kvs(bad[i], &k, &err), ERR_BAD_REQUEST);
}
