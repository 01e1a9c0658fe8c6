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
 * thread only. Nothing here may block.
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
void loop_free(struct loop *l); /* all handles closed before; checked */
void loop_run(struct loop *l);  /* until loop_stop, or no handle is left */
void loop_stop(struct loop *l);
/* One turn: waits at most timeout_ms for an event (0: does not wait). For tests and short clients.
 */
void loop_turn(struct loop *l, int timeout_ms);
const struct clock *loop_clock(struct loop *l); /* real time, not the loop's cached one */

enum loop_events {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4, /* the peer has closed or the descriptor failed; reported whenever armed */
};

/* Watches fd, which stays the caller's; events: LOOP_READ | LOOP_WRITE, 0 pauses. */
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

/* fn(ctx) on the loop's thread, in a later turn; from any thread. */
void loop_post(struct loop *l, loop_fn fn, void *ctx);

/* A wake-up from another thread; many sends may become one call. */
struct loop_async *loop_async_new(struct loop *l, loop_fn fn, void *ctx);
void loop_async_send(struct loop_async *a);
void loop_async_close(struct loop_async *a);

/* work(ctx) on a helper thread, then done(ctx) on the loop. */
void loop_work(struct loop *l, loop_fn work, loop_fn done, void *ctx);
