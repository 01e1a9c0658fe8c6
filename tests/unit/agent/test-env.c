/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/env.h"

#include "tests/harness/test.h"

static const struct api_service_port redis_ports[] = {
	{.name = {"client", 6}, .port = 6379},
	{.port = 53, .protocol = API_UDP},
};
static struct str redis_ip[] = {{"10.0.0.11", 9}};
static struct str kube_ip[] = {{"2001:db8:96::1", 14}};
static struct str none_ip[] = {{"None", 4}};
static const struct api_service_port kube_ports[] = {{.name = {"https", 5}, .port = 443}};

static const struct api_service redis = {
	.meta = {.name = {"redis-primary", 13}, .ns = {"shop", 4}},
	.ports = redis_ports,
	.n_ports = 2,
	.cluster_ips = {redis_ip, 1},
};
static const struct api_service headless = {
	.meta = {.name = {"db", 2}, .ns = {"shop", 4}},
	.ports = redis_ports,
	.n_ports = 1,
	.cluster_ips = {none_ip, 1},
};
static struct api_service kube = {
	.meta = {.name = {"kubernetes", 10}, .ns = {"default", 7}},
	.ports = kube_ports,
	.n_ports = 1,
	.cluster_ips = {kube_ip, 1},
};

static void expect(const struct agent_env *e, const char *name, const char *want)
{
	ASSERT_STR(agent_env_get(e, str_of(name)), str_of(want));
}

static struct arena arena;

static struct agent_env start(bool has_links)
{
	const struct api_service *services[] = {&redis, &headless, &kube};
	struct agent_env e;

	arena_init(&arena, 0);
	kube.cluster_addrs[0].b[0] = 0x20;
	kube.n_cluster_addrs = 1;
	agent_env_init(&e, &arena);
	agent_env_add_services(&e, services, 3, STR("shop"), has_links);
	return e;
}

static void finish(struct agent_env *e)
{
	agent_env_fini(e);
	arena_fini(&arena);
}

TEST(services_of_the_namespace_and_the_master)
{
	struct agent_env e = start(true);

	expect(&e, "REDIS_PRIMARY_SERVICE_HOST", "10.0.0.11");
	expect(&e, "REDIS_PRIMARY_SERVICE_PORT", "6379");
	expect(&e, "REDIS_PRIMARY_SERVICE_PORT_CLIENT", "6379");
	expect(&e, "REDIS_PRIMARY_PORT", "tcp://10.0.0.11:6379");
	expect(&e, "REDIS_PRIMARY_PORT_6379_TCP", "tcp://10.0.0.11:6379");
	expect(&e, "REDIS_PRIMARY_PORT_6379_TCP_PROTO", "tcp");
	expect(&e, "REDIS_PRIMARY_PORT_6379_TCP_PORT", "6379");
	expect(&e, "REDIS_PRIMARY_PORT_6379_TCP_ADDR", "10.0.0.11");
	expect(&e, "REDIS_PRIMARY_PORT_53_UDP", "udp://10.0.0.11:53");
	expect(&e, "REDIS_PRIMARY_PORT_53_UDP_PROTO", "udp");
	expect(&e, "KUBERNETES_SERVICE_HOST", "2001:db8:96::1");
	expect(&e, "KUBERNETES_PORT", "tcp://[2001:db8:96::1]:443");
	expect(&e, "KUBERNETES_PORT_443_TCP_ADDR", "2001:db8:96::1");
	ASSERT_FALSE(str_is_set(agent_env_get(&e, STR("DB_SERVICE_HOST"))));
	finish(&e);
}

TEST(without_links_only_the_master)
{
	struct agent_env e = start(false);

	ASSERT_FALSE(str_is_set(agent_env_get(&e, STR("REDIS_PRIMARY_SERVICE_HOST"))));
	expect(&e, "KUBERNETES_SERVICE_PORT_HTTPS", "443");
	finish(&e);
}

TEST(own_variables_win_and_may_use_earlier_ones)
{
	static const struct api_env vars[] = {
		{.name = {"REDIS_PRIMARY_SERVICE_PORT", 26}, .value = {"1", 1}},
		{.name = {"URL", 3},
		 .value = {"redis://$(REDIS_PRIMARY_SERVICE_HOST)/$$(X)$(NO)", 48}},
		{.name = {"ME", 2}, .field_path = {"metadata.name", 13}},
		{.name = {"APP", 3}, .field_path = {"metadata.labels['app']", 22}},
		{.name = {"IPS", 3}, .field_path = {"status.podIPs", 13}},
		{.name = {"IP", 2}, .field_path = {"status.podIP", 12}},
	};
	static const struct api_pair labels[] = {{{"app", 3}, {"web", 3}}};
	static const struct api_container c = {.name = {"web", 3}, .env = vars, .n_env = 6};
	static const struct api_pod pod = {
		.meta = {.name = {"web-0", 5}, .ns = {"shop", 4}, .labels = {labels, 1}}};
	struct ip_addr addrs[2] = {ip_from_v4(0x0af40105)};
	struct agent_env_facts facts = {.pod = &pod, .pod_addrs = addrs, .n_pod_addrs = 2};
	struct agent_env e = start(true);
	struct err err;

	addrs[1].b[0] = 0x20;
	ASSERT_OK(agent_env_add_container(&e, &facts, &c, &err));
	expect(&e, "REDIS_PRIMARY_SERVICE_PORT", "1");
	expect(&e, "URL", "redis://10.0.0.11/$(X)$(NO)");
	expect(&e, "ME", "web-0");
	expect(&e, "APP", "web");
	expect(&e, "IP", "10.244.1.5");
	expect(&e, "IPS", "10.244.1.5,2000::");
	finish(&e);
}

TEST(an_unknown_field_is_named)
{
	static const struct api_env vars[] = {{.name = {"X", 1}, .field_path = {"spec.nope", 9}}};
	static const struct api_container c = {.name = {"web", 3}, .env = vars, .n_env = 1};
	static const struct api_pod pod = {.meta = {.name = {"web-0", 5}}};
	struct agent_env_facts facts = {.pod = &pod};
	struct agent_env e = start(true);
	struct err err;

	ASSERT_ERR(agent_env_add_container(&e, &facts, &c, &err), ERR_INVALID);
	ASSERT_STREQ(err.msg, "container 'web': env 'X': valueFrom.fieldRef.fieldPath: "
			      "'spec.nope' is not supported");
	finish(&e);
}
