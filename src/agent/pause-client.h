/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The agent's end of the connection to a pause (agent/pause.h tells the protocol). Knows nothing of
 * Pods: agent/pod.c gives messages their meaning.
 *
 * What a pause has no room for waits, in order and bounded (agent/socket.h), so a message is either
 * delivered, or refused by agent_pause_client_send, or the connection is lost, which is told once.
 */

#include "base/err.h"
#include "base/str.h"

struct agent_pause_client;
struct loop;

/* Any of them may free the client. */
struct agent_pause_client_ops {
	/* Strings, each with a NUL behind it. */
	void (*on_message)(void *ctx, struct str msg);
	/* All messages that had come have been told. */
	void (*on_settled)(void *ctx);
	/* Nothing comes and goes any more; the client is still to be freed. */
	void (*on_lost)(void *ctx);
};

/* ECONNREFUSED, ENOENT: there is no pause; EAGAIN: it has not accepted a connection for long. */
int agent_pause_client_new(struct loop *l, const char *path,
			   const struct agent_pause_client_ops *ops, void *ctx,
			   struct agent_pause_client **ret, struct err *err) _nodiscard_;
void agent_pause_client_free(struct agent_pause_client *c); /* NULL is fine */

/* `words` end with a NULL. fds: NULL, or three descriptors for what an "exec" starts; they stay the
 * caller's. ERR_TOO_LARGE: longer than AGENT_PAUSE_MESSAGE_MAX (the pause would take it for noise
 * and hang up; only an exec can be). ERR_LIMIT: the pause does not read. */
int agent_pause_client_send(struct agent_pause_client *c, const char *const *words, const int *fds,
			    struct err *err) _nodiscard_;
