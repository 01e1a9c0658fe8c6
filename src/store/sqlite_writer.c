/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The writer's thread: group commit. Requests that wait become one SQL transaction; each still
 * takes its own revision and compares against what those before it have written, so that one may
 * fail its compares without the others noticing. When the SQL transaction itself fails (the disk is
 * full) all of it is undone and every request of the group is told.
 *
 * Compaction is a mark (durable, at once) and a sweep that deletes, a few rows after each group and
 * when there is nothing else to do. Checkpoints happen when idle, or when the log has grown large.
 */

#include "store/sqlite.h"

struct latest {
	uint64_t id, create_rev; /* id 0: the key does not exist */
};

static int find(struct sqlite_store *s, struct str key, struct latest *ret, struct err *err)
{
	struct sqlite_db *d = &s->write_db;
	int r;

	*ret = (struct latest){0};
	sqlite_db_bind_str(d, SQLITE_DB_LATEST, 1, key);
	r = sqlite_db_step(d, SQLITE_DB_LATEST, err);
	if (r <= 0)
		return r;
	if (!sqlite_db_int(d, SQLITE_DB_LATEST, 2))
		*ret = (struct latest){sqlite_db_int(d, SQLITE_DB_LATEST, 0),
				       sqlite_db_int(d, SQLITE_DB_LATEST, 1)};
	sqlite_db_reset(d, SQLITE_DB_LATEST);
	return 0;
}

/* 1: all hold; 0: one failed and w says which. */
static int check_compares(struct sqlite_store *s, struct sqlite_write *w, struct err *err)
{
	for (size_t i = 0; i < w->txn.n_compares; i++) {
		const struct store_compare *c = &w->txn.compares[i];
		struct latest at;
		uint64_t now;
		int r = find(s, c->key, &at, err);

		if (r < 0)
			return r;
		now = sqlite_db_rev(at.id);
		if (now == c->mod_rev)
			continue;
		w->res = (struct store_txn_result){.rev = s->rev, .failed = i, .current_rev = now};
		w->r = err_set(&w->err, ERR_CONFLICT, "'%.*s' is at revision %llu, not %llu",
			       STR_ARG(c->key), (unsigned long long)now,
			       (unsigned long long)c->mod_rev);
		return 0;
	}
	return 1;
}

static int apply(struct sqlite_store *s, struct sqlite_write *w, size_t i, struct err *err)
{
	struct sqlite_db *d = &s->write_db;
	const struct store_op *op = &w->txn.ops[i];
	uint64_t rev = s->rev + 1;
	struct latest at;
	int r = find(s, op->key, &at, err);

	if (r < 0 || (!op->value && !at.id))
		return r;
	if (!at.id)
		at.create_rev = rev;
	sqlite_db_bind_int(d, SQLITE_DB_INSERT, 1, sqlite_db_id(rev, i));
	sqlite_db_bind_str(d, SQLITE_DB_INSERT, 2, op->key);
	sqlite_db_bind_int(d, SQLITE_DB_INSERT, 3, at.create_rev);
	sqlite_db_bind_int(d, SQLITE_DB_INSERT, 4, at.id);
	if (op->value)
		sqlite_db_bind_str(d, SQLITE_DB_INSERT, 5, bytes_str(op->value));
	r = sqlite_db_run(d, SQLITE_DB_INSERT, err);
	if (!r)
		store_events_add(&w->events, &(struct store_event){
						     .type = op->value ? STORE_PUT : STORE_DELETE,
						     .key = op->key,
						     .value = op->value,
						     .create_rev = op->value ? at.create_rev : 0,
						     .rev = rev,
					     });
	return r;
}

static int run_compact(struct sqlite_store *s, struct sqlite_write *w, struct err *err)
{
	int r = 0;

	s->is_sweep_paused = false;
	if (w->compact_rev > s->rev) {
		w->r = err_set(&w->err, ERR_INVALID,
			       "revision %llu is in the future; the newest is %llu",
			       (unsigned long long)w->compact_rev, (unsigned long long)s->rev);
	} else if (w->compact_rev > s->write_compacted) {
		r = sqlite_db_meta_set(&s->write_db, "compacted", w->compact_rev, err);
		if (!r)
			s->write_compacted = w->compact_rev;
	}
	w->res.rev = s->write_compacted;
	return r;
}

/* < 0: the whole group fails with err. */
static int run_one(struct sqlite_store *s, struct sqlite_write *w, struct err *err)
{
	int r;

	if (w->compact_rev)
		return run_compact(s, w, err);
	r = check_compares(s, w, err);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < w->txn.n_ops; i++) {
		r = apply(s, w, i, err);
		if (r < 0)
			return r;
	}
	s->rev += w->events.v.len ? 1 : 0;
	w->res.rev = s->rev;
	return 0;
}

static bool has_sweep(const struct sqlite_store *s)
{
	return s->swept < s->write_compacted && !s->is_sweep_paused && !s->broken.code;
}

/* What rows up to the compacted revision have made useless: what they superseded, and they
 * themselves when they are deletions. */
