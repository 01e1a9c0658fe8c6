/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The messages of etcd's v3 API that the store needs, to bytes and back (proto3; etcd's rpc.proto
 * and kv.proto give the field numbers). Pure: no connection, no state. Fields that nobody reads
 * are skipped, as proto3 wants it; what is cut off or runs past its message is ERR_BAD_REQUEST.
 *
 * What is read are views into the message, which must outlive them. Revisions are etcd's: never
 * negative, 0 where none is meant.
 */

#include "base/buf.h"
#include "base/vec.h"
#include "store/store.h"

/* Requests, appended to b. `end` of a range is the first key that does not belong to it; absent:
 * the one key only; "\0": all from `key` on. */
struct etcd_wire_range {
	struct str key, end;
	uint64_t limit, rev; /* 0: none; now */
	bool is_keys_only;
};
void etcd_wire_add_range(struct buf *b, const struct etcd_wire_range *range);
/* When a compare fails, etcd answers with the mod_rev of each key that was compared. */
void etcd_wire_add_txn(struct buf *b, const struct store_txn *txn);
void etcd_wire_add_compact(struct buf *b, uint64_t rev);
/* Events of [key, end) from revision `start` on (0: from now on), with what was before. */
void etcd_wire_add_watch(struct buf *b, struct str key, struct str end, uint64_t start);
void etcd_wire_add_progress(struct buf *b); /* asks for the revision that the watch has come to */

/* The end of the range of all keys that begin with `prefix`; in the arena. */
struct str etcd_wire_prefix_end(struct arena *a, struct str prefix);

struct etcd_wire_kv {
	struct str key, value;
	uint64_t create_rev, mod_rev;
};

struct etcd_wire_kvs {
	uint64_t rev;   /* of the store when it was read */
	uint64_t count; /* keys in the range, whatever the limit */
	bool has_more;
	VEC(struct etcd_wire_kv) kvs;
};
void etcd_wire_kvs_fini(struct etcd_wire_kvs *k);
/* *ret is filled, to be released, only on success (so with the others). */
int etcd_wire_read_kvs(struct str msg, struct etcd_wire_kvs *ret, struct err *err) _nodiscard_;

struct etcd_wire_txn {
	uint64_t rev;
	bool has_succeeded;
	VEC(uint64_t) mod_revs; /* not succeeded: of each key compared, 0 when absent */
};
void etcd_wire_txn_fini(struct etcd_wire_txn *t);
int etcd_wire_read_txn(struct str msg, struct etcd_wire_txn *ret, struct err *err) _nodiscard_;

struct etcd_wire_event {
	bool is_delete;
	struct etcd_wire_kv kv; /* delete: key and mod_rev (of the deletion) only */
};

struct etcd_wire_watch {
	uint64_t rev; /* of the store; without events: all before it have been sent */
	bool is_created, is_canceled;
	bool is_progress;     /* none of both, and no events */
	uint64_t compact_rev; /* canceled because history goes back to this only; or 0 */
	struct str reason;    /* canceled */
	VEC(struct etcd_wire_event) events;
};
void etcd_wire_watch_fini(struct etcd_wire_watch *w);
int etcd_wire_read_watch(struct str msg, struct etcd_wire_watch *ret, struct err *err) _nodiscard_;

/* Only the revision of the header: every answer has one. */
int etcd_wire_read_rev(struct str msg, uint64_t *ret, struct err *err) _nodiscard_;
