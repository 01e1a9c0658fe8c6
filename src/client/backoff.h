/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Growing, jittered pauses between attempts: the n-th is drawn from the upper half of
 * base * 2^n, capped, so that many clients that lost one server do not come back at once.
 */

#include "base/rand.h"

struct client_backoff {
	int64_t base_ms, max_ms;
	unsigned failures;
	struct rand rand;
};

void client_backoff_init(struct client_backoff *b, int64_t base_ms, int64_t max_ms, uint64_t seed);
int64_t client_backoff_next_ms(struct client_backoff *b);
void client_backoff_reset(struct client_backoff *b); /* after a success */
