/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pause-client.h"

#include "agent/pause.h"
#include "agent/socket.h"
#include "base/buf.h"
#include "base/fd.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct agent_pause_client {
	struct loop *loop;
	const struct agent_pause_client_ops *ops;
	void *ctx;
	int sock; /* -1: lost or freed */
	struct loop_poll *poll;
	struct agent_socket_queue queue;
	bool is_freed; /* its memory goes at the end of the turn */
};

static void hang_up(struct agent_pause_client *c)
{
	if (c->poll)
		loop_poll_close(c->poll);
	c->poll = NULL;
	fd_close(c->sock);
	c->sock = -1;
	agent_socket_queue_fini(&c->queue);
}

static void free_later(void *ctx)
{
	free(ctx);
}

void agent_pause_client_free(struct agent_pause_client *c)
{
	if (!c)
		return;
	hang_up(c);
	c->is_freed = true;
	loop_post(c->loop, free_later, c);
}

static void lose(struct agent_pause_client *c)
{
	hang_up(c);
	c->ops->on_lost(c->ctx);
}

static void watch(struct agent_pause_client *c)
{
	loop_poll_set(c->poll,
		      agent_socket_queue_is_empty(&c->queue) ? LOOP_READ : LOOP_READ | LOOP_WRITE);
}

static void read_all(struct agent_pause_client *c)
{
	static char msg[AGENT_PAUSE_MESSAGE_MAX];

	while (c->sock >= 0) {
		ssize_t n = recv(c->sock, msg, sizeof(msg), MSG_DONTWAIT);

		if (n > 0)
			c->ops->on_message(c->ctx, str_n(msg, (size_t)n));
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR)
			lose(c);
	}
	if (!c->is_freed)
		c->ops->on_settled(c->ctx);
}

static void on_polled(void *ctx, unsigned events)
{
	struct agent_pause_client *c = ctx;

	if (events & LOOP_WRITE) {
		/* One that is gone is found out by reading: what it said before counts. */
		if (agent_socket_flush(&c->queue, c->sock, NULL) < 0)
			agent_socket_queue_fini(&c->queue);
		watch(c);
	}
	if (events & ~LOOP_WRITE)
		read_all(c);
}

int agent_pause_client_new(struct loop *l, const char *path,
			   const struct agent_pause_client_ops *ops, void *ctx,
			   struct agent_pause_client **ret, struct err *err)
{
	struct agent_pause_client *c = mem_xnew(struct agent_pause_client);
	int r;

	*c = (struct agent_pause_client){.loop = l, .ops = ops, .ctx = ctx};
	agent_socket_queue_init(&c->queue);
	r = c->sock = agent_socket_connect(path, err);
	if (r >= 0)
		r = loop_poll_new(l, c->sock, LOOP_READ, on_polled, c, &c->poll, err);
	if (r < 0) {
		hang_up(c);
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int agent_pause_client_send(struct agent_pause_client *c, const char *const *words, const int *fds,
			    struct err *err)
{
	struct buf b = BUF_INIT;
	int r;

	for (size_t i = 0; words[i]; i++)
		buf_add(&b, words[i], strlen(words[i]) + 1);
	if (c->sock < 0)
		r = err_sys(err, EPIPE, "the Pod's first process is gone");
	else if (b.len > AGENT_PAUSE_MESSAGE_MAX)
		r = err_set(err, ERR_TOO_LARGE, "the command is longer than %d bytes",
			    AGENT_PAUSE_MESSAGE_MAX);
	else
		r = agent_socket_send(&c->queue, c->sock, buf_str(&b), fds, err);
	buf_fini(&b);
	if (r < 0)
		return err_wrap(err, r, "tell the Pod's first process");
	watch(c);
	return 0;
}
