/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/build.h"

#include "objects.h"
#include "svc/policy.h"
#include "tests/harness/test.h"

static const struct svc_frontend *find(const struct svc_port *p, enum svc_scope scope)
{
	for (size_t i = 0; i < p->n_frontends; i++)
		if (p->frontends[i].scope == scope)
			return &p->frontends[i];
	return NULL;
}

static struct api_strs strs(struct objects *o, size_t n, const char *const *texts)
{
	struct str *p = arena_array(&o->a, n, sizeof(*p));

	for (size_t i = 0; i < n; i++)
		p[i] = str_of(texts[i]);
	return (struct api_strs){p, n};
}

static struct api_service *balancer(struct objects *o)
{
	struct api_service *s = object_service(o, "lb", "10.96.0.20");
	struct api_service_port *p = arena_new(&o->a, struct api_service_port);
	struct api_lb_ingress *in = arena_array(&o->a, 3, sizeof(*in));

	*p = s->ports[0];
	p->node_port = 30080;
	s->ports = p;
	s->type = API_LOAD_BALANCER;
	in[0] = (struct api_lb_ingress){.ip = object_ip("203.0.113.5"), .has_ip = true};
	in[1] = (struct api_lb_ingress){
		.ip = object_ip("203.0.113.6"), .has_ip = true, .is_proxy = true};
	in[2] = (struct api_lb_ingress){.hostname = STR("lb.example.org")};
	s->ingress = in;
	s->n_ingress = 3;
	return s;
}

TEST(services_without_an_address_are_not_for_the_proxy)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service *s;
	static const struct api_pair label = {
		.key = {"service.kubernetes.io/service-proxy-name", 40}, .value = {"x", 1}};

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	ASSERT_TRUE(svc_build_wants(s));
	s->is_headless = true;
	ASSERT_TRUE(object_entry(c, s, NULL) == NULL);
	s->is_headless = false;
	s->type = API_EXTERNAL_NAME;
	ASSERT_FALSE(svc_build_wants(s));
	s->type = API_CLUSTER_IP;
	s->meta.labels = (struct api_pairs){&label, 1};
	ASSERT_FALSE(svc_build_wants(s));
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(frontends_of_a_load_balancer)
{
	static const char *const ips[] = {"198.051.100.7", "203.0.113.5", "2001:db8::7", "nonsense",
					  "198.51.100.7"};
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service *s;
	struct svc_entry *e;
	const struct svc_port *p;

	objects_init(&o);
	s = balancer(&o);
	s->external_ips = strs(&o, ARRAY_LEN(ips), ips);
	e = object_entry(c, s, object_slice(&o, "10.64.1.2@n1"));
	p = &e->ports[0];
	/* Cluster IP, node port, one external IP (leading zeros are decimal; the v6 one belongs to
	 * no family of this Service), one VIP: ipMode Proxy and host names are no frontends, and an
	 * external IP that is the balancer's counts as the balancer's. */
	ASSERT_EQ(p->n_frontends, 4);
	ASSERT_EQ(p->frontends[0].scope, SVC_CLUSTER_IP);
	ASSERT_EQ(find(p, SVC_NODE_PORT)->port, 30080);
	ASSERT_EQ(ip_to_v4(&find(p, SVC_EXTERNAL_IP)->addr), 0xc6336407);
	ASSERT_EQ(ip_to_v4(&find(p, SVC_LB_VIP)->addr), 0xcb007105);
	ASSERT_EQ(find(p, SVC_LB_VIP)->port, 80);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(source_ranges_hold_for_balancer_addresses_only)
{
	static const char *const ranges[] = {" 198.51.100.0/24 ", "2001:db8::/32", "junk",
					     "192.0.2.0/28"};
	static const char *const open[] = {"198.51.100.0/24", "0.0.0.0/0"};
	struct objects o;
	struct svc_config *c = object_config();
	struct ip_addr in = object_ip("198.51.100.9"), out = object_ip("203.0.113.99");
	struct ip_addr vip = object_ip("203.0.113.5");
	struct api_service *s;
	struct svc_entry *e;
	const struct svc_port *p;

	objects_init(&o);
	s = balancer(&o);
	s->lb_source_ranges = strs(&o, ARRAY_LEN(ranges), ranges);
	e = object_entry(c, s, object_slice(&o, "10.64.1.2@n1"));
	p = &e->ports[0];
	ASSERT_TRUE(p->has_ranges);
	ASSERT_TRUE(svc_port_allows(p, find(p, SVC_LB_VIP), &in));
	ASSERT_FALSE(svc_port_allows(p, find(p, SVC_LB_VIP), &out));
	ASSERT_TRUE(svc_port_allows(p, find(p, SVC_NODE_PORT), &out));
	ASSERT_TRUE(svc_port_allows(p, find(p, SVC_CLUSTER_IP), &out));
	/* A range holds the node's address, so the VIP itself may talk. */
	ASSERT_TRUE(svc_port_allows(p, find(p, SVC_LB_VIP), &vip));
	svc_entry_unref(e);
	s->lb_source_ranges = strs(&o, ARRAY_LEN(open), open);
	e = object_entry(c, s, NULL);
	ASSERT_FALSE(e->ports[0].has_ranges);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(both_families_have_their_own_endpoints)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct svc_entry *e;

	objects_init(&o);
	e = object_entry(c, object_service(&o, "web", "10.96.0.10,fd96::10"),
			 object_slice(&o, "fd64::2@n1"));
	ASSERT_EQ(e->n_ports, 2);
	ASSERT_EQ(e->ports[0].n_backends, 0);
	ASSERT_EQ(e->ports[1].family, IP_V6);
	ASSERT_STR(object_set(&o, &e->ports[1], SVC_IN_CLUSTER), STR("fd64::2:8080"));
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(the_health_port_counts_local_ready_addresses)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service *s;
	struct svc_entry *e;

	objects_init(&o);
	s = balancer(&o);
	s->external_policy = API_POLICY_LOCAL;
	s->health_check_node_port = 32000;
	e = object_entry(c, s,
			 object_slice(&o, "10.64.1.2@n1 10.64.1.2@n1 10.64.1.3@n1,terminating "
					  "10.64.2.2@n2"));
	ASSERT_EQ(e->health_port, 32000);
	ASSERT_EQ(e->n_health_ready, 1);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}

TEST(of_two_ports_that_are_alike_the_first_counts)
{
	struct objects o;
	struct svc_config *c = object_config();
	struct api_service_port p[3] = {
		{.name = STR("p"), .port = 80, .node_port = 30080},
		{.name = STR("q"), .port = 80, .node_port = 30081},
		{.name = STR("r"), .port = 81, .node_port = 30080},
	};
	struct api_service *s;
	struct svc_entry *e;

	objects_init(&o);
	s = object_service(&o, "web", "10.96.0.10");
	s->type = API_NODE_PORT;
	s->ports = p;
	s->n_ports = ARRAY_LEN(p);
	e = object_entry(c, s, object_slice(&o, "10.64.1.2@n1"));
	ASSERT_EQ(e->n_ports, 2);
	ASSERT_STR(e->ports[0].name, STR("p"));
	ASSERT_EQ(e->ports[0].n_frontends, 2);
	ASSERT_STR(e->ports[1].name, STR("r"));
	ASSERT_EQ(e->ports[1].n_frontends, 1);
	svc_entry_unref(e);
	svc_config_unref(c);
	objects_fini(&o);
}
