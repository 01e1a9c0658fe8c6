/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The event loop: one per process (a DNS worker thread has its own), over libuv.
 *
 * It knows descriptors that become readable or writable, timers, signals, child processes, posts
 * from other threads, and blocking work on a helper thread. All I/O of ours is non-blocking reads
 * and writes on descriptors that a loop_poll watches; the rest of libuv stays inside this room.
 *
 * Every callback runs on the loop's thread, never from inside the call that armed it. A handle
 * (poll, timer, …) may be closed from any callback, its own included; after loop_*_close its
 * callback never runs again and the caller's context may go at once (the handle's own memory is
 * freed by the loop later). Functions other than loop_post and loop_async_send are for the loop's
 * thread only: that which called loop_new, and from then on that which calls loop_run or loop_turn.
 * Nothing here may block.
 *
 * A turn is: due timers, then descriptors (and signals, asyncs, finished work), then posts. So what
 * many callbacks of one turn ask for can be gathered by one post and done once: a connection that
 * 50 streams wrote to makes one system call. A handle that is open keeps loop_run going (a paused
 * poll and a disarmed timer do not).
 */

#include "base/clock.h"
#include "base/err.h"

#include <sys/types.h>

struct loop;
struct loop_poll;
struct loop_timer;
struct loop_signal;
struct loop_child;
struct loop_async;

struct loop *loop_new(void);
/* All handles closed before; checked. Waits for work under way and runs the posts that are left. */
void loop_free(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop, or no handle is left */
void loop_stop(struct loop *l);
/* One turn: waits at most timeout_ms for an event (0: does not wait). For tests and short clients.
 */
void loop_turn(struct loop *l, int timeout_ms);
const struct clock *loop_clock(struct loop *l); /* real time, not the loop's cached one */

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	/* The descriptor failed (reported whenever armed) or the peer closed its sending side
	 * (reported with LOOP_READ armed; a read then returns 0 after what is left). Level, as the
	 * others: an owner that ignores it is called again at once. */
	LOOP_HANGUP = 4,
};

/* Watches fd, which stays the caller's and becomes non-blocking; events: LOOP_READ | LOOP_WRITE,
 * 0 pauses. A descriptor that cannot be polled (a regular file) is refused. */
typedef void (*loop_poll_fn)(void *ctx, unsigned events);
int loop_poll_new(struct loop *l, int fd, unsigned events, loop_poll_fn fn, void *ctx,
		  struct loop_poll **ret, struct err *err) _nodiscard_;
void loop_poll_set(struct loop_poll *p, unsigned events);
void loop_poll_close(
	struct loop_poll *p); /* NULL is fine; close the fd after this call, not before */

/* One-shot or repeating; starts disarmed. */
typedef void (*loop_fn)(void *ctx);
struct loop_timer *loop_timer_new(struct loop *l, loop_fn fn, void *ctx);
void loop_timer_start(struct loop_timer *t, int64_t after_ms, int64_t repeat_ms); /* 0: once */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_armed(const struct loop_timer *t);
void loop_timer_close(struct loop_timer *t);

typedef void (*loop_signal_fn)(void *ctx, int signo);
int loop_signal_new(struct loop *l, int signo, loop_signal_fn fn, void *ctx,
		    struct loop_signal **ret, struct err *err) _nodiscard_;
void loop_signal_close(struct loop_signal *s);

/* Tells once when `pid`, a child of this process, has ended (status as from waitpid), and reaps it.
 */
typedef void (*loop_child_fn)(void *ctx, pid_t pid, int status);
int loop_child_new(struct loop *l, pid_t pid, loop_child_fn fn, void *ctx, struct loop_child **ret,
		   struct err *err) _nodiscard_;
void loop_child_close(struct loop_child *c); /* the child itself is left alone */

/* fn(ctx) on the loop's thread, at the end of this turn or of a later one, never from inside the
 * call; in the order of posting; from any thread. What a post posts runs in the next turn. */
void loop_post(struct loop *l, loop_fn fn, void *ctx);

/* A wake-up from another thread; many sends may become one call. */
struct loop_async *loop_async_new(struct loop *l, loop_fn fn, void *ctx);
void loop_async_send(struct loop_async *a);
void loop_async_close(struct loop_async *a);

/* work(ctx) on a helper thread, then done(ctx) on the loop. There are few such threads (four): work
 * that may take seconds is the caller's to bound. */
void loop_work(struct loop *l, loop_fn work, loop_fn done, void *ctx);
