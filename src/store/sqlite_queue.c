/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

void sqlite_queue_init(struct sqlite_queue *q)
{
	*q = (struct sqlite_queue){0};
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	list_init(&q->items);
}

void sqlite_queue_fini(struct sqlite_queue *q)
{
	assert(list_is_empty(&q->items));
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
}

void sqlite_queue_push(struct sqlite_queue *q, struct store_done_item *it)
{
	pthread_mutex_lock(&q->lock);
	assert(!q->is_stopping);
	list_append(&q->items, &it->link);
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void sqlite_queue_push_all(struct sqlite_queue *q, struct list_node *items)
{
	if (list_is_empty(items))
		return;
	pthread_mutex_lock(&q->lock);
	assert(!q->is_stopping);
	while (!list_is_empty(items)) {
		struct list_node *first = items->next;

		list_remove(first);
		list_append(&q->items, first);
	}
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

void sqlite_queue_stop(struct sqlite_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->is_stopping = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

bool sqlite_queue_is_stopping(struct sqlite_queue *q)
{
	bool is_stopping;

	pthread_mutex_lock(&q->lock);
	is_stopping = q->is_stopping;
	pthread_mutex_unlock(&q->lock);
	return is_stopping;
}

bool sqlite_queue_take(struct sqlite_queue *q, struct list_node *to, size_t max, bool may_wait)
{
	size_t n = 0;

	pthread_mutex_lock(&q->lock);
	while (may_wait && list_is_empty(&q->items) && !q->is_stopping)
		pthread_cond_wait(&q->wake, &q->lock);
	for (; n < max && !list_is_empty(&q->items); n++) {
		struct list_node *first = q->items.next;

		list_remove(first);
		list_append(to, first);
	}
	pthread_mutex_unlock(&q->lock);
	return n > 0;
}
