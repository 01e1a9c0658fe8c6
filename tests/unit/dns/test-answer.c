/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/answer.h"

#include "tests/harness/test.h"
#include "tests/unit/dns/fixture.h"

#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>

/* All tests of this file share one zone (each runs in a process of its own). */
static struct arena arena;
static struct dns_zone zone;
static uint8_t out[DNS_BUFFER];

static void start(void)
{
	arena_init(&arena, 0);
	fixture_zone(&zone, &arena);
}

static void stop(void)
{
	dns_zone_fini(&zone);
	arena_fini(&arena);
}

static ldns_pkt *ask_at(const char *name, const char *type, bool is_tcp, uint16_t edns,
			uint32_t turn)
{
	ldns_pkt *query = NULL, *answer = NULL;
	uint8_t *wire = NULL;
	size_t wire_len, len;

	ASSERT_EQ(ldns_pkt_query_new_frm_str(&query, name, ldns_get_rr_type_by_name(type),
					     LDNS_RR_CLASS_IN, LDNS_RD),
		  LDNS_STATUS_OK);
	if (edns)
		ldns_pkt_set_edns_udp_size(query, edns);
	ldns_pkt_set_id(query, 77);
	ASSERT_EQ(ldns_pkt2wire(&wire, query, &wire_len), LDNS_STATUS_OK);
	len = dns_answer(&zone, wire, wire_len, is_tcp, turn, out, NULL);
	ASSERT_EQ(ldns_wire2pkt(&answer, out, len), LDNS_STATUS_OK);
	ASSERT_EQ(ldns_pkt_id(answer), 77);
	LDNS_FREE(wire);
	ldns_pkt_free(query);
	return answer;
}

static void add_section(struct buf *b, const char *mark, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(list, i));
		struct str s = str_trim(str_of(text));

		buf_printf(b, " %s ", mark);
		for (size_t k = 0; k < s.len; k++)
			buf_add_byte(b, s.ptr[k] == '\t' ? ' ' : s.ptr[k]);
		free(text);
	}
}

/* "RCODE flags = answer … ? authority … + additional …" */
static void expect(const char *name, const char *type, const char *want)
{
	ldns_pkt *p = ask_at(name, type, false, 1232, 0);
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	struct buf b = BUF_INIT;

	buf_printf(&b, "%s%s%s", rcode, ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "");
	add_section(&b, "=", ldns_pkt_answer(p));
	if (ldns_rr_list_rr_count(ldns_pkt_authority(p)) == 1 &&
	    ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_authority(p), 0)) == LDNS_RR_TYPE_SOA)
		buf_add_c(&b, " ? SOA");
	else
		add_section(&b, "?", ldns_pkt_authority(p));
	add_section(&b, "+", ldns_pkt_additional(p));
	if (!str_eq_c(buf_str(&b), want))
		test_fail(__FILE__, __LINE__, "%s %s:\n#  got  '%s'\n#  want '%s'", name, type,
			  b.ptr, want);
	buf_fini(&b);
	free(rcode);
	ldns_pkt_free(p);
}

