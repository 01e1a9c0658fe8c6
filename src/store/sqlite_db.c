/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_db.h"

#include <errno.h>

static const char schema[] =
	"BEGIN;"
	"CREATE TABLE revision (id INTEGER PRIMARY KEY, key BLOB NOT NULL, create_rev INTEGER NOT NULL,"
	" prev_id INTEGER NOT NULL, value BLOB);"
	"CREATE INDEX revision_key ON revision (key);"
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA application_id = 1179406916;"
	"PRAGMA user_version = 1;"
	"COMMIT;";
_Static_assert(SQLITE_DB_APPLICATION_ID == 1179406916 && SQLITE_DB_FORMAT == 1, "as in the schema");

/* wal_autocheckpoint is 0: the writer does it when it has time. Nothing is mapped: the server reads
 * the file once, and what was mapped then stayed resident for ever. */
static const char settings[] = "PRAGMA synchronous = FULL;"
			       "PRAGMA wal_autocheckpoint = 0;"
			       "PRAGMA journal_size_limit = 67108864;"
			       "PRAGMA mmap_size = 0;"
			       "PRAGMA cache_size = -16384;"
			       "PRAGMA temp_store = MEMORY;";

static const char *const sql[SQLITE_DB_STMT_END] = {
	[SQLITE_DB_BEGIN] = "BEGIN IMMEDIATE",
	[SQLITE_DB_BEGIN_READ] = "BEGIN",
	[SQLITE_DB_COMMIT] = "COMMIT",
	[SQLITE_DB_ROLLBACK] = "ROLLBACK",
	[SQLITE_DB_LATEST] = "SELECT id, create_rev, value IS NULL FROM revision WHERE key = ?1"
			     " ORDER BY id DESC LIMIT 1",
	[SQLITE_DB_VALUE] = "SELECT value, create_rev FROM revision WHERE id = ?1",
	[SQLITE_DB_INSERT] = "INSERT INTO revision (id, key, create_rev, prev_id, value)"
			     " VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQLITE_DB_RANGE] = "SELECT key, max(id) FROM revision INDEXED BY revision_key"
			    " WHERE key >= ?1 AND id <= ?2 GROUP BY key ORDER BY key",
	[SQLITE_DB_HISTORY] = "SELECT id, key, create_rev, value FROM revision"
			      " WHERE id > ?1 AND id <= ?2 AND substr(key, 1, ?4) = ?3"
			      " ORDER BY id",
	[SQLITE_DB_SWEEP] = "SELECT id, prev_id, value IS NULL FROM revision"
			    " WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
	[SQLITE_DB_DELETE] = "DELETE FROM revision WHERE id = ?1",
	[SQLITE_DB_NEWEST] = "SELECT coalesce(max(id), 0) FROM revision",
	[SQLITE_DB_META_GET] = "SELECT value FROM meta WHERE name = ?1",
	[SQLITE_DB_META_SET] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
			       " ON CONFLICT (name) DO UPDATE SET value = ?2",
};

int sqlite_db_fail(const struct sqlite_db *d, const char *what, struct err *err)
{
	int rc = sqlite3_errcode(d->db) & 0xff;
	int sys = sqlite3_system_errno(d->db);

	if (rc == SQLITE_FULL || (rc == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT)))
		return err_set(
			err, ERR_UNAVAILABLE,
			"%s: the disk is full at '%s': nothing can be written until there is "
			"room",
			what, d->path);
	if (rc == SQLITE_IOERR && sys)
		return err_set(err, ERR_SYSTEM, "%s: '%s': %s (%s)", what, d->path,
			       sqlite3_errmsg(d->db), strerror(sys));
	return err_set(err, ERR_SYSTEM, "%s: '%s': %s", what, d->path, sqlite3_errmsg(d->db));
}

