/* SPDX-License-Identifier: Apache-2.0 */
#include "store/done.h"

#include "loop/loop.h"
#include "tests/harness/test.h"

#include <pthread.h>

enum {
	THREADS = 4,
	EACH = 1000,
};

struct item {
	struct store_done_item item;
	struct store_done *d;
	unsigned *n_run, *last;
	unsigned number;
};

static void run_item(struct store_done_item *it)
{
	struct item *x = CONTAINER_OF(it, struct item, item);

	/* Of one thread, in its order. */
	ASSERT_EQ(*x->last + 1, x->number);
	*x->last = x->number;
	++*x->n_run;
	free(x);
}

struct producer {
	struct store_done *d;
	unsigned *n_run;
	unsigned last;
	pthread_t thread;
};

static void *produce(void *ctx)
{
	struct producer *p = ctx;

	for (unsigned i = 1; i <= EACH; i++) {
		struct item *x = mem_xnew(struct item);

		*x = (struct item){
			.item.run = run_item, .n_run = p->n_run, .last = &p->last, .number = i};
		store_done_push(p->d, &x->item);
	}
	return NULL;
}

TEST(any_thread_pushes_and_the_loop_runs)
{
	struct loop *l = loop_new();
	struct store_done *d = store_done_new(l);
	struct producer producers[THREADS];
	unsigned n_run = 0;

	for (size_t i = 0; i < THREADS; i++) {
		producers[i] = (struct producer){.d = d, .n_run = &n_run};
		ASSERT_EQ(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
	}
	while (n_run < THREADS * EACH)
		loop_turn(l, 1000);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(producers[i].thread, NULL);
	ASSERT_FALSE(store_done_run(d));
	store_done_free(d);
	loop_turn(l, 0);
	loop_free(l);
}

static void run_again(struct store_done_item *it)
{
	struct item *x = CONTAINER_OF(it, struct item, item);

	if (++*x->n_run < 3)
		store_done_push(x->d, it);
}

TEST(what_is_added_meanwhile_waits)
{
	struct loop *l = loop_new();
	struct store_done *d = store_done_new(l);
	unsigned n_run = 0;
	struct item x = {.item.run = run_again, .d = d, .n_run = &n_run}, y = x;

	store_done_push(d, &x.item);
	ASSERT_TRUE(store_done_run(d));
	ASSERT_EQ(n_run, 1);
	ASSERT_TRUE(store_done_run(d));
	ASSERT_TRUE(store_done_run(d));
	ASSERT_FALSE(store_done_run(d));
	ASSERT_EQ(n_run, 3);
	/* A cancelled one does not run; cancelling what is not there is nothing. */
	store_done_push(d, &y.item);
	store_done_cancel(d, &y.item);
	store_done_cancel(d, &y.item);
	ASSERT_FALSE(store_done_run(d));
	ASSERT_EQ(n_run, 3);
	store_done_free(d);
	loop_turn(l, 0);
	loop_free(l);
}
