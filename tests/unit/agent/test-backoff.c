/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/backoff.h"

#include "tests/harness/test.h"

TEST(doubles_to_the_limit_and_forgives)
{
	static const int64_t want[] = {0, 10000, 20000, 40000, 80000, 160000, 300000, 300000};
	struct agent_backoff b = {0};

	for (size_t i = 0; i < ARRAY_LEN(want); i++)
		ASSERT_EQ(agent_backoff_after(&b, 50), want[i]);
	ASSERT_EQ(agent_backoff_after(&b, AGENT_BACKOFF_FORGIVE_MS), 0);
	ASSERT_EQ(agent_backoff_after(&b, 50), 10000);
}
