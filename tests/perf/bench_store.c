/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Durable puts a second of the sqlite store with 1, 10 and 100 waiting, beside a plain loop that
 * appends as many bytes and calls fdatasync, in the same run on the same disk.
 *
 *	bench_store [DIR [SECONDS]]     DIR: a scratch directory (default: ./bench_store.tmp)
 *
 * Prints one line for each; the ratio is to the plain loop, which syncs once a put.
 */

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VALUE_BYTES = 1230, /* a Service as stored */
	KEYS = 10000,
};

struct bench {
	struct store *store;
	struct bytes *value;
	int64_t end_ms;
	uint64_t n_sent, n_done;
	unsigned n_waiting;
	bool is_failed;
};

static void submit(struct bench *b);

static void put_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct bench *b = ctx;

	b->n_waiting--;
	b->n_done++;
	if (r < 0) {
		fprintf(stderr, "put: %s\n", err->msg);
		b->is_failed = true;
	} else if (clock_mono_ms(&clock_system) < b->end_ms) {
		submit(b);
	}
}

static void submit(struct bench *b)
{
	char key[64];
	struct store_op op;

	snprintf(key, sizeof(key), "/registry/services/default/svc-%05u",
		 (unsigned)(b->n_sent++ % KEYS));
	op = (struct store_op){str_of(key), b->value};
	b->n_waiting++;
	store_txn(b->store, &(struct store_txn){.ops = &op, .n_ops = 1}, put_fn, b);
}

/* Puts a second; < 0 for failure. */
static double run_store(struct loop *l, struct store *s, unsigned waiting, int seconds)
{
	struct bench b = {.store = s, .value = bytes_new(VALUE_BYTES)};
	int64_t start = clock_mono_ms(&clock_system);

	memset(b.value->data, 'v', VALUE_BYTES + 1);
	b.end_ms = start + seconds * 1000;
	for (unsigned i = 0; i < waiting; i++)
		submit(&b);
	while (b.n_waiting)
		loop_turn(l, 1000);
	bytes_unref(b.value);
	if (b.is_failed)
		return -1;
	return (double)b.n_done * 1000 / (double)(clock_mono_ms(&clock_system) - start);
}

static double run_plain(const char *dir, int seconds)
{
	char path[4096], record[VALUE_BYTES];
	int64_t start = clock_mono_ms(&clock_system), end = start + seconds * 1000;
	uint64_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/plain", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	memset(record, 'v', sizeof(record));
	while (fd >= 0 && clock_mono_ms(&clock_system) < end) {
		if (write(fd, record, sizeof(record)) != sizeof(record) || fdatasync(fd) < 0)
			break;
		n++;
	}
	fd_close(fd);
	unlink(path);
	return (double)n * 1000 / (double)(clock_mono_ms(&clock_system) - start);
}

static void clean(const char *dir)
{
	static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm",
					    "store.lock"};
	char path[4096];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 1 ? argv[1] : "bench_store.tmp";
	static const unsigned waiting[] = {1, 10, 100};
	struct loop *l = loop_new();
	struct store *s = NULL;
	struct err err;
	uint64_t seconds = 2;
	double plain;
	int r = 0;

	if (argc > 2 && str_to_u64(str_of(argv[2]), 1, 600, &seconds, &err) < 0)
		r = -1;
	if (!r)
		r = store_sqlite_open(l, dir, &s, &err);
	if (r < 0) {
		fprintf(stderr, "bench_store: %s\n", err.msg);
		return 1;
	}
	plain = run_plain(dir, (int)seconds);
	printf("plain append + fdatasync      %8.0f /s\n", plain);
	for (size_t i = 0; i < ARRAY_LEN(waiting); i++) {
		double puts = run_store(l, s, waiting[i], (int)seconds);

		printf("sqlite puts, %3u waiting      %8.0f /s   %5.2f x plain\n", waiting[i], puts,
		       puts / plain);
	}
	store_close(s);
	loop_turn(l, 0);
	loop_free(l);
	clean(dir);
	return 0;
}
