/* SPDX-License-Identifier: Apache-2.0 */
#include "dnswire/message.h"

#include <string.h>

enum {
	FLAG_QR = 0x8000,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_CD = 0x0010,
	OPCODE_QUERY = 0,
	EDNS_DO = 0x8000,
	EDNS_SIZE = 1232, /* what we say that we take over UDP (DNS flag day 2020) */
	OPT_SIZE = 11,    /* the empty OPT record */
	COMPRESS_END = 0x4000,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* A record after the question: only OPT matters in a query. */
static int query_read_record(const uint8_t *msg, size_t len, size_t *at, struct dnswire_query *q)
{
	struct dnswire_name owner;
	size_t data;
	int r = 0;

	if (dnswire_name_read(msg, len, at, &owner) < 0 || *at + 10 > len)
		return DNSWIRE_FORMERR;
	data = get16(msg + *at + 8);
	if (*at + 10 + data > len)
		return DNSWIRE_FORMERR;
	if (get16(msg + *at) == DNSWIRE_OPT) {
		uint16_t size = get16(msg + *at + 2);

		if (q->has_edns || owner.len != 1)
			return DNSWIRE_FORMERR;
		q->has_edns = true;
		q->udp_size = size < DNSWIRE_UDP_MIN ? DNSWIRE_UDP_MIN : size;
		q->is_dnssec_ok = get16(msg + *at + 6) & EDNS_DO;
		if (msg[*at + 5] != 0) /* version */
			r = DNSWIRE_BADVERS;
	}
	*at += 10 + data;
	return r;
}

int dnswire_query_read(const uint8_t *msg, size_t len, struct dnswire_query *ret)
{
	size_t at = DNSWIRE_HEADER, records;
	uint16_t flags;

	if (len < DNSWIRE_HEADER)
		return ERR_BAD_REQUEST;
	flags = get16(msg + 2);
	if (flags & FLAG_QR)
		return ERR_BAD_REQUEST;
	*ret = (struct dnswire_query){
		.id = get16(msg),
		.opcode = (uint8_t)(flags >> 11 & 0xf),
		.is_recursion_desired = flags & FLAG_RD,
		.is_checking_disabled = flags & FLAG_CD,
		.udp_size = DNSWIRE_UDP_MIN,
	};
	if (ret->opcode != OPCODE_QUERY)
		return DNSWIRE_NOTIMP;
	if (get16(msg + 4) != 1)
		return DNSWIRE_FORMERR;
	if (dnswire_name_read(msg, len, &at, &ret->name) < 0 || at + 4 > len)
		return DNSWIRE_FORMERR;
	ret->type = get16(msg + at);
	ret->class = get16(msg + at + 2);
	ret->has_question = true;
	at += 4;
	records = (size_t)get16(msg + 6) + get16(msg + 8) + get16(msg + 10);
	for (size_t i = 0; i < records; i++) {
		int r = query_read_record(msg, len, &at, ret);

		if (r != 0)
			return r;
	}
	return 0;
}

/* Remembers the name at `offset` and its suffixes, up to the root or a pointer. */
static void writer_remember(struct dnswire_writer *w, size_t offset)
{
	for (size_t at = offset; at < COMPRESS_END && w->msg[at] && w->msg[at] < 0xc0;
	     at += (size_t)w->msg[at] + 1) {
		if (w->n_seen == DNSWIRE_COMPRESS_MAX)
			return;
		w->seen[w->n_seen++] = (uint16_t)at;
	}
}

/* Whether the name written at `offset` (maybe ending in a pointer) is exactly the wire name; case
 * counts, so that a compressed name is spelled as it was given. */
static bool writer_is_at(const struct dnswire_writer *w, size_t offset, const uint8_t *name)
{
	for (;;) {
		uint8_t c = w->msg[offset];

		if (c >= 0xc0) {
			offset = (size_t)(c & 0x3f) << 8 | w->msg[offset + 1];
			continue;
		}
		if (c != *name || memcmp(w->msg + offset + 1, name + 1, c) != 0)
			return false;
		if (c == 0)
			return true;
		offset += (size_t)c + 1;
		name += (size_t)c + 1;
	}
}

static void writer_name(struct dnswire_writer *w, const struct dnswire_name *n, bool is_compressed)
{
	size_t start = w->len;
	const uint8_t *at = n->wire;

	while (*at) {
		for (size_t i = 0; is_compressed && i < w->n_seen; i++) {
			if (!writer_is_at(w, w->seen[i], at))
				continue;
			put16(w->msg + w->len, 0xc000u | w->seen[i]);
			w->len += 2;
			writer_remember(w, start);
			return;
		}
		memcpy(w->msg + w->len, at, (size_t)*at + 1);
		w->len += (size_t)*at + 1;
		at += (size_t)*at + 1;
	}
	w->msg[w->len++] = 0;
	writer_remember(w, start);
}

void dnswire_begin(struct dnswire_writer *w, uint8_t *msg, size_t cap,
		   const struct dnswire_query *q)
{
	assert(cap >= DNSWIRE_UDP_MIN && cap <= DNSWIRE_MESSAGE_MAX);
	*w = (struct dnswire_writer){
		.msg = msg,
		.cap = cap - (q->has_edns ? OPT_SIZE : 0),
		.len = DNSWIRE_HEADER,
		.is_authoritative = true,
		.query = q,
	};
	if (q->has_question) {
		writer_name(w, &q->name, false);
		put16(msg + w->len, q->type);
		put16(msg + w->len + 2, q->class);
		w->len += 4;
	}
}

/* A record is written into the slack and taken back when it ends beyond the limit. */
struct record {
	size_t start, n_seen, length_at;
};

static struct record record_begin(struct dnswire_writer *w, const struct dnswire_name *owner,
				  enum dnswire_type type, uint32_t ttl)
{
	struct record rec = {.start = w->len, .n_seen = w->n_seen};

