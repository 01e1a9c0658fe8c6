/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * pods/NAME/exec, attach and portforward: a connection that the client upgrades (to WebSocket or
 * SPDY/3.1) and that goes through to the agent of the Pod's node as bytes (relay.h). What is spoken
 * on it is the business of the agent (agent/exec.c, agent/forward.c); here it is found out where it
 * goes.
 */

#include "apiserver/request.h"

/* Negative with req->st set, exchange untouched; else the answer follows. */
int pod_stream_start(struct request *req) _nodiscard_;
