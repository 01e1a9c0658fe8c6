/* SPDX-License-Identifier: Apache-2.0 */
#include "client/queue.h"

#include "base/buf.h"
#include "base/metrics.h"
#include "loop/loop.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>

/* What was begun, in order: "a b a". */
struct fixture {
	struct loop *loop;
	struct client_queue *q;
	struct buf begun;
	bool is_async;     /* the test calls client_queue_done itself */
	unsigned failures; /* to report before the first success */
	bool was_kept;
	bool is_again; /* once: added anew after it was done, by the key that was given */
};

static void work(void *ctx, struct str key)
{
	struct fixture *f = ctx;
	bool ok = f->failures == 0;

	buf_printf(&f->begun, "%.*s ", STR_ARG(key));
	if (f->is_async)
		return;
	f->failures -= !ok;
	f->was_kept = client_queue_done(f->q, key, ok);
	if (f->is_again) {
		f->is_again = false;
		client_queue_add_after(f->q, key, 1);
	}
}

static void begin(struct fixture *f, const struct client_queue_config *config)
{
	struct client_queue_config named = config ? *config : (struct client_queue_config){0};

	named.name = "tests";
	*f = (struct fixture){.loop = loop_new()};
	buf_init(&f->begun);
	f->q = client_queue_new(f->loop, &named, work, f);
}

static void assert_depth(const char *depth)
{
	char line[64];
	struct buf b = BUF_INIT;

	snprintf(line, sizeof(line), "\nfairlead_queue_depth{queue=\"tests\"} %s\n", depth);
	metrics_print(&b);
	ASSERT_TRUE(strstr(b.ptr, line) != NULL);
	buf_fini(&b);
}

static void finish(struct fixture *f)
{
	client_queue_free(f->q);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
	buf_fini(&f->begun);
}

static void turn_until(struct fixture *f, const char *begun)
{
	for (int i = 0; i < 2000 && !str_eq(buf_str(&f->begun), str_of(begun)); i++)
		loop_turn(f->loop, 10);
	ASSERT_STR(buf_str(&f->begun), str_of(begun));
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 3; i++)
		loop_turn(f->loop, 0);
}

TEST(a_key_is_queued_once)
{
	struct fixture f;

	begin(&f, NULL);
	client_queue_add(f.q, STR("a"));
	client_queue_add(f.q, STR("b"));
	client_queue_add(f.q, STR("a"));
	assert_depth("2");
	ASSERT_STREQ(f.begun.ptr, ""); /* never from inside the call */
	turn_until(&f, "a b ");
	assert_depth("0");
	finish(&f);
}

TEST(a_key_added_under_way_is_done_again_afterwards)
{
	struct fixture f;

	begin(&f, &(struct client_queue_config){.workers = 4});
	f.is_async = true;
	client_queue_add(f.q, STR("a"));
	turn_until(&f, "a ");
	client_queue_add(f.q, STR("a"));
	client_queue_add(f.q, STR("a"));
	turn(&f);
	ASSERT_STREQ(f.begun.ptr, "a ");
	client_queue_done(f.q, STR("a"), true);
	turn_until(&f, "a a ");
	client_queue_done(f.q, STR("a"), true);
	turn(&f);
	ASSERT_STREQ(f.begun.ptr, "a a ");
	finish(&f);
}

TEST(workers_bound_what_is_under_way)
{
	struct fixture f;

	begin(&f, &(struct client_queue_config){.workers = 2});
	f.is_async = true;
	client_queue_add(f.q, STR("a"));
	client_queue_add(f.q, STR("b"));
	client_queue_add(f.q, STR("c"));
	turn(&f);
	ASSERT_STREQ(f.begun.ptr, "a b ");
	assert_depth("1");
	client_queue_done(f.q, STR("a"), true);
	turn_until(&f, "a b c ");
	client_queue_done(f.q, STR("b"), true);
	client_queue_done(f.q, STR("c"), true);
	finish(&f);
}

TEST(failures_come_back_and_are_dropped_in_the_end)
{
	struct fixture f;

	begin(&f, &(struct client_queue_config){.base_ms = 1, .max_ms = 4, .max_retries = 3});
	f.failures = 2;
	client_queue_add(f.q, STR("a"));
	turn_until(&f, "a a a ");
	ASSERT_TRUE(f.was_kept);
	f.failures = 100;
	buf_clear(&f.begun);
	client_queue_add(f.q, STR("b"));
	turn_until(&f, "b b b b ");
	ASSERT_FALSE(f.was_kept);
	finish(&f);
}

TEST(add_after_keeps_the_earlier_time)
{
	struct fixture f;

	begin(&f, NULL);
	client_queue_add_after(f.q, STR("a"), 3600 * 1000);
	client_queue_add_after(f.q, STR("a"), 2);
	client_queue_add_after(f.q, STR("a"), 3600 * 1000);
	assert_depth("0");
	turn_until(&f, "a ");
	finish(&f);
}

TEST(a_delayed_key_can_be_added_at_once)
{
	struct fixture f;

	begin(&f, NULL);
	client_queue_add_after(f.q, STR("a"), 3600 * 1000);
	client_queue_add(f.q, STR("a"));
	turn_until(&f, "a ");
	finish(&f);
}

TEST(the_key_is_valid_until_the_work_returns)
{
	struct fixture f;

	begin(&f, NULL);
	f.is_again = true;
	client_queue_add(f.q, STR("a"));
	turn_until(&f, "a a ");
	finish(&f);
}
