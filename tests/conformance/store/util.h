/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's calls as a test wants them: each waits for its callback. A struct fixture is one loop
 * and one fresh store of the back end under test (backend-<name>.c).
 */

#include "base/vec.h"
#include "loop/loop.h"
#include "store/store.h"
#include "tests/harness/test.h"

/* The back end: a store without keys. */
struct store *backend_open(struct loop *l);
/* etcd only: one more, of another server, on what the first one has. */
struct store *backend_open_again(struct loop *l);

struct fixture {
	struct loop *loop;
	struct store *store;
};

void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f);

enum {
	DEADLINE_MS = 20000,
};
/* Turns the loop until *flag; fails the test at the deadline. */
void fixture_wait(struct fixture *f, const bool *flag);

struct done {
	bool is_done;
	int r;
	struct store_txn_result res;
	struct err err;
};
void done_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err);

/* One key. `value` NULL deletes. `compare` is a pointer to the mod_rev that the key must have, or
 * NULL. Returns the code; the rest in *ret when it is not NULL. */
int put_if(struct fixture *f, const char *key, const char *value, const uint64_t *compare,
	   struct done *ret);
/* Succeeds; returns the revision. */
uint64_t put(struct fixture *f, const char *key, const char *value);
int compact(struct fixture *f, uint64_t rev, struct done *ret);

struct list {
	bool is_done;
	int r;
	struct err err;
	struct arena arena;
	VEC(struct store_kv) kvs; /* value is NULL; see `values` */
	VEC(struct str) values;
	uint64_t rev, remaining;
	bool has_more;
};
void list_fn(void *ctx, int r, const struct store_range *range, const struct err *err);
void list_done(struct list *l);
/* Release with list_done. */
struct list range(struct fixture *f, const char *prefix, const char *start, size_t limit,
		  uint64_t rev);
/* "key=value@mod_rev …" of the keys that begin with prefix at rev, joined by blanks. */
const char *range_text(struct fixture *f, const char *prefix, uint64_t rev);

struct watcher {
	struct store_watch *w;
	struct buf text; /* "+key=value@rev " (a new key: "=value*@") and "-key@rev " */
	uint64_t rev;    /* newest that was given */
	unsigned n_batches, n_events, n_progress;
	bool is_ended;
	int r;
};
void watcher_open(struct fixture *f, struct watcher *w, const char *prefix, uint64_t after);
void watcher_close(struct fixture *f, struct watcher *w);
/* Until it has been given `rev`. */
void watcher_wait(struct fixture *f, struct watcher *w, uint64_t rev);
