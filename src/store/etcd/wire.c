/* SPDX-License-Identifier: Apache-2.0 */
#include "store/etcd/wire.h"

/* Field numbers of rpc.proto and kv.proto. */
enum {
	RANGE_KEY = 1,
	RANGE_END = 2,
	RANGE_LIMIT = 3,
	RANGE_REVISION = 4,
	RANGE_KEYS_ONLY = 8,
	COMPARE_RESULT = 1, /* EQUAL is 0 and so left out */
	COMPARE_TARGET = 2,
	COMPARE_TARGET_MOD = 2,
	COMPARE_KEY = 3,
	COMPARE_MOD_REVISION = 6,
	OP_RANGE = 1,
	OP_PUT = 2,
	OP_DELETE = 3,
	PUT_KEY = 1,
	PUT_VALUE = 2,
	TXN_COMPARE = 1,
	TXN_SUCCESS = 2,
	TXN_FAILURE = 3,
	COMPACT_REVISION = 1,
	WATCH_CREATE = 1,
	WATCH_PROGRESS = 3,
	CREATE_KEY = 1,
	CREATE_END = 2,
	CREATE_START = 3,
	ANSWER_HEADER = 1, /* of every answer */
	HEADER_REVISION = 3,
	KVS_KV = 2,
	KVS_MORE = 3,
	KVS_COUNT = 4,
	TXN_SUCCEEDED = 2,
	TXN_RESPONSE = 3,
	WATCH_CREATED = 3,
	WATCH_CANCELED = 4,
	WATCH_COMPACTED = 5,
	WATCH_REASON = 6,
	WATCH_EVENT = 11,
	EVENT_TYPE = 1,
	EVENT_KV = 2,
	KV_KEY = 1,
	KV_CREATE = 2,
	KV_MOD = 3,
	KV_VALUE = 5,
};

enum {
	TYPE_VARINT = 0,
	TYPE_FIXED64 = 1,
	TYPE_BYTES = 2,
	TYPE_FIXED32 = 5,
	VARINT_MAX = 10, /* bytes */
};

/* Writing */

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

static void add_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_add_byte(b, (char)(v | 0x80));
	buf_add_byte(b, (char)v);
}

/* All field numbers are below 16: a tag is one byte. */
static void add_u64(struct buf *b, unsigned field, uint64_t v)
{
	if (!v)
		return;
	add_varint(b, field << 3 | TYPE_VARINT);
	add_varint(b, v);
}

static size_t u64_size(uint64_t v)
{
	return v ? 1 + varint_size(v) : 0;
}

static void add_head(struct buf *b, unsigned field, size_t len)
{
	add_varint(b, field << 3 | TYPE_BYTES);
	add_varint(b, len);
}

static void add_bytes(struct buf *b, unsigned field, struct str s)
{
	if (!s.len)
		return;
	add_head(b, field, s.len);
	buf_add_str(b, s);
}

static size_t bytes_size(size_t len)
{
	return len ? 1 + varint_size(len) + len : 0;
}

static size_t message_size(size_t len)
{
	return 1 + varint_size(len) + len;
}

void etcd_wire_add_range(struct buf *b, const struct etcd_wire_range *range)
{
	add_bytes(b, RANGE_KEY, range->key);
	add_bytes(b, RANGE_END, range->end);
	add_u64(b, RANGE_LIMIT, range->limit);
	add_u64(b, RANGE_REVISION, range->rev);
	add_u64(b, RANGE_KEYS_ONLY, range->is_keys_only);
}

/* The revision is a member of a oneof: written even when it is 0. */
static void add_compare(struct buf *b, const struct store_compare *c)
{
	add_head(b, TXN_COMPARE,
		 u64_size(COMPARE_TARGET_MOD) + bytes_size(c->key.len) + 1 +
			 varint_size(c->mod_rev));
	add_u64(b, COMPARE_TARGET, COMPARE_TARGET_MOD);
	add_bytes(b, COMPARE_KEY, c->key);
	add_varint(b, COMPARE_MOD_REVISION << 3 | TYPE_VARINT);
	add_varint(b, c->mod_rev);
}

static void add_op(struct buf *b, const struct store_op *op)
{
	size_t n = bytes_size(op->key.len) + (op->value ? bytes_size(op->value->len) : 0);

	add_head(b, TXN_SUCCESS, message_size(n));
	add_head(b, op->value ? OP_PUT : OP_DELETE, n);
	add_bytes(b, PUT_KEY, op->key); /* a deletion's key has the same number */
	if (op->value)
		add_bytes(b, PUT_VALUE, bytes_str(op->value));
}

