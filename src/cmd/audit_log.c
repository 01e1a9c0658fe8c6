/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/audit_log.h"

#include "base/buf.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_COMPONENT "audit"
#include "base/log.h"

enum {
	FLUSH_BYTES = 256 * 1024, /* more than this is written before the timer */
};

struct audit_log {
	struct loop *loop;
	struct audit_log_config config;
	char *path;
	struct loop_timer *timer;
	struct buf pending;
	uint64_t n_dropped;
	bool is_busy; /* the helper thread has `batch` */
	/* of the helper thread while is_busy */
	struct buf batch;
	int fd;
	int64_t size;
	int failed; /* errno, or 0 */
	bool was_told;
};

static int open_file(struct audit_log *a)
{
	struct stat st;

	a->fd = open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return -errno;
	a->size = fstat(a->fd, &st) == 0 ? st.st_size : 0;
	return 0;
}

/* PATH.2 becomes PATH.3, PATH.1 PATH.2, PATH PATH.1. */
static void rotate(struct audit_log *a)
{
	char from[4096], to[4096];

	close(a->fd);
	a->fd = -1;
	for (int64_t i = a->config.max_backups; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%lld", a->path, (long long)i);
		snprintf(from, sizeof(from), i > 1 ? "%s.%lld" : "%s", a->path, (long long)i - 1);
		IGNORE(rename(from, to), "it may not be there");
	}
	if (!a->config.max_backups)
		IGNORE(unlink(a->path), "opened anew next");
}

/* On the helper thread. What cannot be written is kept in the batch. */
static void work(void *ctx)
{
	struct audit_log *a = ctx;

	a->failed = 0;
	if (a->fd >= 0 && a->config.max_bytes && a->size >= a->config.max_bytes)
		rotate(a);
	if (a->fd < 0)
		a->failed = -open_file(a);
	while (!a->failed && a->batch.len) {
		ssize_t n = write(a->fd, a->batch.ptr, a->batch.len);

		if (n < 0 && errno != EINTR)
			a->failed = errno;
		if (n <= 0)
			continue;
		a->size += n;
		buf_consume(&a->batch, (size_t)n);
	}
}

static void tell(struct audit_log *a)
{
	if (a->failed && !a->was_told)
		log_error("the audit log cannot be written, trying again path=%s error=\"%s\"",
			  a->path, strerrordesc_np(a->failed));
	else if (!a->failed && a->was_told)
		log_info("the audit log is written again path=%s dropped_lines=%llu", a->path,
			 (unsigned long long)a->n_dropped);
	a->was_told = a->failed != 0;
}

static void flush(struct audit_log *a);

static void done(void *ctx)
{
	struct audit_log *a = ctx;

	a->is_busy = false;
	tell(a);
	if (!a->failed && a->pending.len > FLUSH_BYTES)
		flush(a);
}

static void flush(struct audit_log *a)
{
	struct buf batch = a->batch;

	if (a->is_busy || (!a->pending.len && !a->batch.len))
		return;
	if (!a->batch.len) {
		a->batch = a->pending;
		a->pending = batch;
	}
	a->is_busy = true;
	loop_work(a->loop, work, done, a);
}

static void on_timer(void *ctx)
{
	flush(ctx);
}

int audit_log_open(struct loop *l, const struct audit_log_config *config, struct audit_log **ret,
		   struct err *err)
{
	struct audit_log *a = mem_xnew(struct audit_log);
	int r;

	a->loop = l;
	a->config = *config;
	a->path = mem_xstrdup(config->path);
	buf_init(&a->pending);
	buf_init(&a->batch);
	r = open_file(a);
	if (r < 0) {
		r = err_sys(err, -r, "--audit-log-path '%s'", a->path);
		free(a->path);
		free(a);
		return r;
	}
	a->timer = loop_timer_new(l, on_timer, a);
	loop_timer_start(a->timer, AUDIT_LOG_FLUSH_MS, AUDIT_LOG_FLUSH_MS);
	*ret = a;
	return 0;
}

void audit_log_add(struct audit_log *a, struct str line)
{
	if (a->pending.len + line.len > AUDIT_LOG_PENDING_MAX) {
		a->n_dropped++;
		return;
	}
	buf_add_str(&a->pending, line);
	if (a->pending.len > FLUSH_BYTES && !a->failed)
		flush(a);
}

void audit_log_close(struct audit_log *a)
{
	if (!a)
		return;
	while (a->is_busy)
		loop_turn(a->loop, 10);
	for (int i = 0; i < 2 && (a->batch.len || a->pending.len); i++) {
		if (!a->batch.len) {
			buf_add_str(&a->batch, buf_str(&a->pending));
			buf_clear(&a->pending);
		}
		work(a);
	}
	loop_timer_close(a->timer);
	if (a->fd >= 0)
		close(a->fd);
	buf_fini(&a->pending);
	buf_fini(&a->batch);
	free(a->path);
	free(a);
}
