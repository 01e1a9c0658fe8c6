/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/ip_alloc.h"
#include "apiserver/service/port_alloc.h"
#include "tests/harness/test.h"

static struct ip_alloc pool(const char *cidr)
{
	struct ip_alloc p;
	struct ip_prefix prefix;
	struct err err;

	ASSERT_OK(ip_prefix_parse(str_of(cidr), &prefix, &err));
	ip_alloc_init(&p, ip_family(&prefix.addr));
	ASSERT_OK(ip_alloc_add_range(&p, &prefix, &err));
	return p;
}

static struct ip_addr addr(const char *text)
{
	struct ip_addr a = {0};
	struct err err;

	ASSERT_OK(ip_parse(str_of(text), &a, &err));
	return a;
}

/* service-api.md section 7, numbers as given there. Proves: 7.1, 7.2 */
TEST(sizes_and_bands_of_ranges)
{
	static const struct {
		const char *cidr;
		uint64_t size, band;
	} cases[] = {
		{"10.0.0.0/32", 0, 0},
		{"10.0.0.0/31", 0, 0},
		{"10.0.0.0/30", 2, 0},
		{"10.0.0.0/28", 14, 0},
		{"10.0.0.0/27", 30, 16},
		{"10.0.0.0/26", 62, 16},
		{"10.0.0.0/25", 126, 16},
		{"10.0.0.0/24", 254, 16},
		{"10.0.0.0/23", 510, 32},
		{"10.0.0.0/22", 1022, 64},
		{"10.0.0.0/21", 2046, 128},
		{"10.0.0.0/20", 4094, 256},
		{"10.0.0.0/16", 65534, 256},
		{"10.0.0.0/15", 131070, 256},
		{"2001:db8::/128", 0, 0},
		{"2001:db8::/127", 1, 0},
		{"2001:db8::/120", 255, 16},
		{"2001:db8::/118", 1023, 64},
		{"2001:db8::/112", 65535, 256},
		{"2001:db8::/108", 1048575, 256},
		{"2001:db8::/64", UINT64_MAX, 256},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ip_alloc p = pool(cases[i].cidr);

		ASSERT_EQ(ip_alloc_size(&p), cases[i].size);
		ASSERT_EQ(p.ranges.ptr[0].band, cases[i].band);
		ip_alloc_fini(&p);
	}
}

TEST(an_ipv6_range_larger_than_64_is_refused)
{
	struct ip_prefix prefix;
	struct ip_alloc p;
	struct err err;

	ASSERT_OK(ip_prefix_parse(STR("2001:db8::/63"), &prefix, &err));
	ip_alloc_init(&p, IP_V6);
	ASSERT_ERR(ip_alloc_add_range(&p, &prefix, &err), ERR_INVALID);
	ASSERT_EQ(ip_alloc_size(&p), 0);
}

TEST(network_and_broadcast_are_not_usable)
{
	struct ip_alloc p = pool("10.0.0.77/24"), p6 = pool("2001:db8::/120");
	static const struct {
		const char *text;
		bool is_usable;
	} cases[] = {
		{"10.0.0.0", false},    {"10.0.0.1", true},  {"10.0.0.254", true},
		{"10.0.0.255", false},  {"10.0.1.1", false}, {"9.255.255.255", false},
		{"2001:db8::1", false},
	};
	struct ip_addr a;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		a = addr(cases[i].text);
		ASSERT_EQ(ip_alloc_contains(&p, &a), cases[i].is_usable);
	}
	a = addr("2001:db8::");
	ASSERT_FALSE(ip_alloc_contains(&p6, &a));
	a = addr("2001:db8::ff");
	ASSERT_TRUE(ip_alloc_contains(&p6, &a));
	ip_alloc_fini(&p);
	ip_alloc_fini(&p6);
}

TEST(the_upper_band_goes_first_and_all_are_found)
{
	struct ip_alloc p = pool("10.0.0.0/24");
	struct ip_addr a, low = addr("10.0.0.17"), first = addr("10.0.0.1");
	struct rand rand;

	rand_seed(&rand, 1);
	for (unsigned i = 0; i < 254; i++) {
		ASSERT_TRUE(ip_alloc_next(&p, &rand, &a));
		ASSERT_FALSE(ip_alloc_has(&p, &a));
		ASSERT_TRUE(ip_alloc_contains(&p, &a));
		ASSERT_EQ(ip_cmp(&a, &low) >= 0, i < 238);
		ip_alloc_add(&p, &a, STR("ns/name"));
	}
	ASSERT_FALSE(ip_alloc_next(&p, &rand, &a));
	ip_alloc_remove(&p, &first);
	ASSERT_TRUE(ip_alloc_next(&p, &rand, &a));
	ASSERT_TRUE(ip_eq(&a, &first));
	ip_alloc_fini(&p);
}

