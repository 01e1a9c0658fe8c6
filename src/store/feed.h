/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The watches of a store, whatever keeps its data.
 *
 * A watch is LIVE when it gets what is published, SYNCING while the back end still owes it history,
 * ENDED when its last callback has been made or waits in the queue. A back end
 *
 *  - opens a watch with the range of revisions that it has (oldest to newest);
 *  - hands history to a SYNCING one with store_feed_replay until it has caught up with `rev`;
 *  - publishes each transaction only while no watch is SYNCING (n_syncing == 0). So every watch has
 *    all events before the transaction's own callback runs, and none gets one twice.
 *
 * On the loop's thread only. Any watch may be closed or opened from inside a callback.
 */

#include "store/done.h"
#include "store/store.h"

enum store_watch_state {
	STORE_WATCH_SYNCING,
	STORE_WATCH_LIVE,
	STORE_WATCH_ENDED,
};

struct store_feed {
	struct store_done *done;
	struct list_node watches;
	uint64_t rev; /* the newest that was published */
	unsigned n_syncing;
	unsigned busy; /* callbacks under way: closed watches are kept until it is 0 */
	bool has_closed;
};

struct store_watch {
	struct list_node link;
	struct store_feed *feed;
	enum store_watch_state state;
	bool is_closed;
	struct str prefix; /* owned */
	uint64_t after;    /* events with a greater revision are still to be given */
	store_watch_fn fn;
	void *ctx;
	struct store_done_item end; /* ENDED: the last callback */
	struct err err;
	uint64_t end_rev;
	void *owner; /* the back end's, SYNCING: its request for history */
};

void store_feed_init(struct store_feed *f, struct store_done *done, uint64_t rev);
void store_feed_fini(struct store_feed *f); /* closes what is open */

/* The watch ends at once (in a later turn) with ERR_GONE when after_rev < oldest, with ERR_INVALID
 * when after_rev > newest or the prefix is too long. It is SYNCING when after_rev < f->rev. */
struct store_watch *store_feed_open(struct store_feed *f, struct str prefix, uint64_t after_rev,
				    uint64_t oldest, uint64_t newest, store_watch_fn fn, void *ctx);
void store_feed_close(struct store_watch *w);

/* History for a SYNCING watch: whole transactions after w->after, up to `rev`. LIVE with is_last,
 * when `rev` is f->rev, or less where nothing came after it. The watch may be gone afterwards. */
void store_feed_replay(struct store_watch *w, const struct store_event *events, size_t n,
		       uint64_t rev, bool is_last);
/* Ends a watch now: one callback with r < 0. */
void store_feed_end(struct store_watch *w, const struct err *err, uint64_t rev);

/* The same for all that are open now and that are still to be given events after `after` or later
 * only (0: all). */
void store_feed_end_all(struct store_feed *f, uint64_t after, const struct err *err, uint64_t rev);

/* One transaction. */
void store_feed_publish(struct store_feed *f, const struct store_event *events, size_t n,
			uint64_t rev);