static void add_look(struct buf *b, struct str key)
{
	size_t n = bytes_size(key.len) + u64_size(1);

	add_head(b, TXN_FAILURE, message_size(n));
	add_head(b, OP_RANGE, n);
	add_bytes(b, RANGE_KEY, key);
	add_u64(b, RANGE_KEYS_ONLY, 1);
}

void etcd_wire_add_txn(struct buf *b, const struct store_txn *txn)
{
	for (size_t i = 0; i < txn->n_compares; i++)
		add_compare(b, &txn->compares[i]);
	for (size_t i = 0; i < txn->n_ops; i++)
		add_op(b, &txn->ops[i]);
	for (size_t i = 0; i < txn->n_compares; i++)
		add_look(b, txn->compares[i].key);
}

void etcd_wire_add_compact(struct buf *b, uint64_t rev)
{
	add_u64(b, COMPACT_REVISION, rev);
}

void etcd_wire_add_watch(struct buf *b, struct str key, struct str end, uint64_t start)
{
	add_head(b, WATCH_CREATE, bytes_size(key.len) + bytes_size(end.len) + u64_size(start));
	add_bytes(b, CREATE_KEY, key);
	add_bytes(b, CREATE_END, end);
	add_u64(b, CREATE_START, start);
}

void etcd_wire_add_progress(struct buf *b)
{
	add_head(b, WATCH_PROGRESS, 0);
}

struct str etcd_wire_prefix_end(struct arena *a, struct str prefix)
{
	while (prefix.len && (unsigned char)prefix.ptr[prefix.len - 1] == 0xff)
		prefix.len--;
	if (!prefix.len)
		return str_n("", 1); /* one NUL: to the end */
	prefix = str_dup(a, prefix);
	((char *)(uintptr_t)prefix.ptr)[prefix.len - 1]++;
	return prefix;
}

/* Reading */

struct reader {
	struct str rest;
	unsigned type;
	uint64_t field, number; /* number: a varint's value */
	struct str bytes;
};

static bool read_varint(struct str *rest, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < VARINT_MAX && i < rest->len; i++) {
		unsigned char c = (unsigned char)rest->ptr[i];

		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c & 0x80)
			continue;
		*rest = str_skip(*rest, i + 1);
		*ret = v;
		return true;
	}
	return false;
}

static int broken(struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST, "etcd's answer is not a whole message");
}

/* 1: a field; 0: the end. */
static int read_field(struct reader *r, struct err *err)
{
	uint64_t tag, n = 0;

	if (!r->rest.len)
		return 0;
	if (!read_varint(&r->rest, &tag))
		return broken(err);
	r->field = tag >> 3;
	r->type = tag & 7;
	r->number = 0;
	r->bytes = (struct str){0};
	if (r->type == TYPE_VARINT)
		return read_varint(&r->rest, &r->number) ? 1 : broken(err);
	if (r->type == TYPE_BYTES && !read_varint(&r->rest, &n))
		return broken(err);
	if (r->type == TYPE_FIXED64)
		n = 8;
	else if (r->type == TYPE_FIXED32)
		n = 4;
	else if (r->type != TYPE_BYTES)
		return broken(err);
	if (n > r->rest.len)
		return broken(err);
	r->bytes = str_n(r->rest.ptr, n);
	r->rest = str_skip(r->rest, n);
	return 1;
}

static bool is_bytes(const struct reader *r, unsigned field)
{
	return r->field == field && r->type == TYPE_BYTES;
}

static bool is_number(const struct reader *r, unsigned field)
{
	return r->field == field && r->type == TYPE_VARINT;
}

static int read_header(struct str msg, uint64_t *ret_rev, struct err *err)
{
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0)
		if (is_number(&r, HEADER_REVISION))
			*ret_rev = r.number;
	return n;
}

static int read_kv(struct str msg, struct etcd_wire_kv *ret, struct err *err)
{
	struct etcd_wire_kv kv = {.key = STR(""), .value = STR("")};
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_bytes(&r, KV_KEY))
			kv.key = r.bytes;
		else if (is_bytes(&r, KV_VALUE))
			kv.value = r.bytes;
		else if (is_number(&r, KV_CREATE))
			kv.create_rev = r.number;
		else if (is_number(&r, KV_MOD))
			kv.mod_rev = r.number;
	}
	if (n == 0)
		*ret = kv;
	return n;
}