TEST(claims_and_holds_are_two_things)
{
	struct ip_alloc p = pool("10.0.0.0/30");
	struct ip_addr a = addr("10.0.0.1"), other = addr("2001:db8::1");

	ip_alloc_hold(&p, &a);
	ip_alloc_add(&p, &a, STR("ns/web"));
	ip_alloc_drop(&p, &a);
	ASSERT_TRUE(ip_alloc_has(&p, &a));
	ASSERT_STR(ip_alloc_owner(&p, &a), STR("ns/web"));
	ip_alloc_hold(&p, &a);
	ip_alloc_hold(&p, &a);
	ip_alloc_remove(&p, &a);
	ip_alloc_drop(&p, &a);
	ASSERT_TRUE(ip_alloc_has(&p, &a));
	ip_alloc_drop(&p, &a);
	ASSERT_FALSE(ip_alloc_has(&p, &a));
	/* Of the other family: nothing happens. */
	ip_alloc_add(&p, &other, STR("ns/web"));
	ip_alloc_hold(&p, &other);
	ip_alloc_remove(&p, &other);
	ip_alloc_drop(&p, &other);
	ASSERT_FALSE(ip_alloc_has(&p, &other));
	ip_alloc_fini(&p);
}

/* Claims are known before their range is, and after it has gone. */
TEST(ranges_come_and_go)
{
	struct ip_alloc p = pool("10.0.0.0/30");
	struct ip_addr a, early = addr("10.0.1.1");
	struct ip_prefix second = {addr("10.0.1.0"), 30}, v6 = {addr("2001:db8::"), 64};
	struct rand rand;
	struct err err;

	rand_seed(&rand, 1);
	ip_alloc_add(&p, &early, STR("ns/early"));
	ASSERT_FALSE(ip_alloc_contains(&p, &early));
	ASSERT_ERR(ip_alloc_add_range(&p, &v6, &err), ERR_INVALID);
	ASSERT_OK(ip_alloc_add_range(&p, &second, &err));
	ASSERT_TRUE(ip_alloc_contains(&p, &early));
	ASSERT_EQ(ip_alloc_size(&p), 4);
	for (unsigned i = 0; i < 3; i++) {
		ASSERT_TRUE(ip_alloc_next(&p, &rand, &a));
		ASSERT_FALSE(ip_eq(&a, &early));
		ip_alloc_add(&p, &a, STR("ns/x"));
	}
	ASSERT_FALSE(ip_alloc_next(&p, &rand, &a));
	ip_alloc_clear_ranges(&p);
	ip_alloc_remove(&p, &early);
	ASSERT_FALSE(ip_alloc_next(&p, &rand, &a));
	ip_alloc_fini(&p);
}

/* Section 8. Proves: 8.2 */
TEST(bands_of_port_ranges)
{
	static const struct {
		uint16_t first, last;
		uint32_t band;
	} cases[] = {
		{30000, 32767, 86}, {30000, 30015, 0}, {30000, 30016, 16}, {1, 128, 16},
		{1, 512, 16},       {1, 1024, 32},     {1, 2048, 64},      {1, 4096, 128},
		{1, 8192, 128},     {30000, 30000, 0}, {1, 65535, 128},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct port_alloc p;

		port_alloc_init(&p, cases[i].first, cases[i].last);
		ASSERT_EQ(p.band, cases[i].band);
		port_alloc_fini(&p);
	}
}

static bool skip_odd(const void *ctx, uint16_t port)
{
	return port % 2;
}

TEST(ports_are_drawn_from_the_upper_band_first)
{
	struct port_alloc p;
	struct rand rand;
	uint16_t port;

	rand_seed(&rand, 1);
	port_alloc_init(&p, 30000, 32767);
	for (unsigned i = 0; i < 2768; i++) {
		ASSERT_TRUE(port_alloc_next(&p, &rand, NULL, NULL, &port));
		ASSERT_FALSE(port_alloc_has(&p, port));
		ASSERT_EQ(port >= 30086, i < 2682);
		port_alloc_add(&p, port, STR("ns/x"), 1);
	}
	ASSERT_FALSE(port_alloc_next(&p, &rand, NULL, NULL, &port));
	port_alloc_remove(&p, 31001);
	port_alloc_remove(&p, 30004);
	ASSERT_TRUE(port_alloc_next(&p, &rand, skip_odd, NULL, &port));
	ASSERT_EQ(port, 30004);
	port_alloc_hold(&p, 30004);
	ASSERT_FALSE(port_alloc_next(&p, &rand, skip_odd, NULL, &port));
	port_alloc_drop(&p, 30004);
	ASSERT_FALSE(port_alloc_has(&p, 30004));
	/* Outside: nothing happens. */
	port_alloc_add(&p, 1, STR("ns/x"), 1);
	port_alloc_hold(&p, 65535);
	ASSERT_FALSE(port_alloc_has(&p, 1));
	ASSERT_FALSE(port_alloc_has(&p, -1));
	port_alloc_fini(&p);
}
