/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a container has printed, to HTTP clients: once, or followed until its run ends. The files
 * and their lines are agent/log_file.h. */

#include "agent/container.h"

struct agent_logs;
struct http_exchange;

struct agent_logs *agent_logs_new(struct agent *a);
void agent_logs_free(struct agent_logs *l); /* after the server that calls it */
/* Negative, and the exchange untouched, or it is answered. */
int agent_logs_serve(struct agent_logs *l, struct http_exchange *x, struct agent_container *c,
		     struct err *err) _nodiscard_;
