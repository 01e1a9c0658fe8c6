/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What only Pods have: binding to a node, and logs (apiserver/pod_log.h). */

#include "apiserver/request.h"

/* pods/binding and pods/log. Negative with req->st set, exchange untouched. */
int pod_handle(struct request *req) _nodiscard_;
