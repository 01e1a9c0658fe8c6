/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/backoff.h"

int64_t agent_backoff_after(struct agent_backoff *b, int64_t ran_ms)
{
	int64_t pause_ms;

	if (ran_ms >= AGENT_BACKOFF_FORGIVE_MS)
		b->next_ms = 0;
	pause_ms = b->next_ms;
	b->next_ms = pause_ms ? MIN(pause_ms * 2, AGENT_BACKOFF_MAX_MS) : AGENT_BACKOFF_FIRST_MS;
	return pause_ms;
}
