/* SPDX-License-Identifier: Apache-2.0 */
#include "netlink/link.h"

#include "base/fd.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

/* A network namespace of this test's own, and the descriptor of a second one. */
static int two_namespaces(void)
{
	int far, near;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		test_skip("no network namespaces here: %s", strerror(errno));
	near = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(unshare(CLONE_NEWNET), 0);
	far = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(setns(near, CLONE_NEWNET), 0);
	close(near);
	return far;
}

static struct ip_prefix prefix(const char *s)
{
	struct ip_prefix p;
	struct err err;

	ASSERT_OK(ip_prefix_parse(str_of(s), &p, &err));
	return p;
}

TEST(a_pair_across_namespaces_with_addresses_and_routes)
{
	static const uint8_t mac[LINK_MAC_LEN] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
	_cleanup_(fd_closep) int far_ns = two_namespaces();
	_cleanup_(link_closep) struct link_sock *near = NULL, *far = NULL;
	struct ip_prefix pod = prefix("10.244.1.7/32"), pod6 = prefix("2001:db8:1::7/128");
	struct link_route out = {.to = prefix("0.0.0.0/0"),
				 .dev = "eth0",
				 .has_via = true,
				 .via = prefix("169.254.1.1/32").addr,
				 .is_onlink = true};
	struct link_route in = {.to = pod, .dev = "fltest0"};
	struct link_route in6 = {.to = pod6, .dev = "fltest0"};
	struct err err;
	int index;

	ASSERT_OK(link_open(-1, &near, &err));
	ASSERT_OK(link_open(far_ns, &far, &err));
	ASSERT_OK(link_add_veth(near, &(struct link_veth_end){"fltest0", mac, -1},
				&(struct link_veth_end){"eth0", NULL, far_ns}, &err));
	ASSERT_TRUE(if_nametoindex("fltest0") > 0);
	ASSERT_EQ(if_nametoindex("eth0"), 0);
	ASSERT_OK(link_index(far, "eth0", &index, &err));
	for (int twice = 0; twice < 2; twice++) {
		ASSERT_OK(link_add_addr(far, "eth0", &pod, &err));
		ASSERT_OK(link_add_addr(far, "eth0", &pod6, &err));
		ASSERT_OK(link_set_up(far, "eth0", &err));
		ASSERT_OK(link_set_up(near, "fltest0", &err));
		ASSERT_OK(link_set_route(far, &out, &err));
		ASSERT_OK(link_set_route(near, &in, &err));
		ASSERT_OK(link_set_route(near, &in6, &err));
		ASSERT_OK(link_set_neighbour(near, "fltest0", &pod.addr, mac, &err));
		ASSERT_OK(link_set_neighbour(far, "eth0", &out.via, mac, &err));
	}
	ASSERT_OK(link_delete_route(near, &pod, &err));
	ASSERT_OK(link_delete_route(near, &pod, &err));
	ASSERT_OK(link_delete(near, "fltest0", &err));
	ASSERT_OK(link_delete(near, "fltest0", &err));
	ASSERT_ERR(link_index(far, "eth0", &index, &err), ERR_NOT_FOUND);
}

TEST(a_bridge_takes_ports)
{
	_cleanup_(fd_closep) int far_ns = two_namespaces();
	_cleanup_(link_closep) struct link_sock *near = NULL;
	struct err err;

	ASSERT_OK(link_open(-1, &near, &err));
	ASSERT_OK(link_add_bridge(near, "fltestbr", &err));
	ASSERT_OK(link_add_veth(near, &(struct link_veth_end){"fltest1", NULL, -1},
				&(struct link_veth_end){"eth0", NULL, far_ns}, &err));
	ASSERT_OK(link_set_master(near, "fltest1", "fltestbr", &err));
	ASSERT_ERR(link_set_master(near, "fltest1", "absent", &err), ERR_NOT_FOUND);
}

TEST(names_are_checked)
{
	_cleanup_(fd_closep) int far_ns = two_namespaces();
	_cleanup_(link_closep) struct link_sock *near = NULL;
	struct err err;

	ASSERT_OK(link_open(-1, &near, &err));
	ASSERT_ERR(link_add_bridge(near, "a-name-of-sixteen", &err), ERR_INVALID);
	ASSERT_ERR(link_add_bridge(near, "", &err), ERR_INVALID);
}
