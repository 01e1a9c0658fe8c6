/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "base/vec.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

struct loop_post_item {
	loop_fn fn;
	void *ctx;
};

struct loop {
	uv_loop_t uv;
	/* Posts run in `check`, right after the descriptors' callbacks of a turn. `idle` is active
	 * while the loop's own thread has posts waiting: it keeps the turn from sleeping without
	 * the two system calls of `wake`, which is for other threads. */
	uv_check_t check;
	uv_idle_t idle;
	uv_async_t wake;
	uv_timer_t turn_timer;
	pthread_mutex_t lock;
	/* posts: what waits, under the lock; running: the batch at work, the loop's thread only. */
	VEC(struct loop_post_item) posts, running;
	_Atomic(pthread_t) thread;
	size_t n_working;
};

struct loop_poll {
	uv_poll_t uv; /* first: uv_close frees the struct through it */
	loop_poll_fn fn;
	void *ctx;
	unsigned events;
};

struct loop_timer {
	uv_timer_t uv;
	loop_fn fn;
	void *ctx;
};

struct loop_signal {
	uv_signal_t uv;
	loop_signal_fn fn;
	void *ctx;
};

struct loop_child {
	struct loop_poll *poll;
	int pidfd;
	pid_t pid;
	loop_child_fn fn;
	void *ctx;
};

struct loop_async {
	uv_async_t uv;
	loop_fn fn;
	void *ctx;
};

struct loop_job {
	uv_work_t uv;
	loop_fn work, done;
	void *ctx;
};

static void loop_handle_closed(uv_handle_t *h)
{
	free(h);
}

static void loop_handle_close(void *handle)
{
	uv_close(handle, loop_handle_closed);
}

/* What was posted before this call; what they post themselves waits for the next turn. */
static void loop_run_posts(struct loop *l)
{
	__typeof__(l->posts) batch;

	assert(!l->running.len); /* not reached from inside a post */
	pthread_mutex_lock(&l->lock);
	batch = l->posts;
	l->posts = l->running; /* empty, and its memory is used again */
	pthread_mutex_unlock(&l->lock);
	l->running = batch;
	for (size_t i = 0; i < l->running.len; i++)
		l->running.ptr[i].fn(l->running.ptr[i].ctx);
	vec_clear(&l->running);
}

static bool loop_has_posts(struct loop *l)
{
	bool has;

	pthread_mutex_lock(&l->lock);
	has = l->posts.len > 0;
	pthread_mutex_unlock(&l->lock);
	return has;
}

static void loop_idled(uv_idle_t *idle _unused_)
{
}

static void loop_checked(uv_check_t *check)
{
	struct loop *l = check->data;

	loop_run_posts(l);
	if (!loop_has_posts(l))
		uv_idle_stop(&l->idle);
	else
		uv_idle_start(&l->idle, loop_idled);
}

static void loop_woken(uv_async_t *wake _unused_)
{
	/* The turn's check runs the posts. */
}

static void loop_turned(uv_timer_t *timer _unused_)
{
}

struct loop *loop_new(void)
{
	struct loop *l = mem_xnew(struct loop);
	int r = uv_loop_init(&l->uv);

	assert(r == 0);
	r = uv_async_init(&l->uv, &l->wake, loop_woken);
	assert(r == 0);
	IGNORE(r, "only the assertions read it");
	uv_check_init(&l->uv, &l->check);
	uv_idle_init(&l->uv, &l->idle);
	uv_timer_init(&l->uv, &l->turn_timer);
	l->check.data = l;
	uv_check_start(&l->check, loop_checked);
	uv_unref((uv_handle_t *)&l->wake);
	uv_unref((uv_handle_t *)&l->check);
	pthread_mutex_init(&l->lock, NULL);
	atomic_init(&l->thread, pthread_self());
	return l;
}

void loop_free(struct loop *l)
{
	int r;

	if (!l)
		return;
	loop_run_posts(l);
	while (l->n_working > 0)
		uv_run(&l->uv, UV_RUN_ONCE);
	while (loop_has_posts(l))
		loop_run_posts(l);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->wake, NULL);
	uv_close((uv_handle_t *)&l->turn_timer, NULL);
	/* Closing handles are freed in the turn after; two suffice, a third costs nothing. */
	for (int i = 0; i < 3; i++)
		uv_run(&l->uv, UV_RUN_NOWAIT);
	r = uv_loop_close(&l->uv);
	assert(r == 0); /* else a handle was left open */
	IGNORE(r, "only the assertion reads it");
	pthread_mutex_destroy(&l->lock);
	vec_fini(&l->posts);
	vec_fini(&l->running);
	free(l);
}

