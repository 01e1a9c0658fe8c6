/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Connections of clients to ports of a Pod: forward.c. */

#include "agent/place.h"

struct http_exchange;

/* Negative, and the exchange untouched, or it is its own. */
int agent_forward_start(struct agent_place *p, struct http_exchange *x,
			struct err *err) _nodiscard_;
