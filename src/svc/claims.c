/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/claims.h"

struct rival {
	struct svc_entry *entry; /* with a reference */
	bool is_cluster_ip;
};

struct rivals { /* a VEC: two or more */
	struct rival *ptr;
	size_t len, cap;
};

static void free_rivals(void *p)
{
	struct rivals *r = p;

	vec_foreach(x, r)
		svc_entry_unref(x->entry);
	vec_fini(r);
	free(r);
}

static void free_owner(void *p)
{
	svc_entry_unref(p);
}

void svc_claims_fini(struct svc_claims *c)
{
	map_fini_values(&c->owners, free_owner);
	map_fini_values(&c->rivals, free_rivals);
}

/* By name, not by pointer: an entry that was built anew with equal content is the same owner. */
bool svc_claims_same(const struct svc_entry *a, const struct svc_entry *b)
{
	return a == b || str_eq(a->key, b->key);
}

static void set_owner(struct svc_claims *c, struct str key, struct svc_entry *e)
{
	svc_entry_unref(map_put(&c->owners, key, svc_entry_ref(e)));
}

static bool is_cluster_ip_of(const struct svc_entry *e, struct str key)
{
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; i < e->n_ports; i++)
		if (str_eq(svc_frontend_key(e->ports[i].protocol, &e->ports[i].frontends[0], buf),
			   key))
			return true;
	return false;
}

static bool beats(const struct rival *a, const struct rival *b)
{
	if (a->is_cluster_ip != b->is_cluster_ip)
		return a->is_cluster_ip;
	return str_cmp(a->entry->key, b->entry->key) < 0;
}

static void add_rival(struct rivals *r, struct svc_entry *e, bool is_cluster_ip)
{
	*vec_push(r) = (struct rival){svc_entry_ref(e), is_cluster_ip};
}

static void claim_one(struct svc_claims *c, struct svc_entry *e, struct str key, bool is_cluster_ip)
{
	struct svc_entry *owner = map_get(&c->owners, key);
	struct rivals *r;
	struct rival old;

	if (!owner) {
		set_owner(c, key, e);
		return;
	}
	r = map_get(&c->rivals, key);
	if (svc_claims_same(owner, e) || (r && svc_claims_same(vec_last(r)->entry, e)))
		return; /* one Service names it twice */
	old = (struct rival){owner, is_cluster_ip_of(owner, key)};
	if (!r) {
		r = mem_xnew(struct rivals);
		map_put(&c->rivals, key, r);
		add_rival(r, owner, old.is_cluster_ip);
	}
	add_rival(r, e, is_cluster_ip);
	if (beats(vec_last(r), &old))
		set_owner(c, key, e);
}

static void give_up_one(struct svc_claims *c, const struct svc_entry *e, struct str key)
{
	struct rivals *r = map_get(&c->rivals, key);
	const struct rival *best = NULL;

	if (!r) {
		struct svc_entry *owner = map_get(&c->owners, key);

		if (owner && svc_claims_same(owner, e))
			svc_entry_unref(map_remove(&c->owners, key));
		return;
	}
	for (size_t i = r->len; i-- > 0;)
		if (svc_claims_same(r->ptr[i].entry, e)) {
			svc_entry_unref(r->ptr[i].entry);
			vec_remove_at(r, i);
		}
	vec_foreach(x, r)
		if (!best || beats(x, best))
			best = x;
	set_owner(c, key, best->entry);
	if (r->len == 1)
		free_rivals(map_remove(&c->rivals, key));
}

/* ---- the past ---- */

struct svc_entry svc_claims_nobody;

static struct svc_entry *ref_somebody(struct svc_entry *e)
{
	return e == &svc_claims_nobody ? e : svc_entry_ref(e);
}

static void free_past(void *p)
{
	if (p != &svc_claims_nobody)
		svc_entry_unref(p);
}

void svc_claims_past_fini(struct svc_claims_past *p)
{
	map_fini_values(&p->owners, free_past);
}

static void remember(struct svc_claims_past *p, struct str key, struct svc_entry *owner)
{
	if (!map_get(&p->owners, key))
		map_put(&p->owners, key, ref_somebody(owner ? owner : &svc_claims_nobody));
}

void svc_claims_past_merge(struct svc_claims_past *older, const struct svc_claims_past *younger)
{
	map_foreach(x, &younger->owners)
		remember(older, map_key(x), x->value);
}

/* ---- changes ---- */

enum step {
	REMEMBER,
	GIVE_UP,
	CLAIM,
};

static void step_entry(struct svc_claims *c, struct svc_entry *e, enum step step,
		       struct svc_claims_past *past)
{
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; e && i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++) {
			const struct svc_frontend *f = &e->ports[i].frontends[j];
			struct str key = svc_frontend_key(e->ports[i].protocol, f, buf);

			if (step == REMEMBER)
				remember(past, key, map_get(&c->owners, key));
			else if (step == GIVE_UP)
				give_up_one(c, e, key);
			else
				claim_one(c, e, key, f->scope == SVC_CLUSTER_IP);
		}
}

void svc_claims_apply(struct svc_claims *c, const struct svc_change *changes, size_t n,
		      struct svc_claims_past *past)
{
	for (size_t i = 0; past && i < n; i++) {
		step_entry(c, changes[i].before, REMEMBER, past);
		step_entry(c, changes[i].after, REMEMBER, past);
	}
	for (size_t i = 0; i < n; i++)
		step_entry(c, changes[i].before, GIVE_UP, NULL);
	for (size_t i = 0; i < n; i++)
		step_entry(c, changes[i].after, CLAIM, NULL);
}

struct svc_entry *svc_claims_owner(const struct svc_claims *c, const struct svc_claims_past *past,
				   struct str frontend_key)
{
	struct svc_entry *then = past ? map_get(&past->owners, frontend_key) : NULL;

	if (then)
		return then == &svc_claims_nobody ? NULL : then;
	return map_get(&c->owners, frontend_key);
}
