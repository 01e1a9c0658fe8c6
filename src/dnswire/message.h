/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DNS messages (RFC 1035, RFC 6891): reading a query, writing an answer. Pure code on the caller's
 * buffers; nothing is allocated.
 *
 * Writing: dnswire_begin copies the question, dnswire_put_* add records section by section, and
 * dnswire_end fills in the counts, the flags and the OPT record. A record that does not fit is not
 * written at all; the caller then sets is_truncated or leaves it out (glue). Names are compressed
 * against names already written.
 */

#include "dnswire/name.h"

enum {
	DNSWIRE_HEADER = 12,
	DNSWIRE_UDP_MIN = 512, /* without EDNS */
	DNSWIRE_MESSAGE_MAX = 65535,
	DNSWIRE_SLACK = 1024,      /* an answer's buffer is this much larger than its limit */
	DNSWIRE_COMPRESS_MAX = 64, /* names remembered for compression in one message */
};

enum dnswire_type {
	DNSWIRE_A = 1,
	DNSWIRE_NS = 2,
	DNSWIRE_CNAME = 5,
	DNSWIRE_SOA = 6,
	DNSWIRE_PTR = 12,
	DNSWIRE_TXT = 16,
	DNSWIRE_AAAA = 28,
	DNSWIRE_SRV = 33,
	DNSWIRE_OPT = 41,
	DNSWIRE_IXFR = 251,
	DNSWIRE_AXFR = 252,
	DNSWIRE_ANY = 255,
};

enum dnswire_rcode {
	DNSWIRE_NOERROR = 0,
	DNSWIRE_FORMERR = 1,
	DNSWIRE_SERVFAIL = 2,
	DNSWIRE_NXDOMAIN = 3,
	DNSWIRE_NOTIMP = 4,
	DNSWIRE_REFUSED = 5,
	DNSWIRE_BADVERS = 16,
};

enum {
	DNSWIRE_CLASS_IN = 1,
};

enum dnswire_section {
	DNSWIRE_ANSWER,
	DNSWIRE_AUTHORITY,
	DNSWIRE_ADDITIONAL,
	DNSWIRE_SECTIONS,
};

struct dnswire_query {
	uint16_t id;
	uint8_t opcode;
	bool is_recursion_desired, is_checking_disabled;
	bool has_question;        /* false only with an error code */
	struct dnswire_name name; /* as sent */
	uint16_t type, class;
	bool has_edns, is_dnssec_ok;
	uint16_t udp_size; /* what the client can take over UDP: 512 or more */
};

/* 0: a query to answer. Positive: a dnswire_rcode to answer with (id, opcode and, if it could be
 * read, the question are set). Negative: not a query (too short, or a response): stay silent. */
int dnswire_query_read(const uint8_t *msg, size_t len, struct dnswire_query *ret) _nodiscard_;

struct dnswire_writer {
	uint8_t *msg;
	size_t cap; /* limit without the OPT record */
	size_t len;
	uint16_t counts[DNSWIRE_SECTIONS];
	bool is_authoritative, is_truncated;
	const struct dnswire_query *query;
	uint16_t seen[DNSWIRE_COMPRESS_MAX]; /* offsets of names and of their suffixes */
	size_t n_seen;
};

/* The answer's header and question. `cap`: limit of the message, DNSWIRE_UDP_MIN to
 * DNSWIRE_MESSAGE_MAX; `msg` has room for cap + DNSWIRE_SLACK bytes. */
void dnswire_begin(struct dnswire_writer *w, uint8_t *msg, size_t cap,
		   const struct dnswire_query *q);

/* One record each, class IN, ttl in seconds. False, and nothing written, when it does not fit. */
bool dnswire_put_addr(struct dnswire_writer *w, enum dnswire_section s,
		      const struct dnswire_name *owner, uint32_t ttl, const uint8_t *addr,
		      size_t len); /* 4 bytes: A, 16: AAAA */
bool dnswire_put_name(struct dnswire_writer *w, enum dnswire_section s,
		      const struct dnswire_name *owner, enum dnswire_type type, uint32_t ttl,
		      const struct dnswire_name *target); /* NS, CNAME, PTR */
struct dnswire_srv {
	uint16_t priority, weight, port;
	struct dnswire_name target; /* never compressed (RFC 2782) */
};
bool dnswire_put_srv(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, const struct dnswire_srv *srv);
bool dnswire_put_txt(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, struct str text); /* <= 255 */
struct dnswire_soa {
	struct dnswire_name primary, mailbox;
	uint32_t serial, refresh, retry, expire, minimum;
};
bool dnswire_put_soa(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, const struct dnswire_soa *soa);

/* Finishes; returns the message's length, at most the limit. */
size_t dnswire_end(struct dnswire_writer *w, enum dnswire_rcode rcode);
