/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t ip_mapped[12] = {[10] = 0xff, [11] = 0xff};

struct ip_addr ip_from_bytes(const void *p, enum ip_family family)
{
	struct ip_addr a;

	if (family == IP_V4) {
		memcpy(a.b, ip_mapped, 12);
		memcpy(a.b + 12, p, 4);
	} else {
		memcpy(a.b, p, 16);
	}
	return a;
}

struct ip_addr ip_from_v4(uint32_t host_order)
{
	uint32_t be = htonl(host_order);

	return ip_from_bytes(&be, IP_V4);
}

uint32_t ip_to_v4(const struct ip_addr *a)
{
	uint32_t be;

	assert(ip_family(a) == IP_V4);
	memcpy(&be, a->b + 12, 4);
	return ntohl(be);
}

const uint8_t *ip_wire(const struct ip_addr *a, size_t *ret_len)
{
	bool is_v4 = ip_family(a) == IP_V4;

	*ret_len = is_v4 ? 4 : 16;
	return is_v4 ? a->b + 12 : a->b;
}

enum ip_family ip_family(const struct ip_addr *a)
{
	return memcmp(a->b, ip_mapped, 12) == 0 ? IP_V4 : IP_V6;
}

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, 16) == 0;
}

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a->b, b->b, 16);
}

static int ip_bad(struct str s, struct err *err)
{
	return err_set(err, ERR_INVALID,
		       "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff), got '%.*s'",
		       (int)MIN(s.len, 64u), s.ptr ? s.ptr : "");
}

/* Four decimal octets; leading zeros only when sloppy. */
static bool ip_parse_v4(struct str s, bool is_sloppy, struct ip_addr *ret)
{
	uint32_t v = 0;
	struct str part;
	int n = 0;

	while (str_next(&s, '.', &part)) {
		uint64_t octet;

		if (part.len > (is_sloppy ? 16u : 3u) || n++ == 4 ||
		    (!is_sloppy && part.len > 1 && part.ptr[0] == '0') ||
		    str_to_u64(part, 0, 255, &octet, NULL) < 0)
			return false;
		v = v << 8 | (uint32_t)octet;
	}
	if (n != 4)
		return false;
	*ret = ip_from_v4(v);
	return true;
}

static bool ip_parse_v6(struct str s, bool is_sloppy, struct ip_addr *ret)
{
	char text[IP_TEXT_MAX];
	struct ip_addr a;

	if (s.len >= sizeof(text) || memchr(s.ptr, '\0', s.len))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET6, text, a.b) != 1)
		return false;
	if (!is_sloppy && ip_family(&a) == IP_V4)
		return false;
	*ret = a;
	return true;
}

static int ip_parse_any(struct str s, bool is_sloppy, struct ip_addr *ret, struct err *err)
{
	bool ok = s.len && (str_find(s, ':') >= 0 ? ip_parse_v6(s, is_sloppy, ret)
						  : ip_parse_v4(s, is_sloppy, ret));

	return ok ? 0 : ip_bad(s, err);
}

int ip_parse(struct str s, struct ip_addr *ret, struct err *err)
{
	return ip_parse_any(s, false, ret, err);
}

int ip_parse_sloppy(struct str s, struct ip_addr *ret, struct err *err)
{
	return ip_parse_any(s, true, ret, err);
}

int ip_prefix_parse(struct str s, struct ip_prefix *ret, struct err *err)
{
	ptrdiff_t slash = str_find(s, '/');
	struct ip_prefix p;
	uint64_t len;

	if (slash < 0 || ip_parse(str_sub(s, 0, (size_t)slash), &p.addr, NULL) < 0 ||
	    str_to_u64(str_skip(s, (size_t)slash + 1), 0, ip_family(&p.addr) == IP_V4 ? 32 : 128,
		       &len, NULL) < 0)
		return err_set(
			err, ERR_INVALID,
			"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64), got '%.*s'",
			(int)MIN(s.len, 64u), s.ptr ? s.ptr : "");
	p.len = (uint8_t)len;
	*ret = p;
	return 0;
}

struct str ip_format(const struct ip_addr *a, char buf[IP_TEXT_MAX])
{
	size_t len;
	const uint8_t *wire = ip_wire(a, &len);

	inet_ntop(len == 4 ? AF_INET : AF_INET6, wire, buf, IP_TEXT_MAX);
	return str_of(buf);
}

struct str ip_prefix_format(const struct ip_prefix *p, char buf[IP_PREFIX_TEXT_MAX])
{
	struct str s = ip_format(&p->addr, buf);
	struct buf number = BUF_INIT;

	buf_printf(&number, "/%u", p->len);
	memcpy(buf + s.len, number.ptr, number.len + 1);
	s.len += number.len;
	buf_fini(&number);
	return s;
}

void ip_add(struct buf *b, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	buf_add_str(b, ip_format(a, text));
}

/* Length of the prefix counted in the 128 bits of struct ip_addr. */
static unsigned ip_prefix_bits(const struct ip_prefix *p)
{
	return p->len + (ip_family(&p->addr) == IP_V4 ? 96u : 0u);
}

bool ip_prefix_has(const struct ip_prefix *p, const struct ip_addr *a)
{
	unsigned bits = ip_prefix_bits(p), whole = bits / 8, rest = bits % 8;

	if (ip_family(&p->addr) != ip_family(a) || memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) >> (8 - rest)) == 0;
}

struct ip_addr ip_prefix_base(const struct ip_prefix *p)
{
	unsigned bits = ip_prefix_bits(p);
	struct ip_addr a = p->addr;

	for (unsigned i = bits; i < 128; i++)
		a.b[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	return a;
}

struct ip_addr ip_plus(const struct ip_addr *a, uint64_t n)
{
	struct ip_addr sum = *a;
	int last = ip_family(a) == IP_V4 ? 12 : 0;

	for (int i = 15; i >= last && n; i--) {
		n += sum.b[i];
		sum.b[i] = (uint8_t)n;
		n >>= 8;
	}
	return sum;
}

bool ip_offset(const struct ip_addr *base, const struct ip_addr *a, uint64_t *ret)
{
	uint64_t hi[2] = {0, 0}, lo[2] = {0, 0};
	const struct ip_addr *both[2] = {base, a};

	if (ip_family(base) != ip_family(a) || ip_cmp(base, a) > 0)
		return false;
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < 8; i++) {
			hi[k] = hi[k] << 8 | both[k]->b[i];
			lo[k] = lo[k] << 8 | both[k]->b[i + 8];
		}
	}
	if (hi[1] - hi[0] - (lo[1] < lo[0]) != 0)
		return false;
	*ret = lo[1] - lo[0];
	return true;
}

struct ip_addr ip_any(enum ip_family f)
{
	return f == IP_V4 ? ip_from_v4(0) : (struct ip_addr){{0}};
}

bool ip_is_unspecified(const struct ip_addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->b, zero, 16) == 0 || (ip_family(a) == IP_V4 && ip_to_v4(a) == 0);
}

bool ip_is_loopback(const struct ip_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return memcmp(a->b, one, 16) == 0 || (ip_family(a) == IP_V4 && a->b[12] == 127);
}

bool ip_is_link_local(const struct ip_addr *a)
{
	if (ip_family(a) == IP_V4)
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool ip_is_link_local_multicast(const struct ip_addr *a)
{
	if (ip_family(a) == IP_V4)
		return a->b[12] == 224 && a->b[13] == 0 && a->b[14] == 0;
	return a->b[0] == 0xff && (a->b[1] & 0x0f) == 0x02;
}
