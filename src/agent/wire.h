/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Numbered streams on one connection that a client has upgraded: what exec, attach (agent/exec.c)
 * and port-forward (agent/forward.c) speak. The client chooses how they are carried:
 *
 *	SPDY/3.1                      the client opens streams with headers (kubectl to 1.30)
 *	WebSocket, v5.channel.k8s.io  the first byte of a message is the stream's number; a message
 *	or v4.channel.k8s.io          255 N ends stream N (kubectl from 1.31, other clients)
 *	WebSocket, SPDY/3.1+portforward.k8s.io   SPDY inside messages (kubectl port-forward)
 *
 * With channels nothing is opened: all streams are there from the start. Streams are not slowed one
 * by one: a wire that is full (agent_wire_is_full) is full for all, and agent_wire_pause stops all.
 *
 * A wire ends by agent_wire_close (what was written still goes out) or by the client (on_gone);
 * either way its owner forgets it then: it frees itself at the end of the loop's turn.
 */

#include "http/http.h"

struct agent_wire;
struct loop;

enum agent_wire_use {
	AGENT_WIRE_REMOTE,  /* exec and attach */
	AGENT_WIRE_FORWARD, /* port-forward */
};

enum {
	AGENT_WIRE_FULL = HTTP_PENDING_MAX / 2, /* unsent bytes; on_writable at half of them */
};

/* Any of them may write and close. */
struct agent_wire_ops {
	/* False refuses the stream. Not with channels. */
	bool (*on_open)(void *ctx, uint32_t id, const struct http_header *headers, size_t n);
	void (*on_data)(void *ctx, uint32_t id, struct str piece, bool is_last);
	void (*on_reset)(void *ctx, uint32_t id); /* the client wants none of it any more */
	void (*on_writable)(void *ctx);
	void (*on_gone)(void *ctx);
};

/* Upgrades the exchange, and owns it from then on. ERR_BAD_REQUEST, ERR_FORBIDDEN, and the exchange
 * untouched, when the client asks for nothing of the above. */
int agent_wire_open(struct loop *l, struct http_exchange *x, enum agent_wire_use use,
		    const struct agent_wire_ops *ops, void *ctx, struct agent_wire **ret,
		    struct err *err) _nodiscard_;
void agent_wire_close(struct agent_wire *w); /* NULL is fine */
bool agent_wire_has_channels(const struct agent_wire *w);
void agent_wire_write(struct agent_wire *w, uint32_t id, struct str data);
void agent_wire_end(struct agent_wire *w, uint32_t id); /* this side writes no more on it */
bool agent_wire_is_full(const struct agent_wire *w);
void agent_wire_pause(struct agent_wire *w, bool is_paused);
