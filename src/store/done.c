/* SPDX-License-Identifier: Apache-2.0 */
#include "store/done.h"

#include "base/mem.h"
#include "loop/loop.h"

#include <pthread.h>

struct store_done {
	pthread_mutex_t lock;
	struct list_node items;
	struct loop_async *wake;
};

static void on_wake(void *ctx)
{
	store_done_run(ctx);
}

struct store_done *store_done_new(struct loop *l)
{
	struct store_done *d = mem_xnew(struct store_done);

	pthread_mutex_init(&d->lock, NULL);
	list_init(&d->items);
	d->wake = loop_async_new(l, on_wake, d);
	return d;
}

void store_done_free(struct store_done *d)
{
	if (!d)
		return;
	assert(list_is_empty(&d->items));
	loop_async_close(d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void store_done_push(struct store_done *d, struct store_done_item *it)
{
	pthread_mutex_lock(&d->lock);
	list_append(&d->items, &it->link);
	pthread_mutex_unlock(&d->lock);
	loop_async_send(d->wake);
}

void store_done_cancel(struct store_done *d, struct store_done_item *it)
{
	pthread_mutex_lock(&d->lock);
	list_remove(&it->link);
	pthread_mutex_unlock(&d->lock);
}

/* The first item before `end`, taken out. `end` is a marker in the list, so that what is added
 * meanwhile stays for the next turn and a cancelled item simply is not there. */
static struct store_done_item *take(struct store_done *d, const struct list_node *end)
{
	struct store_done_item *it = NULL;

	pthread_mutex_lock(&d->lock);
	if (d->items.next != end) {
		it = CONTAINER_OF(d->items.next, struct store_done_item, link);
		list_remove(&it->link);
	}
	pthread_mutex_unlock(&d->lock);
	return it;
}

bool store_done_run(struct store_done *d)
{
	struct list_node end;
	struct store_done_item *it;
	bool is_any = false;

	pthread_mutex_lock(&d->lock);
	list_append(&d->items, &end);
	pthread_mutex_unlock(&d->lock);
	while ((it = take(d, &end)) != NULL) {
		is_any = true;
		it->run(it);
	}
	pthread_mutex_lock(&d->lock);
	list_remove(&end);
	pthread_mutex_unlock(&d->lock);
	return is_any;
}
