/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/loop.h"

#include "tests/harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
	struct loop *l;
	struct loop_poll *poll;
	struct loop_timer *timer;
	struct loop_async *async;
	struct loop_child *child;
	unsigned events;
	int calls, status;
	pthread_t thread;
	char order[8];
};

static void on_poll(void *ctx, unsigned events)
{
	struct seen *s = ctx;

	s->events |= events;
	s->calls++;
	loop_poll_close(s->poll);
	loop_stop(s->l);
}

TEST(a_descriptor_tells_when_it_is_readable_and_may_be_closed_from_its_callback)
{
	struct seen s = {.l = loop_new()};
	struct err err;
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ASSERT_OK(loop_poll_new(s.l, fds[0], LOOP_READ, on_poll, &s, &s.poll, &err));
	loop_turn(s.l, 0);
	ASSERT_EQ(s.calls, 0);
	ASSERT_EQ(write(fds[1], "x", 1), 1);
	loop_run(s.l);
	ASSERT_EQ(s.calls, 1);
	ASSERT_EQ(s.events, LOOP_READ);
	loop_turn(s.l, 0);
	ASSERT_EQ(s.calls, 1);
	close(fds[0]);
	close(fds[1]);
	loop_free(s.l);
}

TEST(a_hangup_is_reported_and_a_pause_is_kept)
{
	struct seen s = {.l = loop_new()};
	struct err err;
	int fds[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ASSERT_OK(loop_poll_new(s.l, fds[0], LOOP_READ, on_poll, &s, &s.poll, &err));
	loop_poll_set(s.poll, 0);
	close(fds[1]);
	loop_turn(s.l, 0);
	ASSERT_EQ(s.calls, 0);
	loop_poll_set(s.poll, LOOP_READ);
	loop_run(s.l);
	ASSERT_TRUE(s.events & LOOP_HANGUP);
	ASSERT_TRUE(s.events & LOOP_READ);
	close(fds[0]);
	loop_free(s.l);
}

TEST(a_regular_file_cannot_be_watched)
{
	struct loop *l = loop_new();
	struct loop_poll *p = NULL;
	FILE *f = tmpfile();
	struct err err;

	ASSERT_TRUE(loop_poll_new(l, fileno(f), LOOP_READ, on_poll, NULL, &p, &err) < 0);
	ASSERT_TRUE(!p);
	fclose(f);
	loop_free(l);
}

static void on_timer(void *ctx)
{
	struct seen *s = ctx;

	if (++s->calls == 3) {
		loop_timer_close(s->timer);
		s->timer = NULL;
	}
}

TEST(a_timer_repeats_until_it_is_closed)
{
	struct seen s = {.l = loop_new()};

	s.timer = loop_timer_new(s.l, on_timer, &s);
	ASSERT_FALSE(loop_timer_is_armed(s.timer));
	loop_timer_start(s.timer, 1, 1);
	ASSERT_TRUE(loop_timer_is_armed(s.timer));
	loop_run(s.l);
	ASSERT_EQ(s.calls, 3);
	loop_free(s.l);
}

static void on_signal(void *ctx, int signo)
{
	struct seen *s = ctx;

	s->status = signo;
	loop_stop(s->l);
}

TEST(a_signal_arrives)
{
	struct seen s = {.l = loop_new()};
	struct loop_signal *sig;
	struct err err;

	ASSERT_OK(loop_signal_new(s.l, SIGUSR1, on_signal, &s, &sig, &err));
	raise(SIGUSR1);
	loop_run(s.l);
	ASSERT_EQ(s.status, SIGUSR1);
	loop_signal_close(sig);
	loop_free(s.l);
}

static void on_child(void *ctx, pid_t pid _unused_, int status)
{
	struct seen *s = ctx;

	s->status = status;
	s->calls++;
	loop_child_close(s->child);
}

TEST(a_child_is_told_once_and_reaped)
{
	struct seen s = {.l = loop_new()};
	struct err err;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	ASSERT_OK(loop_child_new(s.l, pid, on_child, &s, &s.child, &err));
	loop_run(s.l);
	ASSERT_EQ(s.calls, 1);
	ASSERT_EQ(WEXITSTATUS(s.status), 7);
	ASSERT_EQ(waitpid(pid, NULL, WNOHANG), -1);
	loop_free(s.l);
}

static void post_a(void *ctx)
{
	struct seen *s = ctx;

	s->order[s->calls++] = 'a';
}

static void post_b(void *ctx)
{
	struct seen *s = ctx;

	s->order[s->calls++] = 'b';
	loop_post(s->l, post_a, s);
}

TEST(posts_run_in_order_and_keep_the_loop_alive)
{
	struct seen s = {.l = loop_new()};

	loop_post(s.l, post_a, &s);
	loop_post(s.l, post_b, &s);
	ASSERT_EQ(s.calls, 0);
	loop_run(s.l);
	ASSERT_STREQ(s.order, "aba");
	loop_free(s.l);
}

TEST(posts_left_over_run_when_the_loop_is_freed)
{
	struct seen s = {.l = loop_new()};

	loop_post(s.l, post_b, &s);
	loop_free(s.l);
	ASSERT_STREQ(s.order, "ba");
}

static void on_async(void *ctx)
{
	struct seen *s = ctx;

	s->calls++;
	loop_async_close(s->async);
}

static void *other_thread(void *ctx)
{
	struct seen *s = ctx;

	loop_post(s->l, post_a, s);
	loop_async_send(s->async);
	return NULL;
}

TEST(another_thread_posts_and_sends)
{
	struct seen s = {.l = loop_new()};
	pthread_t t;

	s.async = loop_async_new(s.l, on_async, &s);
	ASSERT_EQ(pthread_create(&t, NULL, other_thread, &s), 0);
	loop_run(s.l);
	pthread_join(t, NULL);
	ASSERT_EQ(s.calls, 2);
	loop_free(s.l);
}

static void work(void *ctx)
{
	struct seen *s = ctx;

	s->thread = pthread_self();
}

static void work_done(void *ctx)
{
	struct seen *s = ctx;

	s->calls++;
	ASSERT_FALSE(pthread_equal(s->thread, pthread_self()));
}

TEST(work_runs_elsewhere_and_ends_here)
{
	struct seen s = {.l = loop_new()};

	loop_work(s.l, work, work_done, &s);
	loop_run(s.l);
	ASSERT_EQ(s.calls, 1);
	loop_work(s.l, work, work_done, &s);
	loop_free(s.l);
	ASSERT_EQ(s.calls, 2);
}