static int exec(struct sqlite_db *d, const char *text, struct err *err)
{
	if (sqlite3_exec(d->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_db_fail(d, "set up the store", err);
	return 0;
}

static int query_int(struct sqlite_db *d, const char *text, int *ret, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(d->db, text, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	if (rc == SQLITE_NOTADB)
		return err_set(err, ERR_INVALID, "'%s' is not a Fairlead store (nor any database)",
			       d->path);
	return rc == SQLITE_ROW ? 0 : sqlite_db_fail(d, "read the store's header", err);
}

static int create(struct sqlite_db *d, struct err *err)
{
	int r = exec(d, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;", err);

	return r < 0 ? r : exec(d, schema, err);
}

/* Ours, of a format that we know; made when the file is empty. */
static int check_format(struct sqlite_db *d, struct err *err)
{
	int id = 0, format = 0, n_tables = 0, r;

	r = query_int(d, "PRAGMA application_id", &id, err);
	if (!r)
		r = query_int(d, "PRAGMA user_version", &format, err);
	if (!r)
		r = query_int(d, "SELECT count(*) FROM sqlite_schema", &n_tables, err);
	if (r < 0)
		return r;
	if (!id && !format && !n_tables)
		return create(d, err);
	if (id != SQLITE_DB_APPLICATION_ID)
		return err_set(err, ERR_INVALID,
			       "'%s' is not a Fairlead store (its application id is 0x%x)", d->path,
			       (unsigned)id);
	if (format != SQLITE_DB_FORMAT)
		return err_set(
			err, ERR_INVALID,
			"'%s' has format %d; this version of Fairlead knows format %d: use a "
			"newer one",
			d->path, format, SQLITE_DB_FORMAT);
	return 0;
}

static int prepare(struct sqlite_db *d, struct err *err)
{
	for (int i = 0; i < SQLITE_DB_STMT_END; i++)
		if (sqlite3_prepare_v3(d->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &d->stmts[i],
				       NULL) != SQLITE_OK)
			return sqlite_db_fail(d, "prepare a statement", err);
	return 0;
}

int sqlite_db_open(const char *path, bool is_writer, struct sqlite_db *ret, struct err *err)
{
	struct sqlite_db d = {.path = mem_xstrdup(path)};
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int r = 0;

	if (is_writer)
		flags |= SQLITE_OPEN_CREATE;
	if (sqlite3_open_v2(path, &d.db, flags, NULL) != SQLITE_OK)
		r = sqlite_db_fail(&d, "open", err);
	if (!r)
		sqlite3_busy_timeout(d.db, 5000);
	if (!r && is_writer)
		r = check_format(&d, err);
	if (!r)
		r = exec(&d, settings, err);
	if (!r && !is_writer)
		r = exec(&d, "PRAGMA query_only = ON", err);
	if (!r)
		r = prepare(&d, err);
	if (r < 0)
		sqlite_db_close(&d);
	else
		*ret = d;
	return r;
}

void sqlite_db_close(struct sqlite_db *d)
{
	for (int i = 0; i < SQLITE_DB_STMT_END; i++)
		sqlite3_finalize(d->stmts[i]);
	sqlite3_close(d->db);
	free(d->path);
	*d = (struct sqlite_db){0};
}

int sqlite_db_step(struct sqlite_db *d, enum sqlite_db_stmt which, struct err *err)
{
	int rc = sqlite3_step(d->stmts[which]), r;

	if (rc == SQLITE_ROW)
		return 1;
	r = rc == SQLITE_DONE ? 0 : sqlite_db_fail(d, "store", err);
	sqlite_db_reset(d, which);
	return r;
}

int sqlite_db_run(struct sqlite_db *d, enum sqlite_db_stmt which, struct err *err)
{
	int r = sqlite_db_step(d, which, err);

	assert(r <= 0);
	return r;
}

void sqlite_db_reset(struct sqlite_db *d, enum sqlite_db_stmt which)
{
	sqlite3_reset(d->stmts[which]);
	sqlite3_clear_bindings(d->stmts[which]);
}

/* Binding fails only for a bad index or for lack of memory: ours, or the end. */
void sqlite_db_bind_int(struct sqlite_db *d, enum sqlite_db_stmt which, int at, uint64_t v)
{
	int rc = sqlite3_bind_int64(d->stmts[which], at, (sqlite3_int64)v);

	assert(rc == SQLITE_OK);
}

void sqlite_db_bind_str(struct sqlite_db *d, enum sqlite_db_stmt which, int at, struct str s)
{
	/* A NULL pointer would be NULL and not the empty string. */
	int rc = sqlite3_bind_blob64(d->stmts[which], at, s.ptr ? s.ptr : "", s.len, SQLITE_STATIC);

	assert(rc == SQLITE_OK);
}

uint64_t sqlite_db_int(struct sqlite_db *d, enum sqlite_db_stmt which, int column)
{
	return (uint64_t)sqlite3_column_int64(d->stmts[which], column);
}

struct str sqlite_db_str(struct sqlite_db *d, enum sqlite_db_stmt which, int column)
{
	const void *p = sqlite3_column_blob(d->stmts[which], column);
	int n = sqlite3_column_bytes(d->stmts[which], column);

	return str_n(p ? p : "", (size_t)n);
}

struct bytes *sqlite_db_bytes(struct sqlite_db *d, enum sqlite_db_stmt which, int column)
{
	if (sqlite3_column_type(d->stmts[which], column) == SQLITE_NULL)
		return NULL;
	return bytes_dup(sqlite_db_str(d, which, column));
}

int sqlite_db_meta(struct sqlite_db *d, const char *name, uint64_t fallback, uint64_t *ret,
		   struct err *err)
{
	int r;

	sqlite3_bind_text(d->stmts[SQLITE_DB_META_GET], 1, name, -1, SQLITE_STATIC);
	r = sqlite_db_step(d, SQLITE_DB_META_GET, err);
	if (r < 0)
		return r;
	*ret = r ? sqlite_db_int(d, SQLITE_DB_META_GET, 0) : fallback;
	sqlite_db_reset(d, SQLITE_DB_META_GET);
	return 0;
}

int sqlite_db_meta_set(struct sqlite_db *d, const char *name, uint64_t v, struct err *err)
{
	sqlite3_bind_text(d->stmts[SQLITE_DB_META_SET], 1, name, -1, SQLITE_STATIC);
	sqlite_db_bind_int(d, SQLITE_DB_META_SET, 2, v);
	return sqlite_db_run(d, SQLITE_DB_META_SET, err);
}

int sqlite_db_newest(struct sqlite_db *d, uint64_t *ret, struct err *err)
{
	uint64_t compacted, rev;
	int r = sqlite_db_meta(d, "compacted", 1, &compacted, err);

	if (r < 0)
		return r;
	r = sqlite_db_step(d, SQLITE_DB_NEWEST, err);
	if (r < 0)
		return r;
	rev = sqlite_db_rev(sqlite_db_int(d, SQLITE_DB_NEWEST, 0));
	sqlite_db_reset(d, SQLITE_DB_NEWEST);
	/* The newest row may have been a deletion that compaction took away. */
	*ret = MAX(rev, compacted);
	return 0;
}
