/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/nft_rules.h"

#include "tests/harness/test.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

static void put(struct nft_batch *b, const char *chain, bool at_head, uint32_t bit,
		const char *comment)
{
	nft_batch_table(b, NFPROTO_IPV4, "t");
	nft_rule(b, chain, at_head);
	nft_load_meta(b, 4, NFT_META_MARK);
	nft_cmp(b, 4, NFT_CMP_EQ, &bit, sizeof(bit));
	nft_verdict(b, NFT_GOTO, "elsewhere");
	nft_rule_end(b, comment);
}

TEST(a_rule_matches_itself_alone)
{
	struct nft_rules r = {0};
	struct nft_batch b;

	nft_batch_init(&b);
	put(&b, "x", false, 1, "one");
	put(&b, "x", false, 1, "one");
	put(&b, "x", false, 2, "one");
	put(&b, "x", false, 1, "two");
	put(&b, "x", false, 1, NULL);
	nft_rules_of_batch(&b, &r);
	ASSERT_EQ(r.len, 5);
	ASSERT_STREQ(r.ptr[0].chain, "x");
	ASSERT_TRUE(nft_rules_match(&r.ptr[0], &r.ptr[1]));
	for (size_t i = 2; i < r.len; i++) {
		ASSERT_FALSE(nft_rules_match(&r.ptr[0], &r.ptr[i]));
		ASSERT_FALSE(nft_rules_match(&r.ptr[i], &r.ptr[0]));
	}
	nft_rules_fini(&r);
	nft_batch_fini(&b);
}

/* What the kernel adds to an expression counts for nothing, a further expression does. */
TEST(more_attributes_match_and_more_expressions_do_not)
{
	struct nft_rules r = {0};
	struct nft_batch b;
	uint32_t bit = 1;

	nft_batch_init(&b);
	nft_batch_table(&b, NFPROTO_IPV4, "t");
	nft_rule(&b, "x", false);
	nft_lookup(&b, "s", 0);
	nft_rule_end(&b, NULL);
	nft_rule(&b, "x", false);
	nft_lookup_map(&b, "s", 0, 4);
	nft_rule_end(&b, NULL);
	nft_rule(&b, "x", false);
	nft_lookup(&b, "s", 0);
	nft_cmp(&b, 0, NFT_CMP_EQ, &bit, sizeof(bit));
	nft_rule_end(&b, NULL);
	nft_rules_of_batch(&b, &r);
	ASSERT_TRUE(nft_rules_match(&r.ptr[0], &r.ptr[1]));
	ASSERT_FALSE(nft_rules_match(&r.ptr[1], &r.ptr[0]));
	ASSERT_FALSE(nft_rules_match(&r.ptr[0], &r.ptr[2]));
	ASSERT_FALSE(nft_rules_match(&r.ptr[2], &r.ptr[0]));
	nft_rules_fini(&r);
	nft_batch_fini(&b);
}

TEST(a_rule_at_the_head_is_the_first)
{
	struct nft_rules r = {0};
	struct nft_batch b;

	nft_batch_init(&b);
	put(&b, "x", false, 1, "last");
	put(&b, "x", true, 2, "first");
	nft_rules_of_batch(&b, &r);
	ASSERT_EQ(r.len, 2);
	ASSERT_TRUE(str_has_prefix(str_skip(buf_str(&r.ptr[0].userdata), 2), STR("first")));
	nft_rules_fini(&r);
	nft_batch_fini(&b);
}