void loop_run(struct loop *l)
{
	atomic_store(&l->thread, pthread_self());
	/* A post from another thread does not keep libuv running, but it is still to be run. */
	while (uv_run(&l->uv, UV_RUN_DEFAULT) == 0 && loop_has_posts(l))
		loop_run_posts(l);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

void loop_turn(struct loop *l, int timeout_ms)
{
	atomic_store(&l->thread, pthread_self());
	if (timeout_ms <= 0) {
		uv_run(&l->uv, UV_RUN_NOWAIT);
	} else {
		uv_update_time(&l->uv);
		uv_timer_start(&l->turn_timer, loop_turned, (uint64_t)timeout_ms, 0);
		uv_run(&l->uv, UV_RUN_ONCE);
		uv_timer_stop(&l->turn_timer);
	}
	if (!uv_loop_alive(&l->uv) && loop_has_posts(l))
		loop_run_posts(l);
}

const struct clock *loop_clock(struct loop *l _unused_)
{
	return &clock_system;
}

static void loop_polled(uv_poll_t *uv, int status, int events)
{
	struct loop_poll *p = (struct loop_poll *)uv;
	unsigned got = 0;

	if (status < 0) {
		/* libuv has stopped the watch after an error event (a failed connect, an overrun
		 * netlink socket). Ours goes on: the owner's next read or write tells what it is.
		 */
		got = p->events | LOOP_HANGUP;
		p->events = 0;
		loop_poll_set(p, got & (LOOP_READ | LOOP_WRITE));
	} else {
		if (events & UV_READABLE)
			got |= LOOP_READ;
		if (events & UV_WRITABLE)
			got |= LOOP_WRITE;
		if (events & UV_DISCONNECT)
			got |= LOOP_HANGUP;
	}
	p->fn(p->ctx, got);
}

int loop_poll_new(struct loop *l, int fd, unsigned events, loop_poll_fn fn, void *ctx,
		  struct loop_poll **ret, struct err *err)
{
	struct loop_poll *p = mem_xnew(struct loop_poll);
	int r = uv_poll_init(&l->uv, &p->uv, fd);

	if (r < 0) {
		free(p);
		return err_sys(err, -r, "watch descriptor %d", fd);
	}
	p->fn = fn;
	p->ctx = ctx;
	loop_poll_set(p, events);
	*ret = p;
	return 0;
}

void loop_poll_set(struct loop_poll *p, unsigned events)
{
	int uv = 0;

	if (events == p->events)
		return;
	p->events = events;
	if (events & LOOP_READ)
		uv |= UV_READABLE | UV_DISCONNECT;
	if (events & LOOP_WRITE)
		uv |= UV_WRITABLE;
	if (uv)
		uv_poll_start(&p->uv, uv, loop_polled);
	else
		uv_poll_stop(&p->uv);
}

void loop_poll_close(struct loop_poll *p)
{
	if (p)
		loop_handle_close(p);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *ctx)
{
	struct loop_timer *t = mem_xnew(struct loop_timer);

	uv_timer_init(&l->uv, &t->uv);
	t->fn = fn;
	t->ctx = ctx;
	return t;
}

static void loop_timer_fired(uv_timer_t *uv)
{
	struct loop_timer *t = (struct loop_timer *)uv;

	t->fn(t->ctx);
}

void loop_timer_start(struct loop_timer *t, int64_t after_ms, int64_t repeat_ms)
{
	/* Without it `after` counts from the start of the turn, which may have been long. */
	uv_update_time(t->uv.loop);
	uv_timer_start(&t->uv, loop_timer_fired, (uint64_t)MAX(after_ms, (int64_t)0),
		       (uint64_t)MAX(repeat_ms, (int64_t)0));
}

void loop_timer_stop(struct loop_timer *t)
{
	uv_timer_stop(&t->uv);
}

bool loop_timer_is_armed(const struct loop_timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv);
}

