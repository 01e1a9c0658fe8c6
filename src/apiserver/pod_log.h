/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * pods/log: the logs are with the agent of the Pod's node. Its answer is passed on as it comes, and
 * no faster than the client reads. An agent that says nothing for APISERVER_AGENT_MS, or falls
 * silent in the middle of a log that is not followed, is given up: 504, or a broken answer once one
 * has begun.
 */

#include "apiserver/request.h"

/* Negative with req->st set, exchange untouched. */
int pod_log_start(struct request *req) _nodiscard_;
