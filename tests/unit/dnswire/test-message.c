/* SPDX-License-Identifier: Apache-2.0 */
#include "dnswire/message.h"

#include "tests/harness/test.h"

#include <string.h>

/* A query for "a.b." type A, then OPT with size 4096. */
static const uint8_t query[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0,  0,    0, 0, 1, 1, 'a', 1, 'b',
				0,    0,    1, 0, 1, 0, 0, 41, 0x10, 0, 0, 0, 0, 0,   0, 0};

TEST(reads_a_query_with_edns)
{
	struct dnswire_query q;

	ASSERT_EQ(dnswire_query_read(query, sizeof(query), &q), 0);
	ASSERT_EQ(q.id, 0x1234);
	ASSERT_EQ(q.type, DNSWIRE_A);
	ASSERT_TRUE(q.is_recursion_desired && q.has_edns && !q.is_dnssec_ok);
	ASSERT_EQ(q.udp_size, 4096);
}

TEST(malformed_queries_are_told_apart)
{
	uint8_t m[sizeof(query)];
	struct dnswire_query q;

	ASSERT_TRUE(dnswire_query_read(query, 11, &q) < 0);
	ASSERT_EQ(dnswire_query_read(query, 15, &q), DNSWIRE_FORMERR);
	ASSERT_EQ(dnswire_query_read(query, sizeof(query) - 1, &q), DNSWIRE_FORMERR);
	memcpy(m, query, sizeof(m));
	m[2] |= 0x80; /* a response */
	ASSERT_TRUE(dnswire_query_read(m, sizeof(m), &q) < 0);
	m[2] = 5 << 3; /* UPDATE */
	ASSERT_EQ(dnswire_query_read(m, sizeof(m), &q), DNSWIRE_NOTIMP);
	memcpy(m, query, sizeof(m));
	m[5] = 2; /* two questions */
	ASSERT_EQ(dnswire_query_read(m, sizeof(m), &q), DNSWIRE_FORMERR);
	memcpy(m, query, sizeof(m));
	m[27] = 1; /* EDNS version 1 */
	ASSERT_EQ(dnswire_query_read(m, sizeof(m), &q), DNSWIRE_BADVERS);
}

TEST(writes_compressed_and_takes_back_what_does_not_fit)
{
	uint8_t msg[DNSWIRE_UDP_MIN + DNSWIRE_SLACK];
	const uint8_t addr[4] = {10, 0, 0, 1};
	struct dnswire_writer w;
	struct dnswire_query q;
	size_t n = 0, len;

	ASSERT_EQ(dnswire_query_read(query, sizeof(query), &q), 0);
	dnswire_begin(&w, msg, DNSWIRE_UDP_MIN, &q);
	while (dnswire_put_addr(&w, DNSWIRE_ANSWER, &q.name, 30, addr, 4))
		n++;
	/* 512 - 11 (OPT) - 12 - 9 (question) = 480 bytes, 16 for each record with a 2 byte owner */
	ASSERT_EQ(n, 30);
	w.is_truncated = true;
	len = dnswire_end(&w, DNSWIRE_NOERROR);
	ASSERT_TRUE(len <= DNSWIRE_UDP_MIN);
	ASSERT_EQ(msg[2] & 0x02, 0x02);
	ASSERT_EQ(msg[7], 30);
	ASSERT_EQ(msg[11], 1);
}

TEST(errors_before_the_question_have_none)
{
	uint8_t msg[DNSWIRE_UDP_MIN + DNSWIRE_SLACK];
	struct dnswire_writer w;
	struct dnswire_query q;

	ASSERT_EQ(dnswire_query_read(query, 15, &q), DNSWIRE_FORMERR);
	dnswire_begin(&w, msg, DNSWIRE_UDP_MIN, &q);
	ASSERT_EQ(dnswire_end(&w, DNSWIRE_FORMERR), DNSWIRE_HEADER);
	ASSERT_EQ(msg[3] & 0xf, DNSWIRE_FORMERR);
	ASSERT_EQ(msg[5], 0);
}