void loop_timer_close(struct loop_timer *t)
{
	if (t)
		loop_handle_close(t);
}

static void loop_signalled(uv_signal_t *uv, int signo)
{
	struct loop_signal *s = (struct loop_signal *)uv;

	s->fn(s->ctx, signo);
}

int loop_signal_new(struct loop *l, int signo, loop_signal_fn fn, void *ctx,
		    struct loop_signal **ret, struct err *err)
{
	struct loop_signal *s = mem_xnew(struct loop_signal);
	int r;

	s->fn = fn;
	s->ctx = ctx;
	uv_signal_init(&l->uv, &s->uv);
	r = uv_signal_start(&s->uv, loop_signalled, signo);
	if (r < 0) {
		loop_handle_close(s);
		return err_sys(err, -r, "watch signal %d", signo);
	}
	*ret = s;
	return 0;
}

void loop_signal_close(struct loop_signal *s)
{
	if (s)
		loop_handle_close(s);
}

static void loop_child_ended(void *ctx, unsigned events _unused_)
{
	struct loop_child *c = ctx;
	int status = 0;
	pid_t r;

	do
		r = waitpid(c->pid, &status, WNOHANG);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return;
	loop_poll_set(c->poll, 0);
	c->fn(c->ctx, c->pid, status);
}

int loop_child_new(struct loop *l, pid_t pid, loop_child_fn fn, void *ctx, struct loop_child **ret,
		   struct err *err)
{
	struct loop_child *c;
	int fd = pidfd_open(pid, 0); /* close-on-exec by definition */
	int r;

	if (fd < 0)
		return err_sys(err, errno, "watch process %d", (int)pid);
	c = mem_xnew(struct loop_child);
	c->pidfd = fd;
	c->pid = pid;
	c->fn = fn;
	c->ctx = ctx;
	r = loop_poll_new(l, fd, LOOP_READ, loop_child_ended, c, &c->poll, err);
	if (r < 0) {
		close(fd);
		free(c);
		return err_wrap(err, r, "process %d", (int)pid);
	}
	*ret = c;
	return 0;
}

void loop_child_close(struct loop_child *c)
{
	if (!c)
		return;
	loop_poll_close(c->poll);
	close(c->pidfd);
	free(c);
}

void loop_post(struct loop *l, loop_fn fn, void *ctx)
{
	pthread_mutex_lock(&l->lock);
	*vec_push(&l->posts) = (struct loop_post_item){.fn = fn, .ctx = ctx};
	pthread_mutex_unlock(&l->lock);
	if (pthread_equal(atomic_load(&l->thread), pthread_self()))
		uv_idle_start(&l->idle, loop_idled);
	else
		uv_async_send(&l->wake);
}

static void loop_async_sent(uv_async_t *uv)
{
	struct loop_async *a = (struct loop_async *)uv;

	a->fn(a->ctx);
}

struct loop_async *loop_async_new(struct loop *l, loop_fn fn, void *ctx)
{
	struct loop_async *a = mem_xnew(struct loop_async);
	int r = uv_async_init(&l->uv, &a->uv, loop_async_sent);

	assert(r == 0);
	IGNORE(r, "only the assertion reads it");
	a->fn = fn;
	a->ctx = ctx;
	return a;
}

void loop_async_send(struct loop_async *a)
{
	uv_async_send(&a->uv);
}

void loop_async_close(struct loop_async *a)
{
	if (a)
		loop_handle_close(a);
}

static void loop_job_work(uv_work_t *uv)
{
	struct loop_job *j = (struct loop_job *)uv;

	j->work(j->ctx);
}

static void loop_job_done(uv_work_t *uv, int status _unused_)
{
	struct loop_job *j = (struct loop_job *)uv;
	struct loop *l = uv->data;

	l->n_working--;
	j->done(j->ctx);
	free(j);
}

void loop_work(struct loop *l, loop_fn work, loop_fn done, void *ctx)
{
	struct loop_job *j = mem_xnew(struct loop_job);
	int r;

	*j = (struct loop_job){.work = work, .done = done, .ctx = ctx, .uv.data = l};
	l->n_working++;
	r = uv_queue_work(&l->uv, &j->uv, loop_job_work, loop_job_done);
	assert(r == 0);
	IGNORE(r, "only the assertion reads it");
}
