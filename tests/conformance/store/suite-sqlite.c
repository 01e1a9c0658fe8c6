/* SPDX-License-Identifier: Apache-2.0 */

/* What only a store on a disk has: restart, kill -9, a full disk, one owner, a file that is not
 * ours. */

#include "base/fd.h"
#include "base/mount.h"
#include "base/rand.h"
#include "tests/conformance/store/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_at(struct fixture *f, const char *dir)
{
	struct err err;

	f->loop = loop_new();
	ASSERT_OK(store_sqlite_open(f->loop, dir, &f->store, &err));
}

static const char *db_path(void)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/store.db", test_tmpdir());
	return path;
}

TEST(a_restart_finds_everything_and_goes_on)
{
	struct fixture f;
	struct watcher w;

	fixture_init(&f);
	put(&f, "/a", "1");
	put(&f, "/b", "1");
	put(&f, "/a", "2");
	put(&f, "/b", NULL); /* 5 */
	fixture_fini(&f);

	fixture_init(&f);
	ASSERT_EQ(store_current_rev(f.store), 5);
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=2@4");
	ASSERT_STREQ(range_text(&f, "/", 3), "/a=1@2 /b=1@3");
	watcher_open(&f, &w, "/", 2);
	ASSERT_EQ(put(&f, "/c", "3"), 6);
	ASSERT_STREQ(w.text.ptr, "+/b=1*@3 +/a=2@4 -/b@5 +/c=3*@6 ");
	watcher_close(&f, &w);
	put(&f, "/c", NULL); /* 7 */
	ASSERT_EQ(compact(&f, 7, NULL), 0);
	fixture_fini(&f);

	/* The newest row was a deletion and is gone; its revision is not used again. */
	fixture_init(&f);
	ASSERT_EQ(store_current_rev(f.store), 7);
	ASSERT_EQ(store_compacted_rev(f.store), 7);
	ASSERT_STREQ(range_text(&f, "/", 0), "/a=2@4");
	ASSERT_EQ(put(&f, "/c", "4"), 8);
	fixture_fini(&f);
}

/* Secrets are in it. */
TEST(only_its_owner_can_read_it)
{
	static const char *const names[] = {"store.db", "store.db-wal", "store.db-shm"};
	struct fixture f;
	struct stat st;
	char path[4300];

	umask(0);
	fixture_init(&f);
	put(&f, "/a", "1");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", test_tmpdir(), names[i]);
		ASSERT_EQ(stat(path, &st), 0);
		ASSERT_EQ(st.st_mode & 0777, 0600);
	}
	fixture_fini(&f);
}

