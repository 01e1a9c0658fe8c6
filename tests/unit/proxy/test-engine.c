/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/engine.h"

#include "client/client.h"
#include "netlink/conntrack.h"
#include "tests/unit/client/fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>

enum {
	TURNS_MAX = 500, /* of 10 ms */
};

/* A back end that only counts, and fails when it is told to. */
struct kernel {
	struct proxy_backend base;
	int syncs, applies, services;
	bool is_broken;
};

static int take(struct proxy_backend *b, const struct svc_table *t, struct err *err)
{
	struct kernel *k = CONTAINER_OF(b, struct kernel, base);

	if (k->is_broken)
		return err_set(err, ERR_INTERNAL, "broken for the test");
	k->services = (int)t->n;
	return 0;
}

static int kernel_sync(struct proxy_backend *b, const struct svc_view *v, struct proxy_results *res,
		       struct err *err)
{
	CONTAINER_OF(b, struct kernel, base)->syncs++;
	return take(b, v->table, err);
}

static int kernel_apply(struct proxy_backend *b, const struct svc_diff *d,
			struct proxy_results *res, struct err *err)
{
	CONTAINER_OF(b, struct kernel, base)->applies++;
	return take(b, d->after.table, err);
}

static const struct proxy_ops kernel_ops = {.sync = kernel_sync, .apply = kernel_apply};

struct fixture {
	struct fake fake;
	struct loop *loop;
	struct client *client;
	struct kernel kernel;
	struct proxy_engine *engine;
	struct fake_call *services, *slices, *node; /* the watches */
};

#define NODE(rv, beat)                                                                             \
	"{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"resourceVersion\":\"" rv                  \
	"\",\"annotations\":{\"beat\":\"" beat "\"}}}"
#define SERVICE(rv)                                                                                \
	"{\"metadata\":{\"name\":\"dns\",\"namespace\":\"d\",\"uid\":\"u2\","                      \
	"\"resourceVersion\":\"" rv "\"},\"spec\":{\"clusterIP\":\"10.96.0.10\","                  \
	"\"clusterIPs\":[\"10.96.0.10\"],\"ipFamilies\":[\"IPv4\"],\"ports\":[{\"port\":53,"       \
	"\"protocol\":\"UDP\"}]}}"

static void turn_until_idle(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 1);
}

/* Answers the three lists and keeps the watches that follow. */
static void answer_lists(struct fixture *f)
{
	while (!f->services || !f->slices || !f->node) {
		struct fake_call *c = fake_next(&f->fake, f->loop);
		struct fake_call **watch = strstr(c->target, "/services")         ? &f->services
					   : strstr(c->target, "/endpointslices") ? &f->slices
										  : &f->node;

		if (strstr(c->target, "watch=")) {
			fake_head(c, 200);
			*watch = c;
			continue;
		}
		fake_answer(c, 200,
			    watch == &f->services ? "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[" SERVICE("4") "]}"
			    : watch == &f->slices ? "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[]}"
						  : "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[" NODE("3", "1") "]}");
	}
	turn_until_idle(f);
}

static void begin(struct fixture *f)
{
	struct svc_config config = {.node_name = STR("n1")};

	*f = (struct fixture){.kernel.base.ops = &kernel_ops};
	fake_init(&f->fake);
	f->loop = loop_new();
	f->client = client_new(f->loop, &f->fake.transport, "test");
	f->engine = proxy_engine_new(f->loop, f->client, &f->kernel.base, &config);
	answer_lists(f);
	ASSERT_EQ(f->kernel.syncs, 1);
	ASSERT_EQ(f->kernel.services, 1);
}

static void finish(struct fixture *f)
{
	proxy_engine_free(f->engine);
	client_free(f->client);
	fake_fini(&f->fake);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
}

static bool is_behind(const struct fixture *f)
{
	struct proxy_health h;

	proxy_engine_health(f->engine, &h);
	return h.is_behind;
}

TEST(a_node_that_only_beats_leaves_nothing_waiting)
{
	struct fixture f;

	begin(&f);
	fake_data(f.node, "{\"type\":\"MODIFIED\",\"object\":" NODE("6", "2") "}\n");
	turn_until_idle(&f);
	ASSERT_EQ(f.kernel.syncs + f.kernel.applies, 1);
	ASSERT_FALSE(is_behind(&f));
	finish(&f);
}

TEST(a_change_that_the_kernel_refuses_waits_until_it_takes_it)
{
	struct fixture f;

	begin(&f);
	f.kernel.is_broken = true;
	fake_data(f.services, "{\"type\":\"DELETED\",\"object\":" SERVICE("7") "}\n");
	turn_until_idle(&f);
	ASSERT_EQ(f.kernel.applies, 1);
	ASSERT_TRUE(is_behind(&f));
	/* The heartbeat in between is no success. */
	fake_data(f.node, "{\"type\":\"MODIFIED\",\"object\":" NODE("8", "2") "}\n");
	turn_until_idle(&f);
	ASSERT_TRUE(is_behind(&f));
	f.kernel.is_broken = false;
	for (int i = 0; is_behind(&f) && i < TURNS_MAX; i++)
		loop_turn(f.loop, 10);
	ASSERT_FALSE(is_behind(&f));
	ASSERT_EQ(f.kernel.services, 0);
	finish(&f);
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, const char *src, const char *dst,
		      uint16_t src_port, uint16_t dst_port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *part;

	part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, inet_addr(src));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, inet_addr(dst));
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(src_port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(dst_port));
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

/* A flow from a Pod to 10.96.0.10:53 that a backend of old answers. */
static void track_flow(struct netlink_socket *s)
{
	char buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	struct err err;
	int r;

	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->nfgen_family = AF_INET;
	put_tuple(nlh, CTA_TUPLE_ORIG, "192.0.2.7", "10.96.0.10", 40000, 53);
	put_tuple(nlh, CTA_TUPLE_REPLY, "198.51.100.1", "192.0.2.7", 53, 40000);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(600));
	r = netlink_talk(s, nlh, NULL, NULL, &err);
	if (r < 0)
		test_skip("cannot put a flow into the kernel: %s", err.msg);
}

static bool count_flow(void *ctx, const struct conntrack_flow *f)
{
	++*(int *)ctx;
	return false;
}

static int flows(struct netlink_socket *s)
{
	struct err err;
	int n = 0;

	ASSERT_OK(conntrack_delete(s, IP_V4, IPPROTO_UDP, count_flow, &n, NULL, &err));
	return n;
}

TEST(a_service_deleted_while_the_kernel_refused_loses_its_flows)
{
	struct netlink_socket s;
	struct fixture f;
	struct err err;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		test_skip("no network namespaces here: %s", strerror(errno));
	ASSERT_OK(netlink_open(NETLINK_NETFILTER, &s, &err));
	begin(&f);
	track_flow(&s);
	ASSERT_EQ(flows(&s), 1);
	f.kernel.is_broken = true;
	fake_data(f.services, "{\"type\":\"DELETED\",\"object\":" SERVICE("7") "}\n");
	turn_until_idle(&f);
	ASSERT_EQ(flows(&s), 1);
	f.kernel.is_broken = false;
	for (int i = 0; is_behind(&f) && i < TURNS_MAX; i++)
		loop_turn(f.loop, 10);
	ASSERT_EQ(flows(&s), 0);
	finish(&f);
	netlink_close(&s);
}
