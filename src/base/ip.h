/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * IP addresses and prefixes of both families in one type.
 *
 * An IPv4 address is kept as the IPv4-mapped IPv6 address ::ffff:a.b.c.d (RFC 4291 section
 * 2.5.5.2), so that comparison, hashing and storage have one path. Bytes are in network order.
 */

#include "base/buf.h"

struct ip_addr {
	uint8_t b[16];
};

enum ip_family {
	IP_NONE = 0,
	IP_V4 = 4,
	IP_V6 = 6,
};

struct ip_prefix {
	struct ip_addr addr;
	uint8_t len; /* of the family: 0..32 for IPv4, 0..128 for IPv6 */
};

enum {
	IP_TEXT_MAX = 46,        /* an address and the NUL */
	IP_PREFIX_TEXT_MAX = 50, /* address/len and the NUL */
};

struct ip_addr ip_from_v4(uint32_t host_order);
struct ip_addr ip_from_bytes(const void *p, enum ip_family family); /* 4 or 16 bytes */
uint32_t ip_to_v4(const struct ip_addr *a); /* host order; the address must be IPv4 */
/* The 4 or 16 bytes that go on the wire. */
const uint8_t *ip_wire(const struct ip_addr *a, size_t *ret_len);

enum ip_family ip_family(const struct ip_addr *a) _pure_;
bool ip_eq(const struct ip_addr *a, const struct ip_addr *b) _pure_;
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b) _pure_; /* IPv4 among ::ffff/96 */

/* Strict: no leading zeros, no zone, no IPv4-mapped IPv6, no blanks (Kubernetes 1.36,
 * StrictIPCIDRValidation). ERR_INVALID with a text that fits after "field: ". */
int ip_parse(struct str s, struct ip_addr *ret, struct err *err) _nodiscard_;
/* What older clients stored: leading zeros are decimal, IPv4-mapped IPv6 is IPv4. */
int ip_parse_sloppy(struct str s, struct ip_addr *ret, struct err *err) _nodiscard_;
/* "address/len"; host bits may be set and are kept. */
int ip_prefix_parse(struct str s, struct ip_prefix *ret, struct err *err) _nodiscard_;

/* Canonical text (RFC 5952). */
struct str ip_format(const struct ip_addr *a, char buf[IP_TEXT_MAX]);
struct str ip_prefix_format(const struct ip_prefix *p, char buf[IP_PREFIX_TEXT_MAX]);
void ip_add(struct buf *b, const struct ip_addr *a);

bool ip_prefix_has(const struct ip_prefix *p, const struct ip_addr *a) _pure_;
struct ip_addr ip_prefix_base(const struct ip_prefix *p); /* host bits cleared */
/* base + n; wraps inside the family. */
struct ip_addr ip_plus(const struct ip_addr *a, uint64_t n);
/* a - base when both are of one family and 0 <= a - base < 2^64; false otherwise. */
bool ip_offset(const struct ip_addr *base, const struct ip_addr *a, uint64_t *ret);

struct ip_addr ip_any(enum ip_family f); /* the unspecified one: 0.0.0.0 or :: */
bool ip_is_unspecified(const struct ip_addr *a) _pure_;
bool ip_is_loopback(const struct ip_addr *a) _pure_;
bool ip_is_link_local(const struct ip_addr *a) _pure_;           /* 169.254/16, fe80::/10 */
bool ip_is_link_local_multicast(const struct ip_addr *a) _pure_; /* 224.0.0/24, ff02::/16 */