void etcd_wire_kvs_fini(struct etcd_wire_kvs *k)
{
	vec_fini(&k->kvs);
}

int etcd_wire_read_kvs(struct str msg, struct etcd_wire_kvs *ret, struct err *err)
{
	struct etcd_wire_kvs k = {0};
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_bytes(&r, ANSWER_HEADER))
			n = read_header(r.bytes, &k.rev, err);
		else if (is_bytes(&r, KVS_KV))
			n = read_kv(r.bytes, vec_push(&k.kvs), err);
		else if (is_number(&r, KVS_MORE))
			k.has_more = r.number != 0;
		else if (is_number(&r, KVS_COUNT))
			k.count = r.number;
		if (n < 0)
			break;
	}
	if (n < 0)
		etcd_wire_kvs_fini(&k);
	else
		*ret = k;
	return n;
}

void etcd_wire_txn_fini(struct etcd_wire_txn *t)
{
	vec_fini(&t->mod_revs);
}

/* One of a transaction's answers; only those to ranges matter (add_look). */
static int read_response(struct str msg, struct etcd_wire_txn *t, struct err *err)
{
	struct reader r = {msg};
	struct etcd_wire_kvs k;
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (!is_bytes(&r, OP_RANGE))
			continue;
		n = etcd_wire_read_kvs(r.bytes, &k, err);
		if (n < 0)
			return n;
		*vec_push(&t->mod_revs) = k.kvs.len ? k.kvs.ptr[0].mod_rev : 0;
		etcd_wire_kvs_fini(&k);
	}
	return n;
}

int etcd_wire_read_txn(struct str msg, struct etcd_wire_txn *ret, struct err *err)
{
	struct etcd_wire_txn t = {0};
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_bytes(&r, ANSWER_HEADER))
			n = read_header(r.bytes, &t.rev, err);
		else if (is_number(&r, TXN_SUCCEEDED))
			t.has_succeeded = r.number != 0;
		else if (is_bytes(&r, TXN_RESPONSE))
			n = read_response(r.bytes, &t, err);
		if (n < 0)
			break;
	}
	if (n < 0)
		etcd_wire_txn_fini(&t);
	else
		*ret = t;
	return n;
}

static int read_event(struct str msg, struct etcd_wire_event *e, struct err *err)
{
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_number(&r, EVENT_TYPE))
			e->is_delete = r.number != 0;
		else if (is_bytes(&r, EVENT_KV))
			n = read_kv(r.bytes, &e->kv, err);
		if (n < 0)
			return n;
	}
	return n;
}

void etcd_wire_watch_fini(struct etcd_wire_watch *w)
{
	vec_fini(&w->events);
}

int etcd_wire_read_watch(struct str msg, struct etcd_wire_watch *ret, struct err *err)
{
	struct etcd_wire_watch w = {0};
	struct reader r = {msg};
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_bytes(&r, ANSWER_HEADER))
			n = read_header(r.bytes, &w.rev, err);
		else if (is_number(&r, WATCH_CREATED))
			w.is_created = r.number != 0;
		else if (is_number(&r, WATCH_CANCELED))
			w.is_canceled = r.number != 0;
		else if (is_number(&r, WATCH_COMPACTED))
			w.compact_rev = r.number;
		else if (is_bytes(&r, WATCH_REASON))
			w.reason = r.bytes;
		else if (is_bytes(&r, WATCH_EVENT))
			n = read_event(r.bytes, vec_push(&w.events), err);
		if (n < 0)
			break;
	}
	if (n < 0) {
		etcd_wire_watch_fini(&w);
		return n;
	}
	w.is_progress = !w.is_created && !w.is_canceled && !w.events.len;
	*ret = w;
	return 0;
}

int etcd_wire_read_rev(struct str msg, uint64_t *ret, struct err *err)
{
	struct reader r = {msg};
	uint64_t rev = 0;
	int n;

	while ((n = read_field(&r, err)) > 0) {
		if (is_bytes(&r, ANSWER_HEADER))
			n = read_header(r.bytes, &rev, err);
		if (n < 0)
			return n;
	}
	if (n == 0)
		*ret = rev;
	return n;
}
