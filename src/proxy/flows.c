/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flows.h"

#include "base/map.h"

#include <netinet/in.h>

/* Frontends of changed ports of one protocol: key -> the port as it is now, or `nobody` when it is
 * gone. */
struct watchlist {
	struct map frontends;
	bool has_family[2];
	enum api_protocol protocol;
};

static const struct svc_port nobody;

enum {
	KEY_LEN = 16 + 2,
};

/* Node ports count on any address: their key has a family's unspecified one. */
static struct str key_of(const struct ip_addr *a, uint16_t port, char buf[KEY_LEN])
{
	memcpy(buf, a->b, 16);
	memcpy(buf + 16, &port, 2);
	return str_n(buf, KEY_LEN);
}

static struct ip_addr any_addr(enum ip_family f)
{
	static const struct ip_addr v6;

	return f == IP_V4 ? ip_from_v4(0) : v6;
}

static void watch(struct watchlist *w, const struct svc_port *p, const struct svc_port *now)
{
	char buf[KEY_LEN];

	for (size_t i = 0; i < p->n_frontends; i++) {
		const struct svc_frontend *f = &p->frontends[i];

		map_put(&w->frontends, key_of(&f->addr, f->port, buf), (void *)(uintptr_t)now);
	}
	w->has_family[p->family == IP_V6] = true;
}

static const struct svc_port *counterpart(const struct svc_entry *e, const struct svc_port *p)
{
	for (size_t i = 0; e && i < e->n_ports; i++)
		if (e->ports[i].family == p->family && e->ports[i].protocol == p->protocol &&
		    str_eq(e->ports[i].name, p->name))
			return &e->ports[i];
	return NULL;
}

static bool serves(const struct svc_port *p, const struct ip_addr *a, uint16_t port)
{
	for (size_t i = 0; i < p->n_backends; i++)
		if (p->backends[i].port == port && ip_eq(&p->backends[i].addr, a) &&
		    (p->backends[i].flags & (SVC_SERVING | SVC_IN_CLUSTER | SVC_IN_LOCAL)))
			return true;
	return false;
}

/* Some backend of `a` is not one of `b`. */
static bool loses(const struct svc_port *a, const struct svc_port *b)
{
	for (size_t i = 0; i < a->n_backends; i++)
		if (!serves(b, &a->backends[i].addr, a->backends[i].port))
			return true;
	return false;
}

static bool frontends_differ(const struct svc_port *a, const struct svc_port *b)
{
	if (a->n_frontends != b->n_frontends)
		return true;
	for (size_t i = 0; i < a->n_frontends; i++)
		if (a->frontends[i].port != b->frontends[i].port ||
		    !ip_eq(&a->frontends[i].addr, &b->frontends[i].addr))
			return true;
	return false;
}

static bool makes_stale(const struct svc_port *p, const struct svc_port *now)
{
	return p->protocol == API_TCP ? loses(p, now) : frontends_differ(p, now) || loses(p, now);
}

/* Where packets of the protocol went and may not go any more. */
static void note_before(struct watchlist *w, const struct svc_change *c)
{
	for (size_t i = 0; c->before && i < c->before->n_ports; i++) {
		const struct svc_port *p = &c->before->ports[i];
		const struct svc_port *now = counterpart(c->after, p);

		if (p->protocol != w->protocol)
			continue;
		if (!now || makes_stale(p, now))
			watch(w, p, now ? now : &nobody);
	}
}

/* Where they go now. A TCP flow that was never translated has nothing to remember. */
static void note_after(struct watchlist *w, const struct svc_change *c)
{
	for (size_t i = 0; w->protocol == API_UDP && c->after && i < c->after->n_ports; i++) {
		const struct svc_port *p = &c->after->ports[i];
		const struct svc_port *was = counterpart(c->before, p);

		if (p->protocol == API_UDP && (!was || frontends_differ(p, was) || loses(p, was)))
			watch(w, p, p);
	}
}

/* All of what was, then all of what is: an address that went from one Service to another is the
 * new owner's, whatever their order. */
static void note_changes(struct watchlist *w, const struct svc_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		note_before(w, &changes[i]);
	for (size_t i = 0; i < n; i++)
		note_after(w, &changes[i]);
}

static bool is_stale(void *ctx, const struct conntrack_flow *f)
{
	struct watchlist *w = ctx;
	struct ip_addr any = any_addr(ip_family(&f->dst));
	const struct svc_port *p;
	char buf[KEY_LEN];

	p = map_get(&w->frontends, key_of(&f->dst, f->dst_port, buf));
	if (!p)
		p = map_get(&w->frontends, key_of(&any, f->dst_port, buf));
	return p && (w->protocol == API_UDP || f->is_over) &&
	       !serves(p, &f->reply_src, f->reply_src_port);
}

static int clean(struct netlink_socket *s, enum api_protocol protocol,
		 const struct svc_change *changes, size_t n, size_t *ret_deleted, struct err *err)
{
	struct watchlist w = {.protocol = protocol};
	uint8_t number = protocol == API_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	size_t total = 0, one;
	int r = 0;

	note_changes(&w, changes, n);
	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		if (!w.has_family[v6])
			continue;
		r = conntrack_delete(s, v6 ? IP_V6 : IP_V4, number, is_stale, &w, &one, err);
		total += r == 0 ? one : 0;
	}
	map_fini(&w.frontends);
	if (r == 0)
		*ret_deleted = total;
	return r;
}

int proxy_flows_clean(struct netlink_socket *s, const struct svc_change *changes, size_t n,
		      size_t *ret_deleted, struct err *err)
{
	size_t udp, tcp;
	int r = clean(s, API_UDP, changes, n, &udp, err);

	if (r == 0)
		r = clean(s, API_TCP, changes, n, &tcp, err);
	if (r == 0)
		*ret_deleted = udp + tcp;
	return r;
}

bool proxy_flows_is_stale(const struct svc_change *changes, size_t n,
			  const struct conntrack_flow *f)
{
	struct watchlist w = {.protocol = API_UDP};
	bool stale;

	note_changes(&w, changes, n);
	stale = is_stale(&w, f);
	map_fini(&w.frontends);
	return stale;
}