	assert(w->len <= w->cap);
	writer_name(w, owner, true);
	put16(w->msg + w->len, type);
	put16(w->msg + w->len + 2, DNSWIRE_CLASS_IN);
	put32(w->msg + w->len + 4, ttl);
	rec.length_at = w->len + 8;
	w->len += 10;
	return rec;
}

static bool record_end(struct dnswire_writer *w, enum dnswire_section s, const struct record *rec)
{
	if (w->len > w->cap) {
		w->len = rec->start;
		w->n_seen = rec->n_seen;
		return false;
	}
	put16(w->msg + rec->length_at, (unsigned)(w->len - rec->length_at - 2));
	w->counts[s]++;
	return true;
}

bool dnswire_put_addr(struct dnswire_writer *w, enum dnswire_section s,
		      const struct dnswire_name *owner, uint32_t ttl, const uint8_t *addr,
		      size_t len)
{
	struct record rec = record_begin(w, owner, len == 4 ? DNSWIRE_A : DNSWIRE_AAAA, ttl);

	memcpy(w->msg + w->len, addr, len);
	w->len += len;
	return record_end(w, s, &rec);
}

bool dnswire_put_name(struct dnswire_writer *w, enum dnswire_section s,
		      const struct dnswire_name *owner, enum dnswire_type type, uint32_t ttl,
		      const struct dnswire_name *target)
{
	struct record rec = record_begin(w, owner, type, ttl);

	writer_name(w, target, true);
	return record_end(w, s, &rec);
}

bool dnswire_put_srv(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, const struct dnswire_srv *srv)
{
	struct record rec = record_begin(w, owner, DNSWIRE_SRV, ttl);

	put16(w->msg + w->len, srv->priority);
	put16(w->msg + w->len + 2, srv->weight);
	put16(w->msg + w->len + 4, srv->port);
	w->len += 6;
	writer_name(w, &srv->target, false);
	return record_end(w, s, &rec);
}

bool dnswire_put_txt(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, struct str text)
{
	struct record rec = record_begin(w, owner, DNSWIRE_TXT, ttl);

	assert(text.len <= 255);
	w->msg[w->len++] = (uint8_t)text.len;
	memcpy(w->msg + w->len, text.ptr, text.len);
	w->len += text.len;
	return record_end(w, s, &rec);
}

bool dnswire_put_soa(struct dnswire_writer *w, enum dnswire_section s,
		     const struct dnswire_name *owner, uint32_t ttl, const struct dnswire_soa *soa)
{
	struct record rec = record_begin(w, owner, DNSWIRE_SOA, ttl);
	const uint32_t numbers[] = {soa->serial, soa->refresh, soa->retry, soa->expire,
				    soa->minimum};

	writer_name(w, &soa->primary, true);
	writer_name(w, &soa->mailbox, true);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++, w->len += 4)
		put32(w->msg + w->len, numbers[i]);
	return record_end(w, s, &rec);
}

static void writer_opt(struct dnswire_writer *w, enum dnswire_rcode rcode)
{
	uint8_t *p = w->msg + w->len;

	memset(p, 0, OPT_SIZE);
	put16(p + 1, DNSWIRE_OPT);
	put16(p + 3, EDNS_SIZE);
	p[5] = (uint8_t)(rcode >> 4);
	if (w->query->is_dnssec_ok)
		put16(p + 7, EDNS_DO);
	w->len += OPT_SIZE;
}

size_t dnswire_end(struct dnswire_writer *w, enum dnswire_rcode rcode)
{
	const struct dnswire_query *q = w->query;
	unsigned flags = FLAG_QR | (unsigned)q->opcode << 11 | (rcode & 0xf);

	if (w->is_authoritative)
		flags |= FLAG_AA;
	if (w->is_truncated)
		flags |= FLAG_TC;
	if (q->is_recursion_desired)
		flags |= FLAG_RD;
	if (q->is_checking_disabled)
		flags |= FLAG_CD;
	if (q->has_edns)
		writer_opt(w, rcode);
	put16(w->msg, q->id);
	put16(w->msg + 2, flags);
	put16(w->msg + 4, q->has_question);
	put16(w->msg + 6, w->counts[DNSWIRE_ANSWER]);
	put16(w->msg + 8, w->counts[DNSWIRE_AUTHORITY]);
	put16(w->msg + 10, (unsigned)w->counts[DNSWIRE_ADDITIONAL] + q->has_edns);
	return w->len;
}
