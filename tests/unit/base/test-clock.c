/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "tests/harness/test.h"

TEST(formats_and_parses_rfc3339)
{
	char buf[CLOCK_RFC3339_MAX];
	struct err err;
	int64_t ns;

	ASSERT_OK(clock_parse(STR("2026-11-21T10:22:33.123456Z"), &ns, &err));
	ASSERT_STR(clock_format(buf, ns, 0), STR("2026-11-21T10:22:33Z"));
	ASSERT_STR(clock_format(buf, ns, 6), STR("2026-11-21T10:22:33.123456Z"));
	ASSERT_STR(clock_format(buf, ns, 9), STR("2026-11-21T10:22:33.123456000Z"));
	ASSERT_OK(clock_parse(STR("2026-11-21T12:22:33+02:00"), &ns, &err));
	ASSERT_STR(clock_format(buf, ns, 0), STR("2026-11-21T10:22:33Z"));
}

TEST(refuses_what_is_no_time)
{
	const char *bad[] = {"",
			     "2026",
			     "2026-11-21",
			     "2026-13-21T10:22:33Z",
			     "2026-11-21T10:22:33",
			     "2026-11-21T10:22:33.Z",
			     "2026-11-21T10:22:33Zx"};
	int64_t ns;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(clock_parse(str_of(bad[i]), &ns, NULL), ERR_INVALID);
}

TEST(a_time_out_of_range_is_the_nearest)
{
	struct err err;
	int64_t ns;

	ASSERT_OK(clock_parse(STR("9999-12-31T23:59:59Z"), &ns, &err));
	ASSERT_TRUE(ns == INT64_MAX);
	ASSERT_OK(clock_parse(STR("0001-01-01T00:00:00Z"), &ns, &err));
	ASSERT_TRUE(ns == INT64_MIN);
}

TEST(fake_clock_moves_when_told)
{
	struct clock_fake f;
	int64_t before;

	clock_fake_init(&f, 0);
	before = clock_mono_ms(&f.clock);
	clock_fake_advance(&f, 5000000);
	ASSERT_EQ(clock_mono_ms(&f.clock) - before, 5);
}