TEST(cluster_ip)
{
	start();
	expect("web.default.svc.cluster.local", "A",
	       "NOERROR aa = web.default.svc.cluster.local. 5 IN A 10.96.0.7");
	expect("web.default.svc.cluster.local", "AAAA",
	       "NOERROR aa = web.default.svc.cluster.local. 5 IN AAAA 2001:db8:1::7");
	expect("kube-dns.kube-system.svc.cluster.local", "AAAA", "NOERROR aa ? SOA");
	expect("web.default.svc.cluster.local", "MX", "NOERROR aa ? SOA");
	expect("10-244-1-5.web.default.svc.cluster.local", "A",
	       "NOERROR aa = 10-244-1-5.web.default.svc.cluster.local. 5 IN A 10.244.1.5");
	expect("10-244-1-6.web.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	stop();
}

TEST(srv_of_cluster_ip)
{
	start();
	expect("_http._tcp.web.default.svc.cluster.local", "SRV",
	       "NOERROR aa = _http._tcp.web.default.svc.cluster.local. 5 IN SRV 0 50 80 "
	       "web.default.svc.cluster.local."
	       " + web.default.svc.cluster.local. 5 IN A 10.96.0.7"
	       " + web.default.svc.cluster.local. 5 IN AAAA 2001:db8:1::7");
	expect("_dns._udp.kube-dns.kube-system.svc.cluster.local", "SRV",
	       "NOERROR aa = _dns._udp.kube-dns.kube-system.svc.cluster.local. 5 IN SRV 0 100 53 "
	       "kube-dns.kube-system.svc.cluster.local."
	       " + kube-dns.kube-system.svc.cluster.local. 5 IN A 10.96.0.10");
	expect("_dns._tcp.kube-dns.kube-system.svc.cluster.local", "SRV", "NXDOMAIN aa ? SOA");
	expect("_tcp.web.default.svc.cluster.local", "SRV", "NOERROR aa ? SOA");
	expect("_http._tcp.web.default.svc.cluster.local", "A", "NOERROR aa ? SOA");
	expect("x._http._tcp.web.default.svc.cluster.local", "SRV", "NXDOMAIN aa ? SOA");
	stop();
}

TEST(headless)
{
	start();
	expect("db.default.svc.cluster.local", "A",
	       "NOERROR aa = db.default.svc.cluster.local. 5 IN A 10.244.1.1"
	       " = db.default.svc.cluster.local. 5 IN A 10.244.1.2"
	       " = db.default.svc.cluster.local. 5 IN A 10.244.1.9");
	expect("db-1.db.default.svc.cluster.local", "A",
	       "NOERROR aa = db-1.db.default.svc.cluster.local. 5 IN A 10.244.1.2");
	expect("db-0.db.default.svc.cluster.local", "AAAA",
	       "NOERROR aa = db-0.db.default.svc.cluster.local. 5 IN AAAA 2001:db8::");
	expect("db-2.db.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("_sql._tcp.db.default.svc.cluster.local", "SRV",
	       "NOERROR aa"
	       " = _sql._tcp.db.default.svc.cluster.local. 5 IN SRV 0 25 5432 "
	       "10-244-1-9.db.default.svc.cluster.local."
	       " = _sql._tcp.db.default.svc.cluster.local. 5 IN SRV 0 25 5432 "
	       "db-0.db.default.svc.cluster.local."
	       " = _sql._tcp.db.default.svc.cluster.local. 5 IN SRV 0 25 5432 "
	       "db-1.db.default.svc.cluster.local."
	       " + 10-244-1-9.db.default.svc.cluster.local. 5 IN A 10.244.1.9"
	       " + db-0.db.default.svc.cluster.local. 5 IN A 10.244.1.1"
	       " + db-0.db.default.svc.cluster.local. 5 IN AAAA 2001:db8::"
	       " + db-1.db.default.svc.cluster.local. 5 IN A 10.244.1.2");
	expect("dark.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("dark.default.svc.cluster.local", "AAAA", "NXDOMAIN aa ? SOA");
	stop();
}

TEST(order_rotates)
{
	ldns_pkt *p;
	char *text;

	start();
	p = ask_at("db.default.svc.cluster.local", "A", false, 0, 2);
	text = ldns_rdf2str(ldns_rr_a_address(ldns_rr_list_rr(ldns_pkt_answer(p), 0)));
	ASSERT_STREQ(text, "10.244.1.9");
	free(text);
	ldns_pkt_free(p);
	stop();
}

TEST(names_that_have_no_records)
{
	start();
	expect("svc.cluster.local", "A", "NOERROR aa ? SOA");
	expect("empty.svc.cluster.local", "A", "NOERROR aa ? SOA");
	expect("missing.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("nobody.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("foo.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("*.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("example.com", "A", "REFUSED");
	expect("cluster.local", "A", "NOERROR aa ? SOA");
	stop();
}

TEST(case_is_ignored_and_kept)
{
	start();
	expect("WEB.default.SVC.cluster.LOCAL", "A",
	       "NOERROR aa = WEB.default.SVC.cluster.LOCAL. 5 IN A 10.96.0.7");
	stop();
}

TEST(external_names)
{
	start();
	expect("prod.default.svc.cluster.local", "A",
	       "NOERROR aa = prod.default.svc.cluster.local. 5 IN CNAME My.Database.example.com.");
	expect("prod.default.svc.cluster.local", "CNAME",
	       "NOERROR aa = prod.default.svc.cluster.local. 5 IN CNAME My.Database.example.com.");
	expect("prod.default.svc.cluster.local", "TXT", "NOERROR aa ? SOA");
	expect("x.prod.default.svc.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("alias.default.svc.cluster.local", "A",
	       "NOERROR aa = alias.default.svc.cluster.local. 5 IN CNAME web.default.svc.cluster.local."
	       " = web.default.svc.cluster.local. 5 IN A 10.96.0.7");
	expect("lost.default.svc.cluster.local", "A",
	       "NXDOMAIN aa = lost.default.svc.cluster.local. 5 IN CNAME nobody.default.svc.cluster.local."
	       " ? SOA");
	stop();
}

TEST(an_alias_to_itself_ends)
{
	ldns_pkt *p;

	start();
	p = ask_at("loop.default.svc.cluster.local", "A", true, 0, 0);
	ASSERT_EQ(ldns_pkt_get_rcode(p), LDNS_RCODE_NOERROR);
	ASSERT_EQ(ldns_pkt_ancount(p), DNS_CHAIN_MAX + 1);
	ldns_pkt_free(p);
	stop();
}

TEST(reverse)
{
	start();
	expect("7.0.96.10.in-addr.arpa", "PTR",
	       "NOERROR aa = 7.0.96.10.in-addr.arpa. 5 IN PTR web.default.svc.cluster.local.");
	expect("2.1.244.10.in-addr.arpa", "PTR",
	       "NOERROR aa = 2.1.244.10.in-addr.arpa. 5 IN PTR db-1.db.default.svc.cluster.local.");
	expect("5.1.244.10.in-addr.arpa", "PTR",
	       "NOERROR aa = 5.1.244.10.in-addr.arpa. 5 IN PTR 10-244-1-5.web.default.svc.cluster.local.");
	expect("8.0.96.10.in-addr.arpa", "PTR", "NXDOMAIN aa ? SOA");
	expect("96.10.in-addr.arpa", "PTR", "NXDOMAIN aa ? SOA");
	stop();
}

TEST(apex_version_pods)
{
	start();
	expect("cluster.local", "SOA",
	       "NOERROR aa = cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1010 7200 "
	       "1800 86400 5");
	expect("cluster.local", "NS",
	       "NOERROR aa = cluster.local. 5 IN NS kube-dns.kube-system.svc.cluster.local.");
	expect("ns.dns.cluster.local", "A", "NOERROR aa = ns.dns.cluster.local. 5 IN A 10.96.0.10");
	expect("dns-version.cluster.local", "TXT",
	       "NOERROR aa = dns-version.cluster.local. 28800 IN TXT \"1.1.0\"");
	expect("10-1-2-3.default.pod.cluster.local", "A",
	       "NOERROR aa = 10-1-2-3.default.pod.cluster.local. 5 IN A 10.1.2.3");
	expect("2001-db8--5.default.pod.cluster.local", "AAAA",
	       "NOERROR aa = 2001-db8--5.default.pod.cluster.local. 5 IN AAAA 2001:db8::5");
	expect("10-1-2-3.default.pod.cluster.local", "AAAA", "NOERROR aa ? SOA");
	expect("10-1-2-3.missing.pod.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("x.default.pod.cluster.local", "A", "NXDOMAIN aa ? SOA");
	expect("cluster.local", "AXFR", "REFUSED");
	stop();
}

TEST(before_the_first_sync_missing_names_are_servfail)
{
	start();
	zone.is_synced = false;
	expect("nobody.default.svc.cluster.local", "A", "SERVFAIL aa ? SOA");
	expect("web.default.svc.cluster.local", "A",
	       "NOERROR aa = web.default.svc.cluster.local. 5 IN A 10.96.0.7");
	stop();
}

static void put_big(size_t n)
{
	struct api_service s = fixture_service(&arena, "default/big", "None", "");
	struct api_endpoint_slice slice;
	const struct api_endpoint_slice *one = &slice;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s10.200.%zu.%zu", i ? " " : "", i / 250, i % 250 + 1);
	slice = fixture_slice(&arena, "default/big", b.ptr, "http:80/tcp");
	ASSERT_TRUE(
		dns_zone_put(&zone, s.meta.ns, s.meta.name, dns_records_new(&s, &one, 1), 2000));
	buf_fini(&b);
}

TEST(large_sets_are_cut_with_tc_and_whole_over_tcp)
{
	const struct {
		bool is_tcp;
		uint16_t edns, records;
	} cases[] = {{false, 0, 29}, {false, 1232, 73}, {false, 4096, 252}, {true, 0, 1000}};

	start();
	put_big(1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ldns_pkt *p = ask_at("big.default.svc.cluster.local", "A", cases[i].is_tcp,
				     cases[i].edns, 0);

		ASSERT_EQ(ldns_pkt_ancount(p), cases[i].records);
		ASSERT_EQ(ldns_pkt_tc(p), !cases[i].is_tcp);
		ldns_pkt_free(p);
	}
	stop();
}
