/* SPDX-License-Identifier: Apache-2.0 */

/* The loop's side of the sqlite back end: requests out, callbacks in order, open and close. */

#include "store/sqlite.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sqlite_store *sqlite_of(struct store *s)
{
	return CONTAINER_OF(s, struct sqlite_store, store);
}

static void write_free(struct sqlite_write *w)
{
	for (size_t i = 0; i < w->txn.n_ops; i++)
		bytes_unref(w->txn.ops[i].value);
	store_events_fini(&w->events);
	arena_fini(&w->arena);
	free(w);
}

/* What is through and may be told, in order: events first, callback second, and neither while a
 * watch is still owed history. */
static void settle(struct sqlite_store *s)
{
	struct store_done_item *it;

	s->is_settling = true;
	while (!s->feed.n_syncing && (it = list_first(struct store_done_item, &s->held, link))) {
		struct sqlite_write *w = CONTAINER_OF(it, struct sqlite_write, item);

		if (!w->is_published) {
			w->is_published = true;
			s->newest = MAX(s->newest, w->res.rev);
			if (w->events.v.len)
				store_feed_publish(&s->feed, w->events.v.ptr, w->events.v.len,
						   w->res.rev);
			continue;
		}
		list_remove(&it->link);
		if (w->compact_rev && !w->r)
			s->compacted = MAX(s->compacted, w->res.rev);
		if (w->fn)
			w->fn(w->ctx, w->r, &w->res, w->r < 0 ? &w->err : NULL);
		write_free(w);
	}
	s->is_settling = false;
	sqlite_queue_push_all(&s->writes, &s->corked);
}

static void on_kick(struct store_done_item *it)
{
	struct sqlite_store *s = CONTAINER_OF(it, struct sqlite_store, kick);

	s->is_kicked = false;
	settle(s);
}

static void kick(struct sqlite_store *s)
{
	if (!s->is_kicked)
		store_done_push(s->store.done, &s->kick);
	s->is_kicked = true;
}

static void on_write(struct store_done_item *it)
{
	struct sqlite_write *w = CONTAINER_OF(it, struct sqlite_write, item);

	list_append(&w->s->held, &it->link);
	settle(w->s);
}

static void on_group(struct store_done_item *it)
{
	struct sqlite_group *g = CONTAINER_OF(it, struct sqlite_group, item);
	struct sqlite_store *s = g->s;

	while (!list_is_empty(&g->writes)) {
		struct list_node *first = g->writes.next;

		list_remove(first);
		list_append(&s->held, first);
	}
	free(g);
	settle(s);
}

struct sqlite_group *sqlite_group_new(struct sqlite_store *s)
{
	struct sqlite_group *g = mem_xnew(struct sqlite_group);

	g->item.run = on_group;
	g->s = s;
	list_init(&g->writes);
	return g;
}

static void submit_write(struct sqlite_store *s, struct sqlite_write *w)
{
	if (!s->is_closing && s->is_settling) {
		list_append(&s->corked, &w->item.link);
		return;
	}
	if (!s->is_closing) {
		sqlite_queue_push(&s->writes, &w->item);
		return;
	}
	w->r = err_set(&w->err, ERR_UNAVAILABLE, "the store is being closed");
	store_done_push(s->store.done, &w->item);
}

static struct sqlite_write *write_new(struct sqlite_store *s, store_txn_fn fn, void *ctx)
{
	struct sqlite_write *w = mem_xnew(struct sqlite_write);

	w->item.run = on_write;
	w->s = s;
	w->fn = fn;
	w->ctx = ctx;
	arena_init(&w->arena, 512);
	store_events_init(&w->events);
	return w;
}

static void sqlite_txn(struct store *store, const struct store_txn *txn, store_txn_fn fn, void *ctx)
{
	struct sqlite_store *s = sqlite_of(store);
	struct sqlite_write *w = write_new(s, fn, ctx);
	struct store_compare *compares = arena_array(&w->arena, txn->n_compares, sizeof(*compares));
	struct store_op *ops = arena_array(&w->arena, txn->n_ops, sizeof(*ops));

	for (size_t i = 0; i < txn->n_compares; i++)
		compares[i] = (struct store_compare){str_dup(&w->arena, txn->compares[i].key),
						     txn->compares[i].mod_rev};
	for (size_t i = 0; i < txn->n_ops; i++)
		ops[i] = (struct store_op){
			str_dup(&w->arena, txn->ops[i].key),
			txn->ops[i].value ? bytes_ref(txn->ops[i].value) : NULL,
		};
	w->txn = (struct store_txn){compares, txn->n_compares, ops, txn->n_ops};
	submit_write(s, w);
}

