/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this server does not know itself and asks a node's agent for: the call goes out on a
 * transport to the agent, and its answer comes back to the client as it arrives, no faster than the
 * client reads. An agent that says nothing for APISERVER_AGENT_MS is given up: 504, or a broken
 * answer once one has begun; and so is one whose client has gone. Time in which the client is slow
 * does not count.
 *
 * When the call asks for an upgrade and gets it, the connection becomes a tunnel: bytes both ways,
 * neither side faster than the other reads.
 *
 * Whose business the call is (a log's, a proxy's) is the caller's: nothing here knows a kind but
 * Node.
 */

#include "apiserver/request.h"

enum {
	RELAY_TUNNEL_IDLE_MS = 4 * 3600 * 1000, /* as a kubelet's streamingConnectionIdleTimeout */
};

/* The address of the node's agent, absent when it has none, and its port, 0 when it says none. */
struct str relay_agent_host(struct request *req, struct str node, uint16_t *ret_port);
/* A transport to the agent of this node. ERR_UNAVAILABLE, naming the node, when it has no address
 * or cannot be reached. The caller's, until relay_run takes it. */
int relay_open(struct request *req, struct str node, struct http_transport **ret,
	       struct err *err) _nodiscard_;
/* How it is passed on. */
struct relay_way {
	const char *failure;  /* 503 when nobody answers: this, ": " and why */
	int64_t timeout_ms;   /* 0: the configured one of agents */
	bool may_be_silent;   /* once it has begun, the answer may pause for ever */
	bool has_own_headers; /* the answer's headers are passed on, but those of one hop (RFC 9110
			       * section 7.6.1); otherwise it has req->content_type and no other */
	/* What the agent says with a failure is text: the client gets a Status with it. */
	bool has_text_failures;
	/* What becomes of a Location in the answer; NULL: it stays. */
	struct str (*location)(struct request *req, struct str value);
};
extern const struct relay_way relay_agent; /* that of a node's agent: all but its content */

/* Takes over the transport and the exchange. What `call` points at is needed only during this call,
 * the way for all of it. When call->is_upgrade and the answer is 101, bytes go both ways until
 * either side ends or RELAY_TUNNEL_IDLE_MS have passed without one. */
void relay_run(struct request *req, struct http_transport *t, const struct http_call_request *call,
	       const struct relay_way *way);
/* The server's relays. At its end, when no exchange is left, those that still run are cut. */
struct relay_list *relay_list_new(void);
void relay_list_free(struct relay_list *relays); /* NULL is fine */
/* Whether a header must not be passed on: that of one hop, by its name or since Connection names
 * it. */
bool relay_is_hop_header(const struct http_header *headers, size_t n, struct str name);
