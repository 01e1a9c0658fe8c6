/* SPDX-License-Identifier: Apache-2.0 */
#include "dnswire/name.h"

#include "tests/harness/test.h"

#include <string.h>

static struct dnswire_name name(const char *text)
{
	struct dnswire_name n;
	struct err err;

	ASSERT_OK(dnswire_name_parse(str_of(text), &n, &err));
	return n;
}

TEST(text_round_trips)
{
	const char *both[][2] = {
		{"web.default.svc.cluster.local", "web.default.svc.cluster.local."},
		{"Web.Example.", "Web.Example."},
		{"", "."},
		{".", "."}};
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		struct dnswire_name n = name(both[i][0]);

		buf_clear(&b);
		dnswire_name_format(&b, &n);
		ASSERT_STREQ(b.ptr, both[i][1]);
	}
	buf_fini(&b);
}

TEST(refuses_empty_and_long_labels)
{
	struct dnswire_name n;
	char label[65];

	memset(label, 'a', 64);
	label[64] = '\0';
	ASSERT_ERR(dnswire_name_parse(STR("a..b"), &n, NULL), ERR_INVALID);
	ASSERT_ERR(dnswire_name_parse(STR(".a"), &n, NULL), ERR_INVALID);
	ASSERT_ERR(dnswire_name_parse(STR("a.."), &n, NULL), ERR_INVALID);
	ASSERT_ERR(dnswire_name_parse(str_of(label), &n, NULL), ERR_INVALID);
	n = name(label + 1);
	for (int i = 0; i < 2; i++)
		ASSERT_TRUE(dnswire_name_prepend(&n, str_of(label + 1)));
	ASSERT_EQ(n.len, 193);
	ASSERT_FALSE(dnswire_name_prepend(&n, str_of(label + 1)));
	ASSERT_TRUE(dnswire_name_prepend(&n, str_of(label + 3)));
	ASSERT_EQ(n.len, 255);
	ASSERT_FALSE(dnswire_name_prepend(&n, STR("a")));
}

TEST(reads_compressed_names_and_ends_on_loops)
{
	/* 0: "b.c.", 5: "a." + pointer to 0, 9: pointer to itself, 11: pointer forward */
	const uint8_t msg[] = {1, 'b', 1, 'c', 0, 1, 'a', 0xc0, 0, 0xc0, 9, 0xc0, 13, 0};
	struct dnswire_name n, want = name("a.b.c");
	size_t at = 5;

	ASSERT_EQ(dnswire_name_read(msg, sizeof(msg), &at, &n), 0);
	ASSERT_EQ(at, 9);
	ASSERT_TRUE(dnswire_name_eq(&n, &want));
	ASSERT_ERR(dnswire_name_read(msg, sizeof(msg), &at, &n), ERR_BAD_REQUEST);
	at = 11;
	ASSERT_ERR(dnswire_name_read(msg, sizeof(msg), &at, &n), ERR_BAD_REQUEST);
	at = 0;
	ASSERT_ERR(dnswire_name_read(msg, 3, &at, &n), ERR_BAD_REQUEST);
}

TEST(under_and_labels)
{
	struct dnswire_name zone = name("cluster.local"), n = name("Web.ns.SVC.Cluster.Local");
	struct dnswire_name other = name("xcluster.local");
	struct str labels[DNSWIRE_LABELS_MAX];
	size_t front;

	ASSERT_TRUE(dnswire_name_is_under(&n, &zone, &front));
	ASSERT_EQ(front, 3);
	ASSERT_TRUE(dnswire_name_is_under(&zone, &zone, &front));
	ASSERT_EQ(front, 0);
	ASSERT_FALSE(dnswire_name_is_under(&other, &zone, NULL));
	ASSERT_EQ(dnswire_name_labels(&n, labels), 5);
	ASSERT_STR(labels[0], STR("Web"));
	dnswire_name_lower(&n);
	dnswire_name_labels(&n, labels);
	ASSERT_STR(labels[2], STR("svc"));
}

TEST(reverse_names)
{
	struct dnswire_name
		v4 = name("7.0.96.10.in-addr.arpa"),
		v6 = name(
			"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"),
		part = name("96.10.in-addr.arpa"), bad = name("7.0.96.256.in-addr.arpa");
	char buf[IP_TEXT_MAX];
	struct ip_addr a;

	ASSERT_TRUE(dnswire_name_to_addr(&v4, &a));
	ASSERT_STR(ip_format(&a, buf), STR("10.96.0.7"));
	ASSERT_TRUE(dnswire_name_to_addr(&v6, &a));
	ASSERT_STR(ip_format(&a, buf), STR("2001:db8::1"));
	ASSERT_FALSE(dnswire_name_to_addr(&part, &a));
	ASSERT_FALSE(dnswire_name_to_addr(&bad, &a));
}