static void sqlite_compact(struct store *store, uint64_t rev, store_txn_fn fn, void *ctx)
{
	struct sqlite_write *w = write_new(sqlite_of(store), fn, ctx);

	w->compact_rev = MAX(rev, (uint64_t)1);
	submit_write(w->s, w);
}

static void read_free(struct sqlite_read *q)
{
	store_kvs_fini(&q->kvs);
	store_events_fini(&q->events);
	buf_fini(&q->prefix);
	buf_fini(&q->start);
	free(q);
}

static struct sqlite_read *read_new(struct sqlite_store *s, void (*run)(struct store_done_item *),
				    struct str prefix)
{
	struct sqlite_read *q = mem_xnew(struct sqlite_read);

	q->item.run = run;
	q->s = s;
	store_kvs_init(&q->kvs);
	store_events_init(&q->events);
	buf_init(&q->prefix);
	buf_init(&q->start);
	buf_add_str(&q->prefix, prefix);
	return q;
}

static void submit_read(struct sqlite_store *s, struct sqlite_read *q)
{
	if (!s->is_closing) {
		sqlite_queue_push(&s->reads, &q->item);
		return;
	}
	/* The reader's thread has ended and has left its connection to us. */
	sqlite_reader_run(s, q);
	store_done_push(s->store.done, &q->item);
}

static void on_range(struct store_done_item *it)
{
	struct sqlite_read *q = CONTAINER_OF(it, struct sqlite_read, item);

	if (q->r < 0)
		q->range = (struct store_range){.rev = q->compacted};
	else
		q->s->newest = MAX(q->s->newest, q->range.rev);
	q->fn(q->ctx, q->r, &q->range, q->r < 0 ? &q->err : NULL);
	read_free(q);
}

static void sqlite_range(struct store *store, struct str prefix, struct str start, size_t limit,
			 uint64_t rev, store_range_fn fn, void *ctx)
{
	struct sqlite_store *s = sqlite_of(store);
	struct sqlite_read *q = read_new(s, on_range, prefix);

	buf_add_str(&q->start, start);
	q->limit = limit;
	q->rev = rev;
	q->fn = fn;
	q->ctx = ctx;
	submit_read(s, q);
}

static void on_replay(struct store_done_item *it);

static void ask_history(struct sqlite_store *s, struct store_watch *w)
{
	struct sqlite_read *q = read_new(s, on_replay, w->prefix);

	q->is_replay = true;
	q->watch = w;
	q->after = w->after;
	q->upto = s->feed.rev; /* stands still while the watch is syncing */
	w->owner = q;
	submit_read(s, q);
}

static void on_replay(struct store_done_item *it)
{
	struct sqlite_read *q = CONTAINER_OF(it, struct sqlite_read, item);
	struct sqlite_store *s = q->s;
	struct store_watch *w = q->watch;

	if (w && q->r < 0) {
		w->owner = NULL;
		store_feed_end(w, &q->err, q->compacted);
	} else if (w) {
		bool is_last = q->reached == q->upto;

		/* The watch knows its request until the callback is over: closing it there clears
		 * q->watch. */
		store_feed_replay(w, q->events.v.ptr, q->events.v.len, q->reached, is_last);
		if (q->watch)
			w->owner = NULL;
		if (q->watch && !is_last)
			ask_history(s, w);
	}
	read_free(q);
	settle(s);
}

static struct store_watch *sqlite_watch(struct store *store, struct str prefix, uint64_t after_rev,
					store_watch_fn fn, void *ctx)
{
	struct sqlite_store *s = sqlite_of(store);
	struct store_watch *w = store_feed_open(&s->feed, prefix, after_rev, s->compacted,
						MAX(s->newest, s->feed.rev), fn, ctx);

	if (w->state == STORE_WATCH_SYNCING)
		ask_history(s, w);
	return w;
}

static void sqlite_watch_close(struct store_watch *w)
{
	struct sqlite_store *s = CONTAINER_OF(w->feed, struct sqlite_store, feed);
	struct sqlite_read *q = w->owner;

	if (q)
		q->watch = NULL;
	store_feed_close(w);
	/* It may have been the one that the others waited for. */
	kick(s);
}

static uint64_t sqlite_current_rev(struct store *store)
{
	return sqlite_of(store)->feed.rev;
}

static uint64_t sqlite_compacted_rev(struct store *store)
{
	return sqlite_of(store)->compacted;
}