TEST(compaction_gives_rows_back)
{
	struct fixture f;
	sqlite3 *db;
	sqlite3_stmt *s;
	struct done d;
	uint64_t rev = 0;

	fixture_init(&f);
	for (unsigned i = 0; i < 1500; i++)
		rev = put(&f, i % 3 ? "/a" : "/b", i % 7 ? "x" : NULL);
	ASSERT_EQ(compact(&f, rev, &d), 0);
	/* The sweep resumes after a restart and works beside writes. */
	fixture_fini(&f);
	fixture_init(&f);
	rev = put(&f, "/c", "x");
	ASSERT_EQ(compact(&f, rev, &d), 0);
	for (unsigned i = 0; i < 20; i++)
		put(&f, "/c", "y");
	fixture_fini(&f);
	ASSERT_EQ(sqlite3_open(db_path(), &db), SQLITE_OK);
	ASSERT_EQ(sqlite3_prepare_v2(db, "SELECT count(*) FROM revision", -1, &s, NULL), SQLITE_OK);
	ASSERT_EQ(sqlite3_step(s), SQLITE_ROW);
	/* /a, /b, /c and twenty changes since. */
	ASSERT_TRUE(sqlite3_column_int(s, 0) <= 23);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

TEST(a_second_opener_is_refused)
{
	struct fixture f;
	struct store *s = NULL;
	struct err err;
	char pid[32];

	fixture_init(&f);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	ASSERT_ERR(store_sqlite_open(f.loop, test_tmpdir(), &s, &err), ERR_CONFLICT);
	ASSERT_TRUE(strstr(err.msg, pid));
	ASSERT_TRUE(strstr(err.msg, test_tmpdir()));
	put(&f, "/a", "still works");
	fixture_fini(&f);
	fixture_init(&f);
	fixture_fini(&f);
}

static void sql(const char *text)
{
	sqlite3 *db;

	ASSERT_EQ(sqlite3_open(db_path(), &db), SQLITE_OK);
	ASSERT_EQ(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refused(const char *expect)
{
	struct loop *l = loop_new();
	struct store *s = NULL;
	struct err err;

	ASSERT_ERR(store_sqlite_open(l, test_tmpdir(), &s, &err), ERR_INVALID);
	if (!strstr(err.msg, expect))
		test_fail(__FILE__, __LINE__, "'%s' does not say '%s'", err.msg, expect);
	loop_turn(l, 0);
	loop_free(l);
}

TEST(files_that_are_not_ours_are_refused)
{
	struct fixture f;
	struct err err;

	ASSERT_OK(fd_write_file(db_path(),
				STR("this is no database, but it is long enough to be "
				    "looked at as one by whoever looks at files"),
				0600, &err));
	refused("not a Fairlead store");
	unlink(db_path());
	sql("CREATE TABLE accounts (id INTEGER)");
	refused("not a Fairlead store");
	unlink(db_path());
	/* A crash before anything was written. */
	ASSERT_OK(fd_write_file(db_path(), STR(""), 0600, &err));
	fixture_init(&f);
	put(&f, "/a", "1");
	fixture_fini(&f);
	sql("PRAGMA user_version = 2");
	refused("format 2");
}

/* ---- kill -9 ---- */

enum {
	KILL_ROUNDS = 120,
	KILL_KEYS = 50,
	KILL_WAITING = 20,
	KILL_MS_MAX = 60000, /* of all rounds together */
};

/* The child writes number after number, KILL_WAITING at a time, and tells each that was
 * acknowledged. */
struct writer {
	struct fixture f;
	int fd;
	uint64_t base, next, compacted;
};

struct report {
	uint64_t n, rev;
};

static void submit(struct writer *w);

static void report_fn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct writer *w = ctx;
	struct report report = {res->rev - w->base, res->rev};

	if (r < 0 || write(w->fd, &report, sizeof(report)) != sizeof(report))
		_exit(1);
	if (report.n % 64 == 0 && report.rev > 100)
		store_compact(w->f.store, report.rev - 100, NULL, NULL);
	submit(w);
}

static void submit(struct writer *w)
{
	char key[16], value[32];
	struct bytes *b;
	struct store_op op;

	w->next++;
	snprintf(key, sizeof(key), "/k/%02u", (unsigned)(w->next % KILL_KEYS));
	snprintf(value, sizeof(value), "%llu", (unsigned long long)w->next);
	b = bytes_dup(str_of(value));
	op = (struct store_op){str_of(key), b};
	store_txn(w->f.store, &(struct store_txn){.ops = &op, .n_ops = 1}, report_fn, w);
	bytes_unref(b);
}

_noreturn_ static void writer_main(const char *dir, int fd)
{
	struct writer w = {.fd = fd};
	struct report first;

	open_at(&w.f, dir);
	w.base = store_current_rev(w.f.store);
	first = (struct report){0, w.base};
	if (write(fd, &first, sizeof(first)) != sizeof(first))
		_exit(1);
	for (unsigned i = 0; i < KILL_WAITING; i++)
		submit(&w);
	for (;;)
		loop_turn(w.f.loop, 1000);
}

/* Everything that was acknowledged is there, and nothing was counted twice. */
static void check_after_kill(uint64_t base, uint64_t acked)
{
	struct fixture f;
	struct list l;
	uint64_t newest;

	open_at(&f, test_tmpdir());
	newest = store_current_rev(f.store);
	ASSERT_TRUE(newest >= base + acked);
	ASSERT_TRUE(newest <= base + acked + KILL_WAITING);
	l = range(&f, "/k/", NULL, 0, base + acked);
	ASSERT_EQ(l.r, 0);
	for (size_t i = 0; i < l.kvs.len; i++) {
		uint64_t n = 0, rev = l.kvs.ptr[i].mod_rev;
		struct err err;

		ASSERT_TRUE(rev <= base + acked);
		ASSERT_OK(str_to_u64(l.values.ptr[i], 1, UINT64_MAX, &n, &err));
		/* The newest number of this key up to the last one that was acknowledged. */
		if (rev > base) {
			ASSERT_EQ(n, rev - base);
			ASSERT_TRUE(n + KILL_KEYS > acked);
		}
	}
	if (acked >= KILL_KEYS)
		ASSERT_EQ(l.kvs.len, KILL_KEYS);
	list_done(&l);
	fixture_fini(&f);
}

static void kill_round(struct rand *rand)
{
	const char *dir = test_tmpdir(); /* this process's: the child would get its own */
	uint64_t want = rand_below(rand, 150);
	struct report got, last = {0};
	uint64_t base = 0;
	bool is_first = true;
	int fds[2], status;
	pid_t pid;

	ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (!pid) {
		close(fds[0]);
		writer_main(dir, fds[1]);
	}
	close(fds[1]);
	while (read(fds[0], &got, sizeof(got)) == sizeof(got)) {
		if (is_first)
			base = got.rev;
		else
			ASSERT_EQ(got.n, last.n + 1);
		is_first = false;
		last = got;
		if (got.n == want)
			kill(pid, SIGKILL);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(fds[0]);
	check_after_kill(base, last.n);
}

/* Rounds share a deadline, so that a slow disk makes fewer of them and no failure. */
static void kill_rounds(unsigned from, unsigned to)
{
	int64_t end = clock_mono_ms(&clock_system) + KILL_MS_MAX / 4;
	struct rand rand;

	rand_seed(&rand, from);
	for (unsigned i = from; i < to && clock_mono_ms(&clock_system) < end; i++)
		kill_round(&rand);
}

TEST(kill_9_loses_nothing_that_was_acknowledged_1)
{
	kill_rounds(0, KILL_ROUNDS / 4);
}
TEST(kill_9_loses_nothing_that_was_acknowledged_2)
{
	kill_rounds(KILL_ROUNDS / 4, KILL_ROUNDS / 2);
}
TEST(kill_9_loses_nothing_that_was_acknowledged_3)
{
	kill_rounds(KILL_ROUNDS / 2, KILL_ROUNDS * 3 / 4);
}
TEST(kill_9_loses_nothing_that_was_acknowledged_4)
{
	kill_rounds(KILL_ROUNDS * 3 / 4, KILL_ROUNDS);
}

/* ---- a full disk ---- */

static void write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		test_skip("a user namespace is not permitted: %s", strerror(errno));
	close(fd);
}

/* A tmpfs of 3 MiB that only this process sees. */
static const char *small_disk(void)
{
	static char dir[4200];
	char map[64];
	unsigned uid = getuid();

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			test_skip("a mount namespace is not permitted: %s", strerror(errno));
		write_proc("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_proc("/proc/self/uid_map", map);
	}
	snprintf(dir, sizeof(dir), "%s/disk", test_tmpdir());
	ASSERT_EQ(mkdir(dir, 0700), 0);
	if (mount_keep_private(NULL) < 0 || mount("none", dir, "tmpfs", 0, "size=3m") < 0)
		test_skip("mounting is not permitted: %s", strerror(errno));
	return dir;
}

static uint64_t fill(struct fixture *f, const char *value)
{
	struct done d;
	uint64_t n = 0;
	char key[32];

	for (;; n++) {
		ASSERT_TRUE(n < 1000);
		snprintf(key, sizeof(key), "/k/%05llu", (unsigned long long)n);
		if (put_if(f, key, value, NULL, &d) < 0)
			break;
	}
	ASSERT_EQ(d.r, ERR_UNAVAILABLE);
	ASSERT_TRUE(strstr(d.err.msg, "disk is full"));
	return n;
}

TEST(a_full_disk_refuses_writes_and_recovers)
{
	const char *dir = small_disk();
	char *value = mem_xzalloc(32769), ballast[4300];
	struct buf mega = BUF_INIT;
	struct fixture f;
	struct watcher w;
	struct list l;
	struct err err;
	uint64_t n, rev;

	memset(value, 'v', 32768);
	buf_reserve(&mega, 1 << 20);
	memset(mega.ptr, 0, 1 << 20);
	buf_set_len(&mega, 1 << 20);
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	ASSERT_OK(fd_write_file(ballast, buf_str(&mega), 0600, &err));
	buf_fini(&mega);

	open_at(&f, dir);
	watcher_open(&f, &w, "/k/", 1);
	n = fill(&f, value);
	ASSERT_TRUE(n > 10);
	rev = store_current_rev(f.store);
	ASSERT_EQ(rev, n + 1);
	ASSERT_EQ(w.n_events, n);
	/* Reads go on; what failed is not there. */
	l = range(&f, "/k/", NULL, 0, 0);
	ASSERT_EQ(l.r, 0);
	ASSERT_EQ(l.kvs.len, n);
	list_done(&l);
	ASSERT_EQ(put_if(&f, "/k/more", value, NULL, NULL), ERR_UNAVAILABLE);

	ASSERT_EQ(unlink(ballast), 0);
	ASSERT_EQ(put(&f, "/k/more", value), rev + 1);
	ASSERT_EQ(w.n_events, n + 1);
	watcher_close(&f, &w);
	fixture_fini(&f);

	open_at(&f, dir);
	ASSERT_EQ(store_current_rev(f.store), rev + 1);
	fixture_fini(&f);
	free(value);
}
