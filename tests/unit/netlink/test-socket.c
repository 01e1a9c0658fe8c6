/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/socket.h"

#include "netlink/nft.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>

enum {
	CHAINS = 3000, /* a list of several reads */
};

static void own_namespace(void)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		test_skip("no network namespaces here: %s", strerror(errno));
}

static void add_chains(struct netlink_socket *s, int from, int n)
{
	struct nft_batch b;
	struct err err;

	nft_batch_init(&b);
	nft_batch_table(&b, NFPROTO_IPV4, "t");
	nft_add_table(&b);
	for (int i = from; i < from + n; i++) {
		char name[32];

		snprintf(name, sizeof(name), "chain-%d", i);
		nft_add_chain(&b, name, NULL, -1, 0);
	}
	ASSERT_OK(nft_batch_commit(&b, s, NULL, &err));
	nft_batch_fini(&b);
}

struct reader {
	struct netlink_socket *other; /* NULL: nobody disturbs */
	int seen;
};

static void on_chain(void *ctx, const struct nft_chain *c)
{
	struct reader *r = ctx;

	if (r->seen++ == 0 && r->other)
		add_chains(r->other, CHAINS, 1);
}

TEST(a_list_that_changes_while_read_can_be_read_again_at_once)
{
	struct netlink_socket s, other;
	struct reader r = {.other = &other};
	struct err err;

	own_namespace();
	ASSERT_OK(netlink_open(NETLINK_NETFILTER, &s, &err));
	ASSERT_OK(netlink_open(NETLINK_NETFILTER, &other, &err));
	add_chains(&s, 0, CHAINS);
	ASSERT_ERR(nft_read_chains(&s, NFPROTO_IPV4, "t", on_chain, &r, &err), ERR_CONFLICT);
	ASSERT_TRUE(r.seen < CHAINS);
	r = (struct reader){0};
	ASSERT_OK(nft_read_chains(&s, NFPROTO_IPV4, "t", on_chain, &r, &err));
	ASSERT_EQ(r.seen, CHAINS + 1);
	netlink_close(&s);
	netlink_close(&other);
}

static int give_up(void *ctx, const void *key, size_t key_len, const void *data, size_t data_len)
{
	return ERR_INTERNAL;
}

TEST(a_reader_that_gives_up_leaves_the_socket_fit_for_use)
{
	const struct nft_set set = {.name = "s", .key_type = 19, .key_len = 4};
	uint32_t keys[20000];
	struct netlink_socket s;
	struct reader r = {0};
	struct nft_batch b;
	struct err err;

	own_namespace();
	ASSERT_OK(netlink_open(NETLINK_NETFILTER, &s, &err));
	add_chains(&s, 0, 1);
	for (uint32_t i = 0; i < ARRAY_LEN(keys); i++)
		keys[i] = i;
	nft_batch_init(&b);
	nft_batch_table(&b, NFPROTO_IPV4, "t");
	nft_add_set(&b, &set);
	nft_add_elements(&b, &set, (const char *)keys, ARRAY_LEN(keys));
	ASSERT_OK(nft_batch_commit(&b, &s, NULL, &err));
	nft_batch_fini(&b);
	ASSERT_ERR(nft_read_elements(&s, NFPROTO_IPV4, "t", "s", give_up, NULL, &err),
		   ERR_INTERNAL);
	ASSERT_OK(nft_read_chains(&s, NFPROTO_IPV4, "t", on_chain, &r, &err));
	ASSERT_EQ(r.seen, 1);
	netlink_close(&s);
}

static int take_nothing(void *ctx, const void *key, size_t key_len, const void *data,
			size_t data_len)
{
	return 0;
}

TEST(a_set_that_is_not_there_is_told)
{
	struct netlink_socket s;
	struct err err;

	own_namespace();
	ASSERT_OK(netlink_open(NETLINK_NETFILTER, &s, &err));
	add_chains(&s, 0, 1);
	ASSERT_ERR(nft_read_elements(&s, NFPROTO_IPV4, "t", "s", take_nothing, NULL, &err),
		   -ENOENT);
	ASSERT_ERR(nft_read_elements(&s, NFPROTO_IPV4, "u", "s", take_nothing, NULL, &err),
		   -ENOENT);
	netlink_close(&s);
}
