/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GET pods/NAME/log: a container's output, which the agent of the Pod's node keeps (relay.h). A log
 * that is followed may be silent once it has begun.
 */

#include "apiserver/request.h"

/* Negative with req->st set, exchange untouched; else the answer follows. */
int pod_log_start(struct request *req) _nodiscard_;
