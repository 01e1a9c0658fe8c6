/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/policy.h"

#include "objects.h"
#include "tests/harness/test.h"

/* The table of section 2.2 and the rules of 2.3, as they stand there. A way in a word: the set
 * (E cluster, L local), "-" reject, "x" drop, with an "m" when masqueraded. */
static const char *word(const struct svc_way *w)
{
	static const char *const words[][2] = {[SVC_TO_CLUSTER_SET] = {"E", "Em"},
					       [SVC_TO_LOCAL_SET] = {"L", "Lm"},
					       [SVC_REJECT] = {"-", "-m"},
					       [SVC_DROP] = {"x", "xm"}};

	return words[w->fate][w->is_masqueraded];
}

struct row {
	bool internal_local, external_local;
	const char *endpoints;
	enum svc_scope scope;
	const char *pod, *node, *outside;
};

#define HERE  "10.64.1.2@n1 10.64.2.2@n2"
#define THERE "10.64.2.2@n2"

static void check(struct svc_config *c, const struct row *r)
{
	struct svc_frontend f = {.scope = r->scope, .addr = object_ip("203.0.113.5"), .port = 80};
	struct svc_way ways[SVC_ORIGINS];
	struct api_service_port port;
	struct api_service *s;
	struct svc_entry *e;
	struct objects o;

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	port = s->ports[0];
	port.node_port = 30080;
	s->ports = &port;
	s->type = API_NODE_PORT;
	s->internal_policy = r->internal_local ? API_POLICY_LOCAL : API_POLICY_CLUSTER;
	s->external_policy = r->external_local ? API_POLICY_LOCAL : API_POLICY_CLUSTER;
	e = object_entry(c, s, object_slice(&o, r->endpoints));
	svc_ways_of(c, &e->ports[0], &f, ways);
	ASSERT_STREQ(word(&ways[SVC_FROM_POD]), r->pod);
	ASSERT_STREQ(word(&ways[SVC_FROM_NODE]), r->node);
	ASSERT_STREQ(word(&ways[SVC_FROM_OUTSIDE]), r->outside);
	svc_entry_unref(e);
	objects_fini(&o);
}

static void check_all(struct svc_config *c, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(c, &rows[i]);
	svc_config_unref(c);
}

TEST(the_policy_table)
{
	static const struct row rows[] = {
		{false, false, HERE, SVC_CLUSTER_IP, "E", "Em", "Em"},
		{true, false, HERE, SVC_CLUSTER_IP, "L", "Lm", "Lm"},
		{true, false, THERE, SVC_CLUSTER_IP, "x", "x", "x"},
		{false, true, THERE, SVC_CLUSTER_IP, "E", "Em", "Em"},
		{false, false, HERE, SVC_NODE_PORT, "Em", "Em", "Em"},
		{true, false, THERE, SVC_EXTERNAL_IP, "Em", "Em", "Em"},
		{false, true, HERE, SVC_LB_VIP, "E", "Em", "L"},
		{false, true, THERE, SVC_LB_VIP, "E", "Em", "x"},
		{true, true, "", SVC_CLUSTER_IP, "-", "-", "-"},
		{true, true, "", SVC_NODE_PORT, "-", "-", "-"},
		{false, true, "10.64.1.2@n1,unready", SVC_NODE_PORT, "-", "-", "-"},
	};

	check_all(object_config(), rows, ARRAY_LEN(rows));
}

TEST(without_a_detector_pods_are_outside)
{
	static const struct row rows[] = {
		{false, false, HERE, SVC_CLUSTER_IP, "E", "E", "E"},
		{false, true, HERE, SVC_LB_VIP, "L", "Em", "L"},
		{false, true, THERE, SVC_NODE_PORT, "x", "Em", "x"},
		{false, false, HERE, SVC_EXTERNAL_IP, "Em", "Em", "Em"},
	};
	struct svc_config *with = object_config(), plain = *with;

	plain.detect = SVC_DETECT_NONE;
	check_all(svc_config_new(&plain), rows, ARRAY_LEN(rows));
	/* A CIDR of the other family alone is none. */
	plain.detect = SVC_DETECT_CIDR;
	plain.pod_cidrs[0] = plain.pod_cidrs[1];
	plain.n_pod_cidrs = 1;
	check_all(svc_config_new(&plain), rows, ARRAY_LEN(rows));
	svc_config_unref(with);
}

TEST(masquerade_all_is_about_cluster_ips)
{
	static const struct row rows[] = {
		{false, false, HERE, SVC_CLUSTER_IP, "Em", "Em", "Em"},
		{false, true, HERE, SVC_LB_VIP, "E", "Em", "L"},
	};
	struct svc_config *with = object_config(), all = *with;

	all.masquerade_all = true;
	check_all(svc_config_new(&all), rows, ARRAY_LEN(rows));
	svc_config_unref(with);
}

TEST(where_node_ports_answer)
{
	struct ip_addr node = object_ip("192.0.2.1"), other = object_ip("10.64.1.1");
	struct ip_addr node6 = object_ip("2001:db8::1"), loop = object_ip("127.0.0.1");
	struct ip_prefix cidr = {object_ip("10.64.1.0"), 24};
	struct svc_config *base = object_config(), c = *base;

	ASSERT_TRUE(svc_config_selects(&c, &other, true));
	ASSERT_FALSE(svc_config_selects(&c, &other, false));
	ASSERT_FALSE(svc_config_selects(&c, &loop, true));
	c.node_ports_on_primary = true;
	ASSERT_TRUE(svc_config_selects(&c, &node, true));
	ASSERT_FALSE(svc_config_selects(&c, &other, true));
	c.n_node_addrs = 1; /* no IPv6 address: all of that family */
	ASSERT_TRUE(svc_config_selects(&c, &node6, true));
	c.node_ports_on_primary = false;
	c.node_port_cidrs = &cidr;
	c.n_node_port_cidrs = 1;
	ASSERT_FALSE(svc_config_selects(&c, &node, true));
	ASSERT_TRUE(svc_config_selects(&c, &other, true));
	ASSERT_TRUE(svc_config_selects(&c, &node6, true));
	svc_config_unref(base);
}
