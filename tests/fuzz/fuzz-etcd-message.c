/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte picks which of etcd's answers the rest is; all that is read is touched. */
#include "store/etcd/wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t touch(struct str s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s.len; i++)
		sum += (unsigned char)s.ptr[i];
	return sum;
}

static uint64_t read_watch(struct str msg)
{
	struct etcd_wire_watch w;
	uint64_t sum = 0;

	if (etcd_wire_read_watch(msg, &w, NULL) < 0)
		return 0;
	vec_foreach(e, &w.events)
		sum += touch(e->kv.key) + touch(e->kv.value);
	sum += touch(w.reason);
	etcd_wire_watch_fini(&w);
	return sum;
}

static uint64_t read_kvs(struct str msg)
{
	struct etcd_wire_kvs k;
	uint64_t sum = 0;

	if (etcd_wire_read_kvs(msg, &k, NULL) < 0)
		return 0;
	vec_foreach(kv, &k.kvs)
		sum += touch(kv->key) + touch(kv->value);
	etcd_wire_kvs_fini(&k);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile uint64_t sink;
	struct str msg = str_n((const char *)data + 1, size - 1);
	struct etcd_wire_txn t;
	uint64_t rev = 0;

	if (size == 0)
		return 0;
	if (data[0] % 4 == 0) {
		sink += read_kvs(msg);
	} else if (data[0] % 4 == 1) {
		sink += read_watch(msg);
	} else if (data[0] % 4 == 2) {
		if (etcd_wire_read_txn(msg, &t, NULL) == 0)
			etcd_wire_txn_fini(&t);
	} else {
		IGNORE(etcd_wire_read_rev(msg, &rev, NULL), "only that it does no harm");
	}
	return 0;
}
