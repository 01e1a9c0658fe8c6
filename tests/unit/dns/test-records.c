/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/records.h"

#include "tests/harness/test.h"
#include "tests/unit/dns/fixture.h"

TEST(a_headless_service_lists_ready_addresses_once)
{
	struct arena a;
	struct dns_zone z;
	const struct dns_records *db;
	const struct dns_endpoint *e;

	arena_init(&a, 0);
	fixture_zone(&z, &a);
	db = dns_zone_find(&z, STR("default"), STR("db"));
	ASSERT_EQ(db->v4.n, 3);
	ASSERT_EQ(db->v6.n, 1);
	ASSERT_EQ(db->n_endpoints, 3);
	e = dns_records_endpoint(db, STR("db-0"));
	ASSERT_TRUE(e && e->v4.n == 1 && e->v6.n == 1 && e->n_ports == 1);
	ASSERT_TRUE(dns_records_endpoint(db, STR("10-244-1-9")) != NULL);
	ASSERT_TRUE(dns_records_endpoint(db, STR("10-244-1-2")) == NULL);
	ASSERT_TRUE(dns_records_endpoint(db, STR("db-2")) == NULL);
	dns_zone_fini(&z);
	arena_fini(&a);
}

TEST(an_external_name_that_is_an_address_has_no_record)
{
	struct api_service s = {.type = API_EXTERNAL_NAME, .external_name = STR("10.0.0.1")};

	ASSERT_TRUE(dns_records_new(&s, NULL, 0) == NULL);
	s.external_name = STR("a..b");
	ASSERT_TRUE(dns_records_new(&s, NULL, 0) == NULL);
}

TEST(a_no_op_update_does_not_move_the_serial)
{
	struct api_service s;
	struct arena a;
	struct dns_zone z;
	uint32_t serial;

	arena_init(&a, 0);
	fixture_zone(&z, &a);
	serial = z.serial;
	s = fixture_service(&a, "kube-system/kube-dns", "10.96.0.10", "dns:53/udp,dns-tcp:53/tcp");
	ASSERT_FALSE(dns_zone_put(&z, s.meta.ns, s.meta.name, dns_records_new(&s, NULL, 0), 2000));
	ASSERT_EQ(z.serial, serial);
	ASSERT_TRUE(dns_zone_put(&z, s.meta.ns, s.meta.name, NULL, 2000));
	ASSERT_EQ(z.serial, 2000);
	dns_zone_fini(&z);
	arena_fini(&a);
}

TEST(the_reverse_index_follows_changes)
{
	struct api_service s;
	struct ip_addr old, new;
	struct arena a;
	struct dns_zone z;

	arena_init(&a, 0);
	fixture_zone(&z, &a);
	ASSERT_EQ(ip_parse(STR("10.96.0.10"), &old, NULL), 0);
	ASSERT_EQ(ip_parse(STR("10.96.0.11"), &new, NULL), 0);
	ASSERT_TRUE(dns_zone_ptr(&z, &old) != NULL);
	s = fixture_service(&a, "kube-system/kube-dns", "10.96.0.11", "");
	ASSERT_TRUE(dns_zone_put(&z, s.meta.ns, s.meta.name, dns_records_new(&s, NULL, 0), 2000));
	ASSERT_TRUE(dns_zone_ptr(&z, &old) == NULL);
	ASSERT_TRUE(dns_zone_ptr(&z, &new) != NULL);
	dns_zone_fini(&z);
	arena_fini(&a);
}
