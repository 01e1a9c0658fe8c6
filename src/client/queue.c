/* SPDX-License-Identifier: Apache-2.0 */
#include "client/queue.h"

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"
#include "loop/loop.h"

#include <string.h>

enum {
	QUEUE_BASE_MS = 5,
	QUEUE_MAX_MS = 1000 * 1000,
	QUEUE_TURN_KEYS = 256, /* begun in one turn of the loop, so that I/O gets its share */
};

struct queue_item {
	struct list_node link; /* in queue.ready while it waits for a worker */
	struct client_queue *queue;
	struct loop_timer *timer; /* armed: it is added when it fires; NULL: never was */
	int64_t due_ms;           /* of the timer */
	unsigned failures;
	bool is_working;
	bool is_dirty; /* added while it was worked on */
	bool is_begun; /* inside client_work_fn, which was promised its key */
	size_t len;
	char key[];
};

struct client_queue {
	struct loop *loop;
	struct client_queue_config config;
	client_work_fn fn;
	void *ctx;
	struct map items; /* key -> struct queue_item */
	struct list_node ready;
	size_t depth; /* length of ready */
	unsigned working;
	struct loop_timer *kick;
	bool *freed; /* set when the queue is freed under queue_run */
};

static struct queue_item *queue_item(struct client_queue *q, struct str key)
{
	struct queue_item *it = map_get(&q->items, key);

	if (it)
		return it;
	it = mem_xzalloc(sizeof(*it) + key.len + 1);
	it->queue = q;
	it->len = key.len;
	if (key.len)
		memcpy(it->key, key.ptr, key.len);
	list_init(&it->link);
	map_put(&q->items, key, it);
	return it;
}

static struct metric depth = {
	.name = "fairlead_queue_depth",
	.help = "Keys that wait for their controller.",
	.kind = METRIC_GAUGE,
	.labels = {"queue"},
};
static struct metric *const metrics[] = {&depth};

static void set_depth(struct client_queue *q, size_t to)
{
	q->depth = to;
	if (q->config.name)
		metric_set(&depth, (const char *const[]){q->config.name}, (double)to);
}

static void queue_item_free(void *p)
{
	struct queue_item *it = p;

	if (it->timer)
		loop_timer_close(it->timer);
	free(it);
}

static bool queue_item_is_delayed(const struct queue_item *it)
{
	return it->timer && loop_timer_is_armed(it->timer);
}

/* Forgets a key that nobody waits for. */
static void queue_drop_idle(struct queue_item *it)
{
	struct client_queue *q = it->queue;

	if (it->is_begun || it->is_working || it->is_dirty || list_is_linked(&it->link) ||
	    queue_item_is_delayed(it) || it->failures)
		return;
	map_remove(&q->items, str_n(it->key, it->len));
	queue_item_free(it);
}

static void queue_kick(struct client_queue *q)
{
	if (!loop_timer_is_armed(q->kick))
		loop_timer_start(q->kick, 0, 0);
}

static void queue_ready(struct queue_item *it)
{
	struct client_queue *q = it->queue;

	if (it->is_working) {
		it->is_dirty = true;
		return;
	}
	if (list_is_linked(&it->link))
		return;
	list_append(&q->ready, &it->link);
	set_depth(q, q->depth + 1);
	queue_kick(q);
}

static void queue_run(void *ctx)
{
	struct client_queue *q = ctx;
	bool freed = false;

	q->freed = &freed;
	for (unsigned n = 0; n < QUEUE_TURN_KEYS && q->working < q->config.workers; n++) {
		struct queue_item *it = list_first(struct queue_item, &q->ready, link);

		if (!it)
			break;
		list_remove(&it->link);
		set_depth(q, q->depth - 1);
		it->is_working = true;
		q->working++;
		it->is_begun = true;
		q->fn(q->ctx, str_n(it->key, it->len));
		if (freed)
			return;
		it->is_begun = false;
		queue_drop_idle(it);
	}
	q->freed = NULL;
	if (q->depth && q->working < q->config.workers)
		queue_kick(q);
}

static void queue_due(void *ctx)
{
	queue_ready(ctx);
}

static void queue_delay(struct queue_item *it, int64_t after_ms)
{
	int64_t due = clock_mono_ms(loop_clock(it->queue->loop)) + after_ms;

	if (queue_item_is_delayed(it) && it->due_ms <= due)
		return;
	if (!it->timer)
		it->timer = loop_timer_new(it->queue->loop, queue_due, it);
	it->due_ms = due;
	loop_timer_start(it->timer, after_ms, 0);
}

struct client_queue *client_queue_new(struct loop *l, const struct client_queue_config *config,
				      client_work_fn fn, void *ctx)
{
	struct client_queue *q = mem_xnew(struct client_queue);

	metrics_register(metrics, ARRAY_LEN(metrics));
	q->loop = l;
	if (config)
		q->config = *config;
	if (!q->config.base_ms)
		q->config.base_ms = QUEUE_BASE_MS;
	if (!q->config.max_ms)
		q->config.max_ms = QUEUE_MAX_MS;
	if (!q->config.workers)
		q->config.workers = 1;
	q->fn = fn;
	q->ctx = ctx;
	list_init(&q->ready);
	q->kick = loop_timer_new(l, queue_run, q);
	set_depth(q, 0);
	return q;
}

void client_queue_free(struct client_queue *q)
{
	if (!q)
		return;
	if (q->freed)
		*q->freed = true;
	loop_timer_close(q->kick);
	set_depth(q, 0);
	map_fini_values(&q->items, queue_item_free);
	free(q);
}

void client_queue_add(struct client_queue *q, struct str key)
{
	queue_ready(queue_item(q, key));
}

void client_queue_add_after(struct client_queue *q, struct str key, int64_t after_ms)
{
	if (after_ms <= 0)
		client_queue_add(q, key);
	else
		queue_delay(queue_item(q, key), after_ms);
}

static int64_t queue_backoff_ms(const struct client_queue_config *c, unsigned failures)
{
	int64_t ms = c->base_ms;

	while (--failures && ms < c->max_ms)
		ms *= 2;
	return MIN(ms, c->max_ms);
}

bool client_queue_done(struct client_queue *q, struct str key, bool ok)
{
	struct queue_item *it = map_get(&q->items, key);
	bool kept = true;

	assert(it && it->is_working);
	it->is_working = false;
	q->working--;
	if (ok) {
		it->failures = 0;
	} else if (q->config.max_retries && it->failures >= q->config.max_retries) {
		it->failures = 0;
		kept = false;
	} else {
		it->failures++;
		queue_delay(it, queue_backoff_ms(&q->config, it->failures));
	}
	if (it->is_dirty) {
		it->is_dirty = false;
		queue_ready(it);
	}
	queue_drop_idle(it);
	if (q->depth)
		queue_kick(q);
	return kept;
}