static void store_free(struct sqlite_store *s)
{
	sqlite_queue_fini(&s->writes);
	sqlite_queue_fini(&s->reads);
	sqlite_db_close(&s->read_db);
	sqlite_db_close(&s->write_db);
	fd_close(s->lock_fd);
	store_done_free(s->store.done);
	free(s);
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *s = sqlite_of(store);

	sqlite_queue_stop(&s->writes);
	sqlite_queue_stop(&s->reads);
	pthread_join(s->writer, NULL);
	pthread_join(s->reader, NULL);
	s->is_closing = true;
	while (store_done_run(s->store.done))
		;
	assert(list_is_empty(&s->held));
	store_feed_fini(&s->feed);
	store_free(s);
}

static const struct store_ops sqlite_ops = {
	.name = "sqlite",
	.range = sqlite_range,
	.txn = sqlite_txn,
	.watch = sqlite_watch,
	.watch_close = sqlite_watch_close,
	.compact = sqlite_compact,
	.current_rev = sqlite_current_rev,
	.compacted_rev = sqlite_compacted_rev,
	.close = sqlite_close,
};

/* "process 4711 (fairlead)": who holds the lock, as far as it can be told. */
static void holder(int fd, char *text, size_t size)
{
	struct buf comm = BUF_INIT;
	char pid[24] = "", path[64];
	struct err unused;

	if (pread(fd, pid, sizeof(pid) - 1, 0) <= 0) {
		snprintf(text, size, "another process");
		return;
	}
	pid[strspn(pid, "0123456789")] = 0;
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if (fd_read_file(path, 64, &comm, &unused) >= 0)
		snprintf(text, size, "process %s (%.*s)", pid, STR_ARG(str_trim(buf_str(&comm))));
	else
		snprintf(text, size, "process %s", pid);
	buf_fini(&comm);
}

/* The lock is the kernel's and goes with the process; the pid in the file is for people. */
static int lock_dir(const char *dir, int *ret_fd, struct err *err)
{
	char path[4096], text[128];
	_cleanup_(fd_closep) int fd = -1;
	int r;

	r = fd_make_dir(dir, 0700, err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/store.lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_sys(err, errno, "lock '%s'", path);
		holder(fd, text, sizeof(text));
		return err_set(err, ERR_CONFLICT,
			       "the data directory '%s' is in use by %s: stop it first, or choose "
			       "another directory",
			       dir, text);
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) == 0)
		IGNORE(pwrite(fd, text, strlen(text), 0), "a full disk must not prevent reading");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Objects hold secrets; SQLite would make the file readable to all, and gives its log the same mode
 * as the file. */
static int create_private(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	fd_close(fd);
	return 0;
}

static int load(struct sqlite_store *s, const char *dir, struct err *err)
{
	char path[4096];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/store.db", dir) >= sizeof(path))
		return err_set(err, ERR_INVALID, "the name of the data directory is too long");
	r = lock_dir(dir, &s->lock_fd, err);
	if (!r)
		r = create_private(path, err);
	if (!r)
		r = sqlite_db_open(path, true, &s->write_db, err);
	if (!r)
		r = sqlite_db_open(path, false, &s->read_db, err);
	if (!r)
		r = sqlite_db_meta(&s->write_db, "compacted", 1, &s->compacted, err);
	if (!r)
		r = sqlite_db_meta(&s->write_db, "swept", 1, &s->swept, err);
	if (!r)
		r = sqlite_db_newest(&s->write_db, &s->rev, err);
	s->write_compacted = s->compacted;
	s->newest = s->rev;
	return r;
}

static int start_thread(pthread_t *ret, void *(*fn)(void *), struct sqlite_store *s,
			struct err *err)
{
	int r = pthread_create(ret, NULL, fn, s);

	return r ? err_sys(err, r, "start a thread of the store") : 0;
}

static int start(struct sqlite_store *s, struct err *err)
{
	int r = start_thread(&s->writer, sqlite_writer_main, s, err);

	if (r < 0)
		return r;
	r = start_thread(&s->reader, sqlite_reader_main, s, err);
	if (r < 0) {
		sqlite_queue_stop(&s->writes);
		pthread_join(s->writer, NULL);
	}
	return r;
}

int store_sqlite_open(struct loop *l, const char *dir, struct store **ret, struct err *err)
{
	struct sqlite_store *s = mem_xnew(struct sqlite_store);
	int r;

	s->store.ops = &sqlite_ops;
	s->store.done = store_done_new(l);
	s->lock_fd = -1;
	s->kick.run = on_kick;
	list_init(&s->held);
	list_init(&s->corked);
	sqlite_queue_init(&s->writes);
	sqlite_queue_init(&s->reads);
	r = load(s, dir, err);
	if (!r)
		r = start(s, err);
	if (r < 0) {
		store_free(s);
		return err_wrap(err, r, "open the store");
	}
	store_feed_init(&s->feed, s->store.done, s->rev);
	*ret = &s->store;
	return 0;
}
