/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared inside the sqlite back end. Three threads:
 *
 *  - the loop's: store.h's calls, the watches, every callback (sqlite.c);
 *  - the writer's: transactions and compaction, in order. All that wait when it looks become one
 *    SQL transaction and one sync (sqlite_writer.c);
 *  - the reader's: lists and history, on a connection of its own, so that neither the loop nor a
 *    write waits for a long list (sqlite_reader.c).
 *
 * Requests go out through a struct sqlite_queue each and come back through store->done. While a
 * watch is being given history, transactions that are through wait in `held`: events first.
 */

#include "store/events.h"
#include "store/feed.h"
#include "store/sqlite_db.h"

#include <pthread.h>

enum {
	SQLITE_GROUP_MAX = 1024,           /* requests in one SQL transaction */
	SQLITE_REPLAY_EVENTS = 512,        /* history goes in pieces of about this many events */
	SQLITE_REPLAY_BYTES = 4 << 20,     /* or bytes */
	SQLITE_SWEEP_ROWS = 256,           /* compaction, rows in one SQL transaction */
	SQLITE_CHECKPOINT_PAGES = 1000,    /* checkpoint when idle and the log has these (8 MB) */
	SQLITE_CHECKPOINT_PAGES_MAX = 8000 /* … and even when not idle (64 MB) */
};

struct sqlite_queue {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list_node items; /* of struct store_done_item */
	bool is_stopping;
};

void sqlite_queue_init(struct sqlite_queue *q);
void sqlite_queue_fini(struct sqlite_queue *q);
void sqlite_queue_push(struct sqlite_queue *q, struct store_done_item *it);
/* All of `items`, which is empty afterwards, with one wake-up. */
void sqlite_queue_push_all(struct sqlite_queue *q, struct list_node *items);
void sqlite_queue_stop(struct sqlite_queue *q);
bool sqlite_queue_is_stopping(struct sqlite_queue *q);
/* Moves at most `max` requests to the end of `to`. Waits for one unless may_wait is false; returns
 * false when there is none (and, after waiting, none will come). */
bool sqlite_queue_take(struct sqlite_queue *q, struct list_node *to, size_t max, bool may_wait);

struct sqlite_store {
	struct store store;
	struct loop *loop;
	int lock_fd;
	bool is_closing;

	/* The loop's. */
	struct store_feed feed;
	struct list_node held;
	struct list_node corked; /* submitted by callbacks that are being run: sent together */
	bool is_settling;
	struct store_done_item kick; /* looks at `held` again */
	bool is_kicked;
	uint64_t newest; /* newest revision that anybody was told of */
	uint64_t compacted;

	/* The writer's. */
	struct sqlite_queue writes;
	pthread_t writer;
	struct sqlite_db write_db;
	uint64_t rev, write_compacted, swept;
	bool is_sweep_paused; /* it failed; the next compaction tries again */
	int wal_pages;
	struct err broken; /* code < 0: nothing is written any more */

	/* The reader's. */
	struct sqlite_queue reads;
	pthread_t reader;
	struct sqlite_db read_db;
};

struct sqlite_write {
	struct store_done_item item;
	struct sqlite_store *s;
	struct arena arena; /* the strings below */
	struct store_txn txn;
	uint64_t compact_rev; /* not 0: a compaction */
	store_txn_fn fn;
	void *ctx;
	int r;
	struct err err;
	struct store_txn_result res;
	struct store_events events;
	bool is_published;
};

/* What one SQL transaction has done: told in one turn, so that what the callbacks submit becomes
 * one group again. */
struct sqlite_group {
	struct store_done_item item;
	struct sqlite_store *s;
	struct list_node writes;
};
struct sqlite_group *sqlite_group_new(struct sqlite_store *s);

struct sqlite_read {
	struct store_done_item item;
	struct sqlite_store *s;
	struct buf prefix, start;
	int r;
	struct err err;
	uint64_t compacted; /* as found in the file */

	store_range_fn fn; /* a list */
	void *ctx;
	size_t limit;
	uint64_t rev;
	struct store_kvs kvs;
	struct store_range range;

	bool is_replay;            /* or history */
	struct store_watch *watch; /* NULL: closed meanwhile */
	uint64_t after, upto;
	struct store_events events;
	uint64_t reached;
};

/* Threads. */
void *sqlite_writer_main(void *s);
void *sqlite_reader_main(void *s);
/* One read, here and now. */
void sqlite_reader_run(struct sqlite_store *s, struct sqlite_read *q);
