/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/ip_alloc.h"

#include <string.h>

struct ip_claim {
	bool is_claimed;
	unsigned n_holds;
	char *owner; /* NULL: unknown */
};

static void claim_free(void *p)
{
	struct ip_claim *c = p;

	free(c->owner);
	free(c);
}

static struct str key_of(const struct ip_addr *a)
{
	return str_n((const char *)a->b, sizeof(a->b));
}

/* Section 7: none up to 16 addresses, else a sixteenth between 16 and 256. */
static uint64_t band_of(unsigned host_bits)
{
	if (host_bits <= 4)
		return 0;
	if (host_bits >= 12)
		return 256;
	return MAX(UINT64_C(1) << host_bits >> 4, UINT64_C(16));
}

void ip_alloc_init(struct ip_alloc *p, enum ip_family family)
{
	*p = (struct ip_alloc){.family = family};
}

void ip_alloc_fini(struct ip_alloc *p)
{
	vec_fini(&p->ranges);
	map_fini_values(&p->taken, claim_free);
}

int ip_alloc_add_range(struct ip_alloc *p, const struct ip_prefix *cidr, struct err *err)
{
	struct ip_addr base = ip_prefix_base(cidr);
	unsigned host_bits = (p->family == IP_V4 ? 32u : 128u) - cidr->len;
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_range *range;

	if (ip_family(&base) != p->family)
		return err_set(err, ERR_INVALID, "the Service range %.*s is of another family",
			       STR_ARG(ip_prefix_format(cidr, text)));
	if (host_bits > 64)
		return err_set(err, ERR_INVALID,
			       "the Service range %.*s is too large: IPv6 ranges begin at /64",
			       STR_ARG(ip_prefix_format(cidr, text)));
	range = vec_push(&p->ranges);
	*range = (struct ip_range){
		.cidr = {base, cidr->len}, .first = 1, .band = band_of(host_bits)};
	range->last = host_bits == 64 ? UINT64_MAX : (UINT64_C(1) << host_bits) - 1;
	if (p->family == IP_V4 && range->last)
		range->last--; /* broadcast */
	return 0;
}

void ip_alloc_clear_ranges(struct ip_alloc *p)
{
	vec_clear(&p->ranges);
}

static uint64_t range_size(const struct ip_range *r)
{
	return r->last < r->first ? 0 : r->last - r->first + 1;
}

uint64_t ip_alloc_size(const struct ip_alloc *p)
{
	uint64_t sum = 0;

	vec_foreach(r, &p->ranges) {
		uint64_t size = range_size(r);

		sum = sum + size < sum ? UINT64_MAX : sum + size;
	}
	return sum;
}

static bool range_contains(const struct ip_range *r, const struct ip_addr *a)
{
	uint64_t offset;

	return ip_prefix_has(&r->cidr, a) && ip_offset(&r->cidr.addr, a, &offset) &&
	       offset >= r->first && offset <= r->last;
}

bool ip_alloc_contains(const struct ip_alloc *p, const struct ip_addr *a)
{
	vec_foreach(r, &p->ranges)
		if (range_contains(r, a))
			return true;
	return false;
}

bool ip_alloc_has(const struct ip_alloc *p, const struct ip_addr *a)
{
	return map_get(&p->taken, key_of(a)) != NULL;
}

struct str ip_alloc_owner(const struct ip_alloc *p, const struct ip_addr *a)
{
	const struct ip_claim *c = map_get(&p->taken, key_of(a));

	return c ? str_of(c->owner) : (struct str){0};
}

/* Of offsets lo..hi: a random start, then upward and around. Among as many neighbours as there are
 * taken addresses and one more, one is free. */
static bool draw(const struct ip_alloc *p, const struct ip_range *r, uint64_t lo, uint64_t hi,
		 struct rand *rand, struct ip_addr *ret)
{
	uint64_t n, tries, at;

	if (lo > hi)
		return false;
	n = hi - lo + 1;
	at = rand_below(rand, n);
	tries = MIN(n, (uint64_t)map_len(&p->taken) + 1);
	for (; tries; tries--) {
		struct ip_addr a = ip_plus(&r->cidr.addr, lo + at);

		if (!ip_alloc_has(p, &a)) {
			*ret = a;
			return true;
		}
		at = at + 1 == n ? 0 : at + 1;
	}
	return false;
}

bool ip_alloc_next(const struct ip_alloc *p, struct rand *rand, struct ip_addr *ret)
{
	size_t n = p->ranges.len, begin = n ? (size_t)rand_below(rand, n) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct ip_range *r = &p->ranges.ptr[(begin + i) % n];

		if (draw(p, r, r->first + r->band, r->last, rand, ret) ||
		    (r->band && draw(p, r, r->first, r->first + r->band - 1, rand, ret)))
			return true;
	}
	return false;
}

static struct ip_claim *claim_at(struct ip_alloc *p, const struct ip_addr *a)
{
	struct ip_claim *c = map_get(&p->taken, key_of(a));

	if (!c) {
		c = mem_xnew(struct ip_claim);
		map_put(&p->taken, key_of(a), c);
	}
	return c;
}

static void forget_if_free(struct ip_alloc *p, const struct ip_addr *a, struct ip_claim *c)
{
	if (c->is_claimed || c->n_holds)
		return;
	map_remove(&p->taken, key_of(a));
	claim_free(c);
}

void ip_alloc_add(struct ip_alloc *p, const struct ip_addr *a, struct str owner)
{
	struct ip_claim *c;

	if (ip_family(a) != p->family)
		return;
	c = claim_at(p, a);
	c->is_claimed = true;
	free(c->owner);
	c->owner = owner.len ? mem_xstrndup(owner.ptr, owner.len) : NULL;
}

void ip_alloc_remove(struct ip_alloc *p, const struct ip_addr *a)
{
	struct ip_claim *c = map_get(&p->taken, key_of(a));

	if (!c)
		return;
	c->is_claimed = false;
	free(c->owner);
	c->owner = NULL;
	forget_if_free(p, a, c);
}

void ip_alloc_clear_claims(struct ip_alloc *p)
{
	map_foreach(e, &p->taken) {
		struct ip_addr a;

		memcpy(a.b, map_key(e).ptr, sizeof(a.b));
		ip_alloc_remove(p, &a);
	}
}

void ip_alloc_hold(struct ip_alloc *p, const struct ip_addr *a)
{
	if (ip_family(a) == p->family)
		claim_at(p, a)->n_holds++;
}

void ip_alloc_drop(struct ip_alloc *p, const struct ip_addr *a)
{
	struct ip_claim *c = map_get(&p->taken, key_of(a));

	if (!c)
		return;
	assert(c->n_holds);
	c->n_holds--;
	forget_if_free(p, a, c);
}