static int sweep(struct sqlite_store *s, struct err *err)
{
	struct sqlite_db *d = &s->write_db;
	struct row {
		uint64_t id, prev_id;
		bool is_deletion;
	} rows[SQLITE_SWEEP_ROWS];
	size_t n = 0;
	uint64_t upto = s->write_compacted;
	int r;

	sqlite_db_bind_int(d, SQLITE_DB_SWEEP, 1, sqlite_db_last_id(s->swept));
	sqlite_db_bind_int(d, SQLITE_DB_SWEEP, 2, sqlite_db_last_id(upto));
	sqlite_db_bind_int(d, SQLITE_DB_SWEEP, 3, SQLITE_SWEEP_ROWS);
	while ((r = sqlite_db_step(d, SQLITE_DB_SWEEP, err)) > 0)
		rows[n++] = (struct row){sqlite_db_int(d, SQLITE_DB_SWEEP, 0),
					 sqlite_db_int(d, SQLITE_DB_SWEEP, 1),
					 sqlite_db_int(d, SQLITE_DB_SWEEP, 2) != 0};
	/* A piece ends with a whole revision: the next one begins after it. */
	if (n == SQLITE_SWEEP_ROWS) {
		upto = sqlite_db_rev(rows[n - 1].id) - 1;
		while (sqlite_db_rev(rows[n - 1].id) > upto)
			n--;
	}
	for (size_t i = 0; i < n && !r; i++) {
		if (rows[i].prev_id) {
			sqlite_db_bind_int(d, SQLITE_DB_DELETE, 1, rows[i].prev_id);
			r = sqlite_db_run(d, SQLITE_DB_DELETE, err);
		}
		if (rows[i].is_deletion && !r) {
			sqlite_db_bind_int(d, SQLITE_DB_DELETE, 1, rows[i].id);
			r = sqlite_db_run(d, SQLITE_DB_DELETE, err);
		}
	}
	if (!r)
		r = sqlite_db_meta_set(d, "swept", upto, err);
	if (!r)
		s->swept = upto;
	return r;
}

static int run_all(struct sqlite_store *s, struct list_node *group, struct err *err)
{
	int r = sqlite_db_run(&s->write_db, SQLITE_DB_BEGIN, err);

	if (r < 0)
		return r;
	list_foreach(struct store_done_item, it, group, link) {
		r = run_one(s, CONTAINER_OF(it, struct sqlite_write, item), err);
		if (r < 0)
			return r;
	}
	return sqlite_db_run(&s->write_db, SQLITE_DB_COMMIT, err);
}

/* After a failed sync nobody knows what is on the disk, and the kernel will not say it twice: the
 * file must be read anew before anything more is promised. */
static void note_broken(struct sqlite_store *s)
{
	int rc = sqlite3_extended_errcode(s->write_db.db);

	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC ||
	    (rc & 0xff) == SQLITE_CORRUPT)
		err_set(&s->broken, ERR_UNAVAILABLE,
			"writing has stopped: '%s': %s; restart to recover", s->write_db.path,
			sqlite3_errmsg(s->write_db.db));
}

static void fail_all(struct list_node *group, const struct err *err)
{
	list_foreach(struct store_done_item, it, group, link) {
		struct sqlite_write *w = CONTAINER_OF(it, struct sqlite_write, item);

		store_events_fini(&w->events);
		store_events_init(&w->events);
		w->res = (struct store_txn_result){0};
		w->err = *err;
		w->r = err->code;
	}
}

static void roll_back(struct sqlite_store *s)
{
	struct err unused;

	note_broken(s);
	if (!sqlite3_get_autocommit(s->write_db.db))
		IGNORE(sqlite_db_run(&s->write_db, SQLITE_DB_ROLLBACK, &unused),
		       "SQLite has rolled back already when this fails");
}

static void run_group(struct sqlite_store *s, struct list_node *group)
{
	uint64_t rev = s->rev, compacted = s->write_compacted;
	struct err err;

	if (s->broken.code) {
		fail_all(group, &s->broken);
		return;
	}
	if (run_all(s, group, &err) >= 0)
		return;
	roll_back(s);
	s->rev = rev;
	s->write_compacted = compacted;
	fail_all(group, &err);
}

/* An SQL transaction of its own: a disk too full for it must not fail anybody's write. */
static void run_sweep(struct sqlite_store *s)
{
	uint64_t swept = s->swept;
	struct err err;
	int r = sqlite_db_run(&s->write_db, SQLITE_DB_BEGIN, &err);

	if (!r)
		r = sweep(s, &err);
	if (!r)
		r = sqlite_db_run(&s->write_db, SQLITE_DB_COMMIT, &err);
	if (!r)
		return;
	roll_back(s);
	s->swept = swept;
	s->is_sweep_paused = true;
}

static int on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	((struct sqlite_store *)ctx)->wal_pages = pages;
	return SQLITE_OK;
}

/* PASSIVE: waits for nobody. What a long list still reads stays in the log until the next time. */
static void checkpoint(struct sqlite_store *s)
{
	s->wal_pages = 0;
	sqlite3_wal_checkpoint_v2(s->write_db.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void *sqlite_writer_main(void *ctx)
{
	struct sqlite_store *s = ctx;

	sqlite3_wal_hook(s->write_db.db, on_wal, s);
	for (;;) {
		bool is_idle = !has_sweep(s) && s->wal_pages < SQLITE_CHECKPOINT_PAGES;
		struct sqlite_group *g = sqlite_group_new(s);
		/* Asked before: what is submitted until the stop must not be left behind. */
		bool is_stopping = sqlite_queue_is_stopping(&s->writes);
		bool is_any = sqlite_queue_take(&s->writes, &g->writes, SQLITE_GROUP_MAX, is_idle);

		if (s->wal_pages >=
		    (is_any ? SQLITE_CHECKPOINT_PAGES_MAX : SQLITE_CHECKPOINT_PAGES))
			checkpoint(s);
		if (is_any) {
			run_group(s, &g->writes);
			store_done_push(s->store.done, &g->item);
		} else {
			free(g);
			if (is_stopping)
				return NULL;
		}
		if (has_sweep(s))
			run_sweep(s);
	}
}
