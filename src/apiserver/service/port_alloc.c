/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/port_alloc.h"

struct port_claim {
	uint64_t rev; /* of the claim in the store; 0: there is none */
	unsigned n_holds;
	char *owner; /* NULL: unknown */
};

/* Section 8: none up to 16 ports, else a thirty-second part between 16 and 128. */
static uint32_t band_of(uint32_t size)
{
	return size <= 16 ? 0 : MIN(MAX(size / 32, UINT32_C(16)), UINT32_C(128));
}

void port_alloc_init(struct port_alloc *p, uint16_t first, uint16_t last)
{
	assert(first && first <= last);
	*p = (struct port_alloc){.first = first, .last = last};
	p->band = band_of(port_alloc_size(p));
	p->claims = mem_xarray(port_alloc_size(p), sizeof(*p->claims));
}

void port_alloc_fini(struct port_alloc *p)
{
	for (uint32_t i = 0; p->claims && i < port_alloc_size(p); i++)
		free(p->claims[i].owner);
	free(p->claims);
	p->claims = NULL;
}

uint32_t port_alloc_size(const struct port_alloc *p)
{
	return (uint32_t)p->last - p->first + 1;
}

bool port_alloc_contains(const struct port_alloc *p, int64_t port)
{
	return port >= p->first && port <= p->last;
}

/* NULL outside the range. */
static struct port_claim *claim_at(const struct port_alloc *p, int64_t port)
{
	return port_alloc_contains(p, port) ? &p->claims[port - p->first] : NULL;
}

bool port_alloc_has(const struct port_alloc *p, int64_t port)
{
	const struct port_claim *c = claim_at(p, port);

	return c && (c->rev || c->n_holds);
}

struct str port_alloc_owner(const struct port_alloc *p, int64_t port)
{
	const struct port_claim *c = claim_at(p, port);

	return c ? str_of(c->owner) : (struct str){0};
}

uint64_t port_alloc_rev(const struct port_alloc *p, int64_t port)
{
	const struct port_claim *c = claim_at(p, port);

	return c ? c->rev : 0;
}

struct draw {
	const struct port_alloc *p;
	bool (*skip)(const void *ctx, uint16_t port);
	const void *ctx;
};

static bool draw(const struct draw *d, uint32_t lo, uint32_t hi, struct rand *rand, uint16_t *ret)
{
	uint32_t n, start;

	if (lo > hi)
		return false;
	n = hi - lo + 1;
	start = (uint32_t)rand_below(rand, n);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(lo + (start + i) % n);

		if (port_alloc_has(d->p, port) || (d->skip && d->skip(d->ctx, port)))
			continue;
		*ret = port;
		return true;
	}
	return false;
}

bool port_alloc_next(const struct port_alloc *p, struct rand *rand,
		     bool (*skip)(const void *ctx, uint16_t port), const void *ctx, uint16_t *ret)
{
	struct draw d = {p, skip, ctx};

	return draw(&d, p->first + p->band, p->last, rand, ret) ||
	       (p->band && draw(&d, p->first, p->first + p->band - 1, rand, ret));
}

void port_alloc_add(struct port_alloc *p, uint16_t port, struct str owner, uint64_t rev)
{
	struct port_claim *c = claim_at(p, port);

	if (!c)
		return;
	assert(rev);
	c->rev = rev;
	free(c->owner);
	c->owner = owner.len ? mem_xstrndup(owner.ptr, owner.len) : NULL;
}

void port_alloc_remove(struct port_alloc *p, uint16_t port)
{
	struct port_claim *c = claim_at(p, port);

	if (!c)
		return;
	c->rev = 0;
	free(c->owner);
	c->owner = NULL;
}

void port_alloc_clear_claims(struct port_alloc *p)
{
	for (uint32_t port = p->first; port <= p->last; port++)
		port_alloc_remove(p, (uint16_t)port);
}

void port_alloc_hold(struct port_alloc *p, uint16_t port)
{
	struct port_claim *c = claim_at(p, port);

	if (c)
		c->n_holds++;
}

void port_alloc_drop(struct port_alloc *p, uint16_t port)
{
	struct port_claim *c = claim_at(p, port);

	if (!c)
		return;
	assert(c->n_holds);
	c->n_holds--;
}
