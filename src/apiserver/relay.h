/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this server does not know itself and asks a node's agent for: the call goes out on a
 * transport to the agent, and its answer comes back to the client as it arrives, no faster than the
 * client reads. An agent that says nothing for APISERVER_AGENT_MS is given up: 504, or a broken
 * answer once one has begun; and so is one whose client has gone. Time in which the client is slow
 * does not count.
 *
 * Whose business the call is (a log's, a proxy's) is the caller's: nothing here knows a kind but
 * Node.
 */

#include "apiserver/request.h"

/* A transport to the agent of this node. ERR_UNAVAILABLE, naming the node, when it has no address
 * or cannot be reached. The caller's, until relay_run takes it. */
int relay_open(struct request *req, struct str node, struct http_transport **ret,
	       struct err *err) _nodiscard_;
/* Takes over the transport and the exchange. The answer has the agent's status, req->content_type
 * and no other header; 503 when there is no agent. What `call` points at is needed only during this
 * call. may_be_silent: once it has begun, the answer may pause for ever. */
void relay_run(struct request *req, struct http_transport *t, const struct http_call_request *call,
	       bool may_be_silent);
