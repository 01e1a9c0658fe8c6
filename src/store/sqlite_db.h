/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection to store.db: its schema, its statements, its errors. A connection is used by one
 * thread at a time.
 *
 * The table is append-only: a row is one change of one key. Its id is the revision and the place in
 * the transaction (sqlite_db_id), so that history is a scan by rowid and writes go to the end of
 * the file; the index on the key (which ends in the rowid) finds the newest row of a key, or the
 * one at a revision. prev_id names the row that this one superseded: that gives events their
 * previous value, and tells compaction what to delete without looking at anything older.
 */

#include "base/bytes.h"

#include <sqlite3.h>

enum {
	SQLITE_DB_APPLICATION_ID = 0x464c5244, /* "FLRD" */
	SQLITE_DB_FORMAT = 1,
};

enum sqlite_db_stmt {
	SQLITE_DB_BEGIN,
	SQLITE_DB_BEGIN_READ,
	SQLITE_DB_COMMIT,
	SQLITE_DB_ROLLBACK,
	SQLITE_DB_LATEST,   /* key -> id, create_rev, is deleted */
	SQLITE_DB_VALUE,    /* id -> value, create_rev */
	SQLITE_DB_INSERT,   /* id, key, create_rev, prev_id, value */
	SQLITE_DB_RANGE,    /* first key, newest id -> key, id */
	SQLITE_DB_HISTORY,  /* first id, last id, prefix, its length -> rows */
	SQLITE_DB_SWEEP,    /* first id, last id, limit -> id, prev_id, is deleted */
	SQLITE_DB_DELETE,   /* id */
	SQLITE_DB_NEWEST,   /* -> id */
	SQLITE_DB_META_GET, /* name -> value */
	SQLITE_DB_META_SET, /* name, value */
	SQLITE_DB_STMT_END,
};

struct sqlite_db {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *stmts[SQLITE_DB_STMT_END];
};

/* The writer's connection creates the file and its schema when there are none, and refuses
 * (ERR_INVALID) a file that is not ours or of a newer format. */
int sqlite_db_open(const char *path, bool is_writer, struct sqlite_db *ret,
		   struct err *err) _nodiscard_;
void sqlite_db_close(struct sqlite_db *d);

/* Fills err from the connection's last error. A full disk is ERR_UNAVAILABLE, all else ERR_SYSTEM.
 */
int sqlite_db_fail(const struct sqlite_db *d, const char *what, struct err *err);

/* Runs a statement that returns no row, with what is bound. */
int sqlite_db_run(struct sqlite_db *d, enum sqlite_db_stmt which, struct err *err) _nodiscard_;
/* 1: a row, whose columns may be read until sqlite_db_reset; 0: none (and it is reset). */
int sqlite_db_step(struct sqlite_db *d, enum sqlite_db_stmt which, struct err *err) _nodiscard_;
void sqlite_db_reset(struct sqlite_db *d, enum sqlite_db_stmt which);

/* Binding of what lives until the statement is reset. */
void sqlite_db_bind_int(struct sqlite_db *d, enum sqlite_db_stmt which, int at, uint64_t v);
void sqlite_db_bind_str(struct sqlite_db *d, enum sqlite_db_stmt which, int at, struct str s);
uint64_t sqlite_db_int(struct sqlite_db *d, enum sqlite_db_stmt which, int column);
struct str sqlite_db_str(struct sqlite_db *d, enum sqlite_db_stmt which, int column);
/* A copy, one reference; NULL for NULL. */
struct bytes *sqlite_db_bytes(struct sqlite_db *d, enum sqlite_db_stmt which, int column);

/* "compacted" (history goes back to it), "swept" (rows that it made useless are deleted up to it);
 * `fallback` when it is not there. */
int sqlite_db_meta(struct sqlite_db *d, const char *name, uint64_t fallback, uint64_t *ret,
		   struct err *err) _nodiscard_;
int sqlite_db_meta_set(struct sqlite_db *d, const char *name, uint64_t v,
		       struct err *err) _nodiscard_;
/* The newest revision in the file. */
int sqlite_db_newest(struct sqlite_db *d, uint64_t *ret, struct err *err) _nodiscard_;

static inline uint64_t sqlite_db_id(uint64_t rev, uint64_t op)
{
	return rev << 8 | op;
}
static inline uint64_t sqlite_db_rev(uint64_t id)
{
	return id >> 8;
}
/* The greatest id of a revision. */
static inline uint64_t sqlite_db_last_id(uint64_t rev)
{
	return rev << 8 | 255;
}
