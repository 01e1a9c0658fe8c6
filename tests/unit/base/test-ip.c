/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include "tests/harness/test.h"

static struct ip_addr ip(const char *s)
{
	struct ip_addr a;
	struct err err;

	ASSERT_OK(ip_parse(str_of(s), &a, &err));
	return a;
}

TEST(text_is_canonical)
{
	const char *both[][2] = {{"10.0.0.1", "10.0.0.1"},
				 {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
				 {"::", "::"},
				 {"::1", "::1"}};
	char buf[IP_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		struct ip_addr a = ip(both[i][0]);

		ASSERT_STR(ip_format(&a, buf), str_of(both[i][1]));
	}
}

TEST(strict_refuses_what_sloppy_takes)
{
	const char *odd[] = {"010.0.0.1", "::ffff:10.0.0.1"};
	const char *bad[] = {"",          "10.0.0",       "10.0.0.256", "1.2.3.4.5",
			     "10.0.0.1 ", "fe80::1%eth0", "g::"};
	struct ip_addr a, want = ip("10.0.0.1");
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		ASSERT_ERR(ip_parse(str_of(odd[i]), &a, &err), ERR_INVALID);
		ASSERT_OK(ip_parse_sloppy(str_of(odd[i]), &a, &err));
		ASSERT_TRUE(ip_eq(&a, &want));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_ERR(ip_parse_sloppy(str_of(bad[i]), &a, &err), ERR_INVALID);
}

TEST(prefixes)
{
	struct ip_prefix p;
	struct ip_addr in = ip("10.96.255.255"), out = ip("10.97.0.0"), v6 = ip("::a60:1");
	char buf[IP_PREFIX_TEXT_MAX];
	struct err err;

	ASSERT_OK(ip_prefix_parse(STR("10.96.3.4/16"), &p, &err));
	ASSERT_TRUE(ip_prefix_has(&p, &in));
	ASSERT_FALSE(ip_prefix_has(&p, &out));
	ASSERT_FALSE(ip_prefix_has(&p, &v6));
	p.addr = ip_prefix_base(&p);
	ASSERT_STR(ip_prefix_format(&p, buf), STR("10.96.0.0/16"));
	ASSERT_OK(ip_prefix_parse(STR("2001:db8::/61"), &p, &err));
	in = ip("2001:db8:0:7::1");
	out = ip("2001:db8:0:8::1");
	ASSERT_TRUE(ip_prefix_has(&p, &in));
	ASSERT_FALSE(ip_prefix_has(&p, &out));
	ASSERT_ERR(ip_prefix_parse(STR("10.0.0.0/33"), &p, &err), ERR_INVALID);
	ASSERT_ERR(ip_prefix_parse(STR("10.0.0.0"), &p, &err), ERR_INVALID);
}

TEST(arithmetic)
{
	struct ip_addr a = ip("10.0.0.255"), b = ip_plus(&a, 1), want = ip("10.0.1.0");
	uint64_t n;

	ASSERT_TRUE(ip_eq(&b, &want));
	ASSERT_TRUE(ip_offset(&a, &b, &n));
	ASSERT_EQ(n, 1);
	ASSERT_FALSE(ip_offset(&b, &a, &n));
	a = ip("2001:db8::ffff:ffff");
	b = ip_plus(&a, 2);
	want = ip("2001:db8::1:0:1");
	ASSERT_TRUE(ip_eq(&b, &want));
	ASSERT_TRUE(ip_offset(&a, &b, &n));
	ASSERT_EQ(n, 2);
}

TEST(special_ranges)
{
	struct ip_addr a = ip("127.8.0.1"), b = ip("169.254.1.1"), c = ip("224.0.0.9"),
		       d = ip("ff02::1"), e = ip("0.0.0.0"), f = ip("febf::1");

	ASSERT_TRUE(ip_is_loopback(&a));
	ASSERT_TRUE(ip_is_link_local(&b));
	ASSERT_TRUE(ip_is_link_local_multicast(&c));
	ASSERT_TRUE(ip_is_link_local_multicast(&d));
	ASSERT_TRUE(ip_is_unspecified(&e));
	ASSERT_TRUE(ip_is_link_local(&f));
	ASSERT_FALSE(ip_is_loopback(&b));
}

TEST(any_is_unspecified_in_its_family)
{
	struct ip_addr v4 = ip_any(IP_V4), v6 = ip_any(IP_V6);

	ASSERT_TRUE(ip_is_unspecified(&v4) && ip_is_unspecified(&v6));
	ASSERT_EQ(ip_family(&v4), IP_V4);
	ASSERT_EQ(ip_family(&v6), IP_V6);
}
