/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/claims.h"

enum {
	KEY_LEN = 16 + 2 + 1 + 1,
};

static struct str key_of(const struct svc_port *p, const struct svc_frontend *f, char buf[KEY_LEN])
{
	memcpy(buf, f->addr.b, 16);
	memcpy(buf + 16, &f->port, 2);
	buf[18] = (char)p->protocol;
	buf[19] = (char)(f->scope == SVC_NODE_PORT);
	return str_n(buf, KEY_LEN);
}

/* By name, not by pointer: an entry that was built anew with equal content is the same owner. */
static void *owner_id(const struct svc_entry *e)
{
	return (void *)(uintptr_t)(str_hash(e->key) | 1);
}

void svc_claims_fini(struct svc_claims *c)
{
	map_fini(&c->owners);
	map_fini(&c->contested);
}

static void claim(struct svc_claims *c, const struct svc_entry *e, bool cluster_ips)
{
	char buf[KEY_LEN];

	for (size_t i = 0; i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++) {
			const struct svc_frontend *f = &e->ports[i].frontends[j];
			struct str key = key_of(&e->ports[i], f, buf);
			void *owner;

			if ((f->scope == SVC_CLUSTER_IP) != cluster_ips)
				continue;
			owner = map_get(&c->owners, key);
			if (!owner)
				map_put(&c->owners, key, owner_id(e));
			else if (owner != owner_id(e))
				map_put(&c->contested, key, owner_id(e));
		}
}

void svc_claims_rebuild(struct svc_claims *c, const struct svc_table *t)
{
	svc_claims_fini(c);
	for (size_t i = 0; i < t->n; i++)
		claim(c, t->entries[i], true);
	for (size_t i = 0; i < t->n; i++)
		claim(c, t->entries[i], false);
}

static bool is_contested(const struct svc_claims *c, const struct svc_entry *e)
{
	char buf[KEY_LEN];

	for (size_t i = 0; c->contested.head && i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++)
			if (map_get(&c->contested,
				    key_of(&e->ports[i], &e->ports[i].frontends[j], buf)))
				return true;
	return false;
}

static void give_up(struct svc_claims *c, const struct svc_entry *e)
{
	char buf[KEY_LEN];

	for (size_t i = 0; i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++)
			map_remove(&c->owners,
				   key_of(&e->ports[i], &e->ports[i].frontends[j], buf));
}

bool svc_claims_apply(struct svc_claims *c, const struct svc_change *changes, size_t n)
{
	bool clean = true;

	for (size_t i = 0; i < n; i++)
		clean &= !changes[i].before || !is_contested(c, changes[i].before);
	for (size_t i = 0; clean && i < n; i++)
		if (changes[i].before)
			give_up(c, changes[i].before);
	for (size_t i = 0; clean && i < n; i++) {
		if (!changes[i].after)
			continue;
		claim(c, changes[i].after, true);
		claim(c, changes[i].after, false);
		clean = !is_contested(c, changes[i].after);
	}
	return clean;
}

bool svc_claims_owns(const struct svc_claims *c, const struct svc_entry *e,
		     const struct svc_port *p, const struct svc_frontend *f)
{
	char buf[KEY_LEN];

	return map_get(&c->owners, key_of(p, &p->frontends[0], buf)) == owner_id(e) &&
	       map_get(&c->owners, key_of(p, f, buf)) == owner_id(e);
}
