/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Commands that clients run in a container, and clients that are attached to one: exec.c. */

#include "agent/container.h"

struct http_exchange;

/* Negative, and the exchange untouched, or it is theirs. */
int agent_exec_start(struct agent_container *c, struct http_exchange *x,
		     struct err *err) _nodiscard_;
int agent_attach_start(struct agent_container *c, struct http_exchange *x,
		       struct err *err) _nodiscard_;
