/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/view.h"

bool svc_view_owns(const struct svc_view *v, const struct svc_entry *e, const struct svc_port *p,
		   const struct svc_frontend *f)
{
	const struct svc_frontend *both[] = {&p->frontends[0], f};
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; i < (f == both[0] ? 1 : 2); i++) {
		struct str key = svc_frontend_key(p->protocol, both[i], buf);
		const struct svc_entry *owner = svc_claims_owner(v->claims, v->past, key);

		if (!owner || !svc_claims_same(owner, e))
			return false;
	}
	return true;
}

const struct svc_port *svc_view_port_at(const struct svc_view *v, struct str frontend_key)
{
	const struct svc_entry *e = svc_claims_owner(v->claims, v->past, frontend_key);
	const struct svc_port *p = e ? svc_entry_port_at(e, frontend_key) : NULL;

	return p && svc_view_has_port(v, e, p) ? p : NULL;
}

static int addr_cmp(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

void svc_view_hairpins(const struct svc_view *v, struct svc_addrs *ret)
{
	assert(!v->past && v->hairpins);
	vec_reserve(ret, map_len(v->hairpins));
	map_foreach(x, v->hairpins)
		memcpy(vec_push(ret)->b, map_key(x).ptr, 16);
	vec_sort(ret, addr_cmp);
}

size_t svc_view_node_addrs(const struct svc_view *v, const struct ip_addr **ret)
{
	const struct svc_config *c = v->table->config;

	*ret = c->node_addrs;
	return c->node_ports_on_primary ? c->n_node_addrs : 0;
}

void svc_view_losses(const struct svc_view *v, const struct svc_entry *e, struct svc_losses *ret)
{
	for (size_t i = 0; i < e->n_ports; i++) {
		const struct svc_port *p = &e->ports[i];

		for (size_t j = 0; j < p->n_frontends; j++)
			if (!svc_view_owns(v, e, p, &p->frontends[j]))
				*vec_push(ret) = (struct svc_loss){e, p, &p->frontends[j]};
		if (p->is_cut)
			*vec_push(ret) = (struct svc_loss){e, p, NULL};
	}
}

void svc_loss_add(struct buf *b, const struct svc_loss *l)
{
	if (!l->frontend) {
		buf_printf(b, "port %.*s has more than %d endpoints; the first are used",
			   STR_ARG(l->port->name), SVC_BACKENDS_MAX);
		return;
	}
	buf_printf(b, "%s ", svc_scope_name(l->frontend->scope));
	ip_add(b, &l->frontend->addr);
	buf_printf(b, " port %u/%s belongs to another Service; not programmed", l->frontend->port,
		   api_protocol_name(l->port->protocol));
}

/* ---- changes ---- */

void svc_diff_fini(struct svc_diff *d)
{
	vec_fini(&d->changes);
	vec_fini(&d->hairpins_gone);
	vec_fini(&d->hairpins_come);
	svc_claims_past_fini(&d->past);
	svc_table_unref(TAKE_PTR(d->held));
}

static bool is_among(const struct svc_changes *c, struct str key)
{
	size_t lo = 0, hi = c->len;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = str_cmp(svc_change_key(&c->ptr[mid]), key);

		if (r == 0)
			return true;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* An entry that won or lost an address by the change of another. */
static void note_moved(struct svc_diff *d, const struct svc_entry *e, struct map *noted)
{
	if (!e || is_among(&d->changes, e->key))
		return;
	map_put(noted, e->key, d);
}

static void add_moved(struct svc_diff *d)
{
	struct map noted = {0};

	map_foreach(x, &d->past.owners) {
		const struct svc_entry *was = x->value == &svc_claims_nobody ? NULL : x->value;
		const struct svc_entry *is = svc_claims_owner(d->after.claims, NULL, map_key(x));

		if (was && is && svc_claims_same(was, is))
			continue;
		note_moved(d, was, &noted);
		note_moved(d, is, &noted);
	}
	map_foreach(x, &noted)
		*vec_push(&d->changes) =
			(struct svc_change){svc_table_find(d->before.table, map_key(x)),
					    svc_table_find(d->after.table, map_key(x))};
	if (map_len(&noted))
		svc_changes_sort(&d->changes);
	map_fini(&noted);
}

static void hairpins_of(const struct svc_view *v, const struct svc_entry *e, struct svc_addrs *to)
{
	for (size_t i = 0; e && i < e->n_ports; i++) {
		const struct svc_port *p = &e->ports[i];

		for (size_t j = 0; svc_view_has_port(v, e, p) && j < p->n_backends; j++)
			if (svc_backend_hairpins(&p->backends[j]))
				*vec_push(to) = p->backends[j].addr;
	}
}

/* Counts an address up or down; true when it came to be or ceased. */
static bool count(struct map *hairpins, const struct ip_addr *a, int by)
{
	struct str key = str_n((const char *)a->b, sizeof(a->b));
	intptr_t n = (intptr_t)map_get(hairpins, key) + by;

	assert(n >= 0);
	if (n)
		map_put(hairpins, key, (void *)n);
	else
		map_remove(hairpins, key);
	return by > 0 ? n == 1 : n == 0;
}

/* Up before down: what comes and goes in one step does neither. */
static void count_hairpins(struct map *hairpins, struct svc_diff *d)
{
	struct svc_addrs come = {0}, gone = {0};

	vec_foreach(c, &d->changes) {
		hairpins_of(&d->before, c->before, &gone);
		hairpins_of(&d->after, c->after, &come);
	}
	vec_foreach(a, &come)
		if (count(hairpins, a, 1))
			*vec_push(&d->hairpins_come) = *a;
	vec_foreach(a, &gone)
		if (count(hairpins, a, -1))
			*vec_push(&d->hairpins_gone) = *a;
	vec_fini(&come);
	vec_fini(&gone);
}

void svc_state_fini(struct svc_state *s)
{
	svc_claims_fini(&s->claims);
	map_fini(&s->hairpins);
	svc_table_unref(TAKE_PTR(s->table));
}

struct svc_view svc_state_view(const struct svc_state *s)
{
	return (struct svc_view){.table = s->table, .claims = &s->claims, .hairpins = &s->hairpins};
}

void svc_state_move(struct svc_state *s, struct svc_table *t, struct svc_diff *ret)
{
	struct svc_table *old = s->table;

	*ret = (struct svc_diff){.held = old};
	s->table = svc_table_ref(t);
	ret->before = (struct svc_view){old, &s->claims, &ret->past, NULL};
	ret->after = svc_state_view(s);
	ret->is_config_changed =
		old && old->config != t->config && !svc_config_eq(old->config, t->config);
	svc_changes_of(old, t, &ret->changes);
	svc_claims_apply(&s->claims, ret->changes.ptr, ret->changes.len, old ? &ret->past : NULL);
	if (old)
		add_moved(ret);
	count_hairpins(&s->hairpins, ret);
}
