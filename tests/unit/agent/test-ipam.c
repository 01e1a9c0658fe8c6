/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ipam.h"

#include "tests/harness/test.h"

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p;
	struct err err;

	ASSERT_OK(ip_prefix_parse(str_of(s), &p, &err));
	return p;
}

static void expect(struct agent_ipam *i, const char *want)
{
	char text[IP_TEXT_MAX];
	struct ip_addr a;
	struct err err;

	ASSERT_OK(agent_ipam_next(i, &a, &err));
	ASSERT_STR(ip_format(&a, text), str_of(want));
}

TEST(goes_round_and_ends)
{
	struct ip_prefix range = prefix("10.244.1.0/29");
	struct ip_addr a = prefix("10.244.1.2/32").addr;
	struct agent_ipam i;
	struct err err;

	ASSERT_OK(agent_ipam_init(&i, &range, &err));
	expect(&i, "10.244.1.1");
	expect(&i, "10.244.1.2");
	agent_ipam_release(&i, &a);
	agent_ipam_release(&i, &a);
	expect(&i, "10.244.1.3");
	expect(&i, "10.244.1.4");
	expect(&i, "10.244.1.5");
	expect(&i, "10.244.1.6");
	expect(&i, "10.244.1.2");
	ASSERT_ERR(agent_ipam_next(&i, &a, &err), ERR_LIMIT);
	ASSERT_STREQ(err.msg, "range 10.244.1.0/29: all 6 addresses are taken");
	agent_ipam_fini(&i);
}

TEST(takes_what_is_told)
{
	struct ip_prefix range = prefix("2001:db8:244:1::/64");
	struct ip_addr a = prefix("2001:db8:244:1::1/128").addr;
	struct ip_addr other = prefix("2001:db8:244:2::1/128").addr;
	struct agent_ipam i;
	struct err err;

	ASSERT_OK(agent_ipam_init(&i, &range, &err));
	ASSERT_OK(agent_ipam_take(&i, &a, &err));
	ASSERT_ERR(agent_ipam_take(&i, &a, &err), ERR_EXISTS);
	ASSERT_ERR(agent_ipam_take(&i, &other, &err), ERR_INVALID);
	expect(&i, "2001:db8:244:1::2");
	agent_ipam_fini(&i);
}

TEST(a_wide_range_is_bounded)
{
	struct ip_prefix range = prefix("10.0.0.0/8");
	struct agent_ipam i;
	struct ip_addr a;
	struct err err;

	ASSERT_OK(agent_ipam_init(&i, &range, &err));
	for (int n = 1; n < AGENT_IPAM_MAX; n++)
		ASSERT_OK(agent_ipam_next(&i, &a, &err));
	ASSERT_ERR(agent_ipam_next(&i, &a, &err), ERR_LIMIT);
	agent_ipam_fini(&i);
}

TEST(too_small)
{
	const char *bad[] = {"10.0.0.1/32", "10.0.0.0/31", "2001:db8::1/128"};
	struct agent_ipam i;
	struct err err;

	for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
		struct ip_prefix range = prefix(bad[n]);

		ASSERT_ERR(agent_ipam_init(&i, &range, &err), ERR_INVALID);
	}
}
