/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dns/fixture.h"

#include "tests/harness/test.h"

#include <string.h>

static enum api_protocol fixture_protocol(struct str s)
{
	return str_eq_c(s, "udp") ? API_UDP : str_eq_c(s, "sctp") ? API_SCTP : API_TCP;
}

/* "name:80/tcp" */
static void fixture_port(struct str text, struct str *name, uint16_t *port,
			 enum api_protocol *protocol)
{
	struct str number;
	uint64_t v = 0;

	ASSERT_TRUE(str_next(&text, ':', name));
	ASSERT_TRUE(str_next(&text, '/', &number));
	ASSERT_EQ(str_to_u64(number, 1, 65535, &v, NULL), 0);
	*port = (uint16_t)v;
	*protocol = fixture_protocol(text);
}

static void fixture_names(struct api_meta *m, struct arena *a, const char *ns_name)
{
	struct str rest = str_of(arena_strdup(a, ns_name));

	ASSERT_TRUE(str_next(&rest, '/', &m->ns));
	m->name = rest;
}

struct api_service fixture_service(struct arena *a, const char *ns_name, const char *cluster_ips,
				   const char *ports)
{
	struct api_service s = {.type = API_CLUSTER_IP};
	struct api_service_port *p = arena_array(a, 8, sizeof(*p));
	struct str rest = str_of(arena_strdup(a, cluster_ips)), part;

	fixture_names(&s.meta, a, ns_name);
	s.is_headless = strcmp(cluster_ips, "None") == 0;
	while (!s.is_headless && str_next(&rest, ',', &part))
		ASSERT_EQ(ip_parse(part, &s.cluster_addrs[s.n_cluster_addrs++], NULL), 0);
	rest = *ports ? str_of(arena_strdup(a, ports)) : (struct str){0};
	while (str_next(&rest, ',', &part)) {
		fixture_port(part, &p[s.n_ports].name, &p[s.n_ports].port, &p[s.n_ports].protocol);
		s.n_ports++;
	}
	s.ports = p;
	return s;
}

static struct api_endpoint fixture_endpoint(struct arena *a, struct str text)
{
	struct api_endpoint e = {.ready = true, .serving = true};
	struct str *address = arena_new(a, struct str);

	if (str_has_prefix(text, STR("!"))) {
		e.ready = false;
		text = str_skip(text, 1);
	}
	ASSERT_TRUE(str_next(&text, '=', address));
	e.hostname = text;
	e.addresses = (struct api_strs){address, 1};
	e.has_addr = ip_parse(*address, &e.addr, NULL) == 0;
	return e;
}

struct api_endpoint_slice fixture_slice(struct arena *a, const char *ns_name, const char *endpoints,
					const char *ports)
{
	struct api_endpoint_slice s = {0};
	struct api_endpoint *e = arena_array(a, 2000, sizeof(*e));
	struct api_endpoint_port *p = arena_array(a, 8, sizeof(*p));
	struct str rest = str_of(arena_strdup(a, endpoints)), part;

	fixture_names(&s.meta, a, ns_name);
	s.service = s.meta.name;
	while (str_next(&rest, ' ', &part))
		e[s.n_endpoints++] = fixture_endpoint(a, part);
	s.address_type =
		e[0].has_addr && ip_family(&e[0].addr) == IP_V6 ? API_ADDR_IPV6 : API_ADDR_IPV4;
	rest = *ports ? str_of(arena_strdup(a, ports)) : (struct str){0};
	while (str_next(&rest, ',', &part)) {
		struct api_endpoint_port *it = &p[s.n_ports++];

		fixture_port(part, &it->name, &it->port, &it->protocol);
		it->has_port = true;
	}
	s.endpoints = e;
	s.ports = p;
	return s;
}

static void fixture_put(struct dns_zone *z, const struct api_service *svc,
			const struct api_endpoint_slice *slices, size_t n)
{
	const struct api_endpoint_slice *ptrs[4];

	for (size_t i = 0; i < n; i++)
		ptrs[i] = &slices[i];
	ASSERT_TRUE(
		dns_zone_put(z, svc->meta.ns, svc->meta.name, dns_records_new(svc, ptrs, n), 1000));
}

static void fixture_external(struct dns_zone *z, struct arena *a, const char *ns_name,
			     const char *target)
{
	struct api_service s = fixture_service(a, ns_name, "None", "");

	s.is_headless = false;
	s.type = API_EXTERNAL_NAME;
	s.external_name = str_of(target);
	fixture_put(z, &s, NULL, 0);
}

void fixture_zone(struct dns_zone *z, struct arena *a)
{
	struct ip_addr self;
	struct dns_zone_config config = {.domain = STR("cluster.local"),
					 .ttl = 5,
					 .has_pod_names = true,
					 .self = &self,
					 .n_self = 1};
	struct api_service web, db, dark, dns;
	struct api_endpoint_slice slices[3];

	ASSERT_EQ(ip_parse(STR("10.96.0.10"), &self, NULL), 0);
	ASSERT_EQ(dns_zone_init(z, &config, NULL), 0);
	z->is_synced = true;
	dns_zone_put_namespace(z, STR("default"), true, 1000);
	dns_zone_put_namespace(z, STR("empty"), true, 1000);
	dns_zone_put_namespace(z, STR("kube-system"), true, 1000);

	dns = fixture_service(a, "kube-system/kube-dns", "10.96.0.10", "dns:53/udp,dns-tcp:53/tcp");
	fixture_put(z, &dns, NULL, 0);
	web = fixture_service(a, "default/web", "10.96.0.7,2001:db8:1::7",
			      "http:80/tcp,https:443/tcp");
	slices[0] = fixture_slice(a, "default/web", "10.244.1.5 !10.244.1.6", "http:8080/tcp");
	fixture_put(z, &web, slices, 1);
	db = fixture_service(a, "default/db", "None", "sql:5432/tcp");
	slices[0] =
		fixture_slice(a, "default/db", "10.244.1.1=db-0 10.244.1.2=db-1 !10.244.1.3=db-2",
			      "sql:5432/tcp");
	slices[1] = fixture_slice(a, "default/db", "10.244.1.9 10.244.1.2=db-1", "sql:5432/tcp");
	slices[2] = fixture_slice(a, "default/db", "2001:db8::=db-0", "sql:5432/tcp");
	fixture_put(z, &db, slices, 3);
	dark = fixture_service(a, "default/dark", "None", "");
	slices[0] = fixture_slice(a, "default/dark", "!10.244.1.3", "");
	fixture_put(z, &dark, slices, 1);
	fixture_external(z, a, "default/prod", "My.Database.example.com");
	fixture_external(z, a, "default/alias", "web.default.svc.cluster.local");
	fixture_external(z, a, "default/lost", "nobody.default.svc.cluster.local");
	fixture_external(z, a, "default/loop", "loop.default.svc.cluster.local");
}
