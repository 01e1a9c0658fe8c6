/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flows.h"

#include "base/map.h"

/* Frontends of one protocol whose flows are to be looked at: key -> the port that owns it now, or
 * `nobody`. */
struct watchlist {
	const struct proxy_flows_task *task;
	struct map frontends;
	bool has_family[2];
	enum api_protocol protocol;
};

static const struct svc_port nobody;

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

/* Whether flows that `was` led may be stale, now that `now` owns their frontend; either may be
 * NULL. Of UDP, flows from before there was a backend, too. */
static bool makes_stale(const struct watchlist *w, const struct svc_port *was,
			const struct svc_port *now)
{
	if (was && loses(was, now ? now : &nobody))
		return true;
	return w->protocol == API_UDP && (!was || !now || loses(now, was));
}

static void watch(struct watchlist *w, const struct svc_port *p, const struct svc_frontend *f,
		  bool always)
{
	const struct proxy_flows_task *t = w->task;
	char buf[SVC_FRONTEND_KEY_LEN];
	struct str key = svc_frontend_key(p->protocol, f, buf);
	const struct svc_port *was = t->before ? svc_view_port_at(t->before, key) : NULL;
	const struct svc_port *now = svc_view_port_at(t->after, key);

	if (!(was || now) || !(always || makes_stale(w, was, now)))
		return;
	map_put(&w->frontends, key, (void *)(uintptr_t)(now ? now : &nobody));
	w->has_family[p->family == IP_V6] = true;
}

static void watch_entry(struct watchlist *w, const struct svc_entry *e, bool always)
{
	for (size_t i = 0; e && i < e->n_ports; i++) {
		const struct svc_port *p = &e->ports[i];

		for (size_t j = 0; p->protocol == w->protocol && j < p->n_frontends; j++)
			watch(w, p, &p->frontends[j], always);
	}
}

static void watchlist_init(struct watchlist *w, const struct proxy_flows_task *t,
			   enum api_protocol protocol)
{
	*w = (struct watchlist){.task = t, .protocol = protocol};
	for (size_t i = 0; i < t->n_changes; i++) {
		watch_entry(w, t->changes[i].before, false);
		watch_entry(w, t->changes[i].after, false);
	}
	/* A TCP flow that was never translated has nothing to remember. */
	for (size_t i = 0; t->is_full && protocol == API_UDP && i < t->after->table->n; i++)
		watch_entry(w, t->after->table->entries[i], true);
}

static const struct svc_port *watched(const struct watchlist *w, const struct conntrack_flow *f)
{
	struct svc_frontend there = {.scope = SVC_CLUSTER_IP, .addr = f->dst, .port = f->dst_port};
	char buf[SVC_FRONTEND_KEY_LEN];
	const struct svc_port *p;

	p = map_get(&w->frontends, svc_frontend_key(w->protocol, &there, buf));
	if (p)
		return p;
	/* A node port counts on any address. */
	there.scope = SVC_NODE_PORT;
	there.addr = ip_any(ip_family(&f->dst));
	return map_get(&w->frontends, svc_frontend_key(w->protocol, &there, buf));
}

static bool is_stale(void *ctx, const struct conntrack_flow *f)
{
	struct watchlist *w = ctx;
	const struct svc_port *p = watched(w, f);

	return p && (w->protocol == API_UDP || (w->protocol == API_TCP && f->is_over)) &&
	       !serves(p, &f->reply_src, f->reply_src_port);
}

static int clean(struct netlink_socket *s, enum api_protocol protocol,
		 const struct proxy_flows_task *t, size_t *ret_deleted, struct err *err)
{
	struct watchlist w;
	size_t total = 0, one;
	int r = 0;

	watchlist_init(&w, t, protocol);
	for (int v6 = 0; r == 0 && v6 < 2; v6++) {
		if (!w.has_family[v6])
			continue;
		r = conntrack_delete(s, v6 ? IP_V6 : IP_V4, svc_protocol_number(protocol), is_stale,
				     &w, &one, err);
		total += r == 0 ? one : 0;
	}
	map_fini(&w.frontends);
	if (r == 0)
		*ret_deleted = total;
	return r;
}

int proxy_flows_clean(struct netlink_socket *s, const struct proxy_flows_task *t,
		      size_t *ret_deleted, struct err *err)
{
	size_t udp, tcp;
	int r = clean(s, API_UDP, t, &udp, err);

	if (r == 0)
		r = clean(s, API_TCP, t, &tcp, err);
	if (r == 0)
		*ret_deleted = udp + tcp;
	return r;
}

bool proxy_flows_is_stale(const struct proxy_flows_task *t, const struct conntrack_flow *f)
{
	enum api_protocol protocol;
	struct watchlist w;
	bool stale;

	if (!svc_protocol_of(f->protocol, &protocol))
		return false;
	watchlist_init(&w, t, protocol);
	stale = is_stale(&w, f);
	map_fini(&w.frontends);
	return stale;
}
