/* SPDX-License-Identifier: Apache-2.0 */

/* Lists and history. Each read is one SQLite read transaction: one state of the file. */

#include "store/sqlite.h"

static int check_rev(struct sqlite_read *q, uint64_t rev, uint64_t newest)
{
	if (rev > newest)
		return err_set(&q->err, ERR_INVALID,
			       "revision %llu is in the future; the newest is %llu",
			       (unsigned long long)rev, (unsigned long long)newest);
	if (rev < q->compacted)
		return err_set(&q->err, ERR_GONE,
			       "revision %llu has been compacted; history goes back to %llu",
			       (unsigned long long)rev, (unsigned long long)q->compacted);
	return 0;
}

/* The row of one key: into the result, or only counted. `key` is SQLite's and lives on. */
static int range_row(struct sqlite_db *d, struct sqlite_read *q, struct str key, uint64_t id)
{
	bool is_over = q->limit && q->kvs.v.len == q->limit;
	struct bytes *value;
	int r;

	sqlite_db_bind_int(d, SQLITE_DB_VALUE, 1, id);
	r = sqlite_db_step(d, SQLITE_DB_VALUE, &q->err);
	if (r <= 0)
		return r;
	if (is_over) {
		q->range.remaining +=
			sqlite3_column_type(d->stmts[SQLITE_DB_VALUE], 0) != SQLITE_NULL;
	} else if ((value = sqlite_db_bytes(d, SQLITE_DB_VALUE, 0)) != NULL) {
		store_kvs_add(&q->kvs, &(struct store_kv){
					       .key = key,
					       .value = value,
					       .create_rev = sqlite_db_int(d, SQLITE_DB_VALUE, 1),
					       .mod_rev = sqlite_db_rev(id),
				       });
		bytes_unref(value);
	}
	sqlite_db_reset(d, SQLITE_DB_VALUE);
	return 0;
}

static int run_range(struct sqlite_db *d, struct sqlite_read *q, uint64_t newest)
{
	struct str prefix = buf_str(&q->prefix), start = buf_str(&q->start);
	int r = q->rev ? check_rev(q, q->rev, newest) : 0;

	if (r < 0)
		return r;
	q->range.rev = q->rev ? q->rev : newest;
	sqlite_db_bind_str(d, SQLITE_DB_RANGE, 1, str_cmp(prefix, start) < 0 ? start : prefix);
	sqlite_db_bind_int(d, SQLITE_DB_RANGE, 2, sqlite_db_last_id(q->range.rev));
	while ((r = sqlite_db_step(d, SQLITE_DB_RANGE, &q->err)) > 0) {
		struct str key = sqlite_db_str(d, SQLITE_DB_RANGE, 0);

		if (!str_has_prefix(key, prefix))
			break;
		r = range_row(d, q, key, sqlite_db_int(d, SQLITE_DB_RANGE, 1));
		if (r < 0)
			break;
	}
	sqlite_db_reset(d, SQLITE_DB_RANGE);
	q->range.kvs = q->kvs.v.ptr;
	q->range.n = q->kvs.v.len;
	q->range.has_more = q->range.remaining > 0;
	return r < 0 ? r : 0;
}

static void add_event(struct sqlite_db *d, struct sqlite_read *q, uint64_t id)
{
	struct bytes *value = sqlite_db_bytes(d, SQLITE_DB_HISTORY, 3);
	uint64_t create_rev = sqlite_db_int(d, SQLITE_DB_HISTORY, 2);

	store_events_add(&q->events, &(struct store_event){
					     .type = value ? STORE_PUT : STORE_DELETE,
					     .key = sqlite_db_str(d, SQLITE_DB_HISTORY, 1),
					     .value = value,
					     .create_rev = value ? create_rev : 0,
					     .rev = sqlite_db_rev(id),
				     });
	bytes_unref(value);
}

/* One piece of history: whole transactions, up to q->reached. */
static int run_replay(struct sqlite_db *d, struct sqlite_read *q, uint64_t newest)
{
	struct str prefix = buf_str(&q->prefix);
	int r = check_rev(q, q->after, newest);

	if (r < 0)
		return r;
	sqlite_db_bind_int(d, SQLITE_DB_HISTORY, 1, sqlite_db_last_id(q->after));
	sqlite_db_bind_int(d, SQLITE_DB_HISTORY, 2, sqlite_db_last_id(q->upto));
	sqlite_db_bind_str(d, SQLITE_DB_HISTORY, 3, prefix);
	sqlite_db_bind_int(d, SQLITE_DB_HISTORY, 4, prefix.len);
	while ((r = sqlite_db_step(d, SQLITE_DB_HISTORY, &q->err)) > 0) {
		uint64_t id = sqlite_db_int(d, SQLITE_DB_HISTORY, 0);
		bool is_full = q->events.v.len >= SQLITE_REPLAY_EVENTS ||
			       q->events.n_bytes >= SQLITE_REPLAY_BYTES;

		if (is_full && vec_last(&q->events.v)->rev != sqlite_db_rev(id)) {
			q->reached = sqlite_db_rev(id) - 1;
			break;
		}
		add_event(d, q, id);
	}
	sqlite_db_reset(d, SQLITE_DB_HISTORY);
	return r < 0 ? r : 0;
}

void sqlite_reader_run(struct sqlite_store *s, struct sqlite_read *q)
{
	struct sqlite_db *d = &s->read_db;
	uint64_t newest = 0;
	struct err unused;

	q->compacted = 1;
	q->reached = q->upto;
	q->r = sqlite_db_run(d, SQLITE_DB_BEGIN_READ, &q->err);
	if (q->r < 0)
		return;
	q->r = sqlite_db_meta(d, "compacted", 1, &q->compacted, &q->err);
	if (!q->r)
		q->r = sqlite_db_newest(d, &newest, &q->err);
	if (!q->r)
		q->r = q->is_replay ? run_replay(d, q, newest) : run_range(d, q, newest);
	IGNORE(sqlite_db_run(d, SQLITE_DB_COMMIT, &unused), "ending a read cannot lose anything");
}

void *sqlite_reader_main(void *ctx)
{
	struct sqlite_store *s = ctx;
	struct list_node now;

	list_init(&now);
	while (sqlite_queue_take(&s->reads, &now, 1, true)) {
		struct store_done_item *it = list_first(struct store_done_item, &now, link);

		list_remove(&it->link);
		sqlite_reader_run(s, CONTAINER_OF(it, struct sqlite_read, item));
		store_done_push(s->store.done, it);
	}
	return NULL;
}
