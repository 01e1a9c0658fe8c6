/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe.h"

#include "tests/harness/test.h"

static const struct api_probe spec = {.is_set = true,
				      .kind = API_PROBE_TCP,
				      .initial_delay_s = 5,
				      .period_s = 2,
				      .timeout_s = 3,
				      .success_threshold = 2,
				      .failure_threshold = 3};

static bool feed(struct agent_probe *p, int64_t now_ms, bool is_pass)
{
	agent_probe_begin(p, now_ms);
	return agent_probe_end(p, is_pass);
}

TEST(timing)
{
	struct agent_probe p;

	agent_probe_init(&p, &spec, AGENT_UNKNOWN, 1000);
	ASSERT_EQ(p.timeout_ms, 3000);
	ASSERT_FALSE(agent_probe_is_due(&p, 5999));
	ASSERT_TRUE(agent_probe_is_due(&p, 6000));
	agent_probe_begin(&p, 6100);
	ASSERT_FALSE(agent_probe_is_due(&p, 9000));
	agent_probe_end(&p, true);
	ASSERT_FALSE(agent_probe_is_due(&p, 8099));
	ASSERT_TRUE(agent_probe_is_due(&p, 8100));
}

TEST(readiness_hurries_until_it_has_passed)
{
	struct agent_probe p;

	agent_probe_init(&p, &spec, AGENT_FAIL, 0);
	feed(&p, 5000, false);
	ASSERT_TRUE(agent_probe_is_due(&p, 5000 + AGENT_PROBE_EAGER_MS));
	feed(&p, 6000, true);
	feed(&p, 7000, true);
	ASSERT_EQ(p.verdict, AGENT_PASS);
	feed(&p, 8000, false);
	ASSERT_FALSE(agent_probe_is_due(&p, 8000 + AGENT_PROBE_EAGER_MS));
	ASSERT_TRUE(agent_probe_is_due(&p, 10000));
}

TEST(liveness_leaves_time_to_begin)
{
	static const struct api_probe soon = {.is_set = true, .kind = API_PROBE_TCP};
	struct agent_probe p;

	agent_probe_init(&p, &soon, AGENT_PASS, 0);
	ASSERT_FALSE(agent_probe_is_due(&p, AGENT_PROBE_LIVENESS_MS - 1));
	ASSERT_TRUE(agent_probe_is_due(&p, AGENT_PROBE_LIVENESS_MS));
}

TEST(thresholds_count_in_a_row)
{
	struct agent_probe p;

	agent_probe_init(&p, &spec, AGENT_FAIL, 0);
	ASSERT_FALSE(feed(&p, 0, true));
	ASSERT_FALSE(feed(&p, 1, false));
	ASSERT_FALSE(feed(&p, 2, true));
	ASSERT_EQ(p.verdict, AGENT_FAIL);
	ASSERT_TRUE(feed(&p, 3, true));
	ASSERT_EQ(p.verdict, AGENT_PASS);
	ASSERT_FALSE(feed(&p, 4, false));
	ASSERT_FALSE(feed(&p, 5, false));
	ASSERT_FALSE(feed(&p, 6, true));
	ASSERT_FALSE(feed(&p, 7, false));
	ASSERT_FALSE(feed(&p, 8, false));
	ASSERT_TRUE(feed(&p, 9, false));
	ASSERT_EQ(p.verdict, AGENT_FAIL);
}

TEST(a_startup_probe_begins_as_unknown)
{
	struct agent_probe p;

	agent_probe_init(&p, &spec, AGENT_UNKNOWN, 0);
	feed(&p, 0, false);
	feed(&p, 1, false);
	ASSERT_EQ(p.verdict, AGENT_UNKNOWN);
	ASSERT_TRUE(feed(&p, 2, false));
	ASSERT_EQ(p.verdict, AGENT_FAIL);
}

TEST(zero_means_the_default)
{
	static const struct api_probe none = {.is_set = true, .kind = API_PROBE_EXEC};
	struct agent_probe p;

	agent_probe_init(&p, &none, AGENT_PASS, 0);
	ASSERT_EQ(p.period_ms, 10000);
	ASSERT_EQ(p.timeout_ms, 1000);
	ASSERT_EQ(p.pass_threshold, 1);
	ASSERT_EQ(p.fail_threshold, 3);
}
