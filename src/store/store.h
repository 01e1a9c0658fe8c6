/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store: keys, bytes and revisions. It knows no kinds.
 *
 * One 64-bit revision counts all changes: a transaction that changes anything takes the next one,
 * and all its changes share it. A key has the revision that created it and the one that last
 * changed it. History is kept until compacted, so lists and watches may start at any revision
 * from the compacted one on.
 *
 * All calls are asynchronous: they return at once, and the callback runs later on the loop's
 * thread, exactly once, never from inside the call. Strings passed in need to live only during the
 * call; what a callback is given lives only during the callback (struct bytes may be referenced).
 *
 * Ordering, on which the API server relies:
 *  - transactions that change a common key are applied in the order in which they were submitted
 *    (in memory and in sqlite: all are);
 *  - every watch has been given a transaction's events before its own callback says that it is
 *    durable, and gets events in order of revision, each once, never one it was not asked for;
 *  - a callback that says success says that the change is durable: it survives kill -9 and the loss
 *    of power (sqlite: synchronous=FULL). A failed transaction changed nothing.
 *
 * Errors: ERR_CONFLICT (a compare failed), ERR_GONE (compacted; `rev` of the callback tells from
 * where history goes), ERR_INVALID (a revision in the future; a limit exceeded), ERR_TOO_LARGE
 * (etcd only: more than it takes at once), ERR_UNAVAILABLE (the store cannot write now: disk full,
 * etcd without leader; reads go on and writes may succeed later), ERR_TIMEOUT (etcd only: the
 * answer was lost, and it is not known whether the change was made, or will be: as a whole, and
 * only if its compares hold at that moment), ERR_SYSTEM.
 *
 * Limits: STORE_KEY_MAX, STORE_VALUE_MAX, STORE_TXN_OPS_MAX; more is ERR_INVALID.
 */

#include "base/bytes.h"
#include "base/err.h"

struct loop;
struct store;
struct store_done;
struct store_watch;

enum {
	STORE_KEY_MAX = 1024,
	STORE_VALUE_MAX = 4 * 1024 * 1024,
	STORE_TXN_OPS_MAX = 128,
};

struct store_kv {
	struct str key;
	struct bytes *value;
	uint64_t create_rev, mod_rev;
};

/* The key's mod_rev must be this; 0: the key must not exist. */
struct store_compare {
	struct str key;
	uint64_t mod_rev;
};

struct store_op {
	struct str key;
	struct bytes *value; /* NULL deletes (a key that is absent is no change) */
};

struct store_txn {
	const struct store_compare *compares;
	size_t n_compares;
	const struct store_op *ops; /* at most one for each key */
	size_t n_ops;
};

struct store_txn_result {
	uint64_t rev;         /* success: of this change, or the current one when nothing changed */
	size_t failed;        /* ERR_CONFLICT: index of the first compare that failed */
	uint64_t current_rev; /* ERR_CONFLICT: mod_rev that key has now, 0 when absent */
};

/* r: 0 or negative; err is set when r < 0. May be NULL where nobody wants to know. */
typedef void (*store_txn_fn)(void *ctx, int r, const struct store_txn_result *res,
			     const struct err *err);

struct store_range {
	const struct store_kv *kvs; /* sorted by key, bytewise */
	size_t n;
	uint64_t rev;       /* the revision that was read */
	bool has_more;      /* the limit cut the list */
	uint64_t remaining; /* how many more there are, when has_more */
};
typedef void (*store_range_fn)(void *ctx, int r, const struct store_range *range,
			       const struct err *err);

/* Not what the key had before: etcd may have forgotten that by the time it tells of the change. */
struct store_event {
	enum store_event_type {
		STORE_PUT,
		STORE_DELETE,
	} type;
	struct str key;
	struct bytes *value; /* PUT: the new value; DELETE: NULL */
	uint64_t create_rev; /* PUT: equals rev when the key is new; DELETE: 0 */
	uint64_t rev;
};

/* One batch: all events of one or more whole transactions, in order. r < 0 ends the watch (ERR_GONE
 * when it fell behind compaction, ERR_UNAVAILABLE when the store was lost); close it then and begin
 * anew with a range. With n
 * == 0 and r == 0 it is progress: everything up to `rev` has been given; a watch that starts in the
 * past gets it once, when it has caught up. */
typedef void (*store_watch_fn)(void *ctx, int r, const struct store_event *events, size_t n,
			       uint64_t rev, const struct err *err);

struct store_ops {
	const char *name;
	/* Others write to it, too. What they have been told is done by now, a watch may tell a
	 * little later: a range at revision 0 says how far that is. */
	bool is_shared;
	/* The keys that begin with `prefix` and are >= start (absent: from the prefix), at most
	 * `limit` (0: all), as they were at `rev` (0: now). A single key: prefix = the key, limit
	 * 1, and test it. */
	void (*range)(struct store *s, struct str prefix, struct str start, size_t limit,
		      uint64_t rev, store_range_fn fn, void *ctx);
	void (*txn)(struct store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx);
	/* Events of keys that begin with `prefix`, with revision > after_rev. */
	struct store_watch *(*watch)(struct store *s, struct str prefix, uint64_t after_rev,
				     store_watch_fn fn, void *ctx);
	void (*watch_close)(struct store_watch *w); /* no callback after this */
	/* Forgets history before `rev`: what was current at `rev` stays readable at it. */
	void (*compact)(struct store *s, uint64_t rev, store_txn_fn fn, void *ctx);
	uint64_t (*current_rev)(struct store *s); /* newest revision that was given to watches */
	uint64_t (*compacted_rev)(struct store *s);
	/* Waits for what is under way; all callbacks run before it returns, and watches that are
	 * still open are closed. Not from inside a callback of the store. */
	void (*close)(struct store *s);
};

/* A back end's own struct begins with this. */
struct store {
	const struct store_ops *ops;
	struct store_done *done; /* callbacks that wait for their turn of the loop */
};

/* The calls, with the checks that are the same for every back end. */
void store_range(struct store *s, struct str prefix, struct str start, size_t limit, uint64_t rev,
		 store_range_fn fn, void *ctx);
void store_txn(struct store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx);
struct store_watch *store_watch(struct store *s, struct str prefix, uint64_t after_rev,
				store_watch_fn fn, void *ctx);
void store_watch_close(struct store *s, struct store_watch *w);
void store_compact(struct store *s, uint64_t rev, store_txn_fn fn, void *ctx);
uint64_t store_current_rev(struct store *s);
uint64_t store_compacted_rev(struct store *s);
void store_close(struct store *s);

/* Everything in memory, gone with the process. Revisions start at 1. */
struct store *store_memory_new(struct loop *l);

/* One file, DIR/store.db. Refuses (ERR_CONFLICT, naming the process) a directory that another
 * process has open. */
int store_sqlite_open(struct loop *l, const char *dir, struct store **ret,
		      struct err *err) _nodiscard_;
