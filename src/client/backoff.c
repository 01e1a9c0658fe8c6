/* SPDX-License-Identifier: Apache-2.0 */
#include "client/backoff.h"

void client_backoff_init(struct client_backoff *b, int64_t base_ms, int64_t max_ms, uint64_t seed)
{
	assert(base_ms >= 2 && max_ms >= base_ms);
	*b = (struct client_backoff){.base_ms = base_ms, .max_ms = max_ms};
	rand_seed(&b->rand, seed);
}

int64_t client_backoff_next_ms(struct client_backoff *b)
{
	int64_t ms = b->base_ms;

	for (unsigned i = 0; i < b->failures && ms < b->max_ms; i++)
		ms *= 2;
	ms = ms < b->max_ms ? ms : b->max_ms;
	b->failures++;
	return ms / 2 + (int64_t)rand_below(&b->rand, (uint64_t)(ms - ms / 2));
}

void client_backoff_reset(struct client_backoff *b)
{
	b->failures = 0;
}
