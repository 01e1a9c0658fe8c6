/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/oracle.h"

static const struct svc_frontend *frontend_at(const struct svc_port *p, struct str key)
{
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; i < p->n_frontends; i++)
		if (str_eq(svc_frontend_key(p->protocol, &p->frontends[i], buf), key))
			return &p->frontends[i];
	return NULL;
}

static bool find(const struct svc_view *v, const struct svc_packet *p, enum svc_scope scope,
		 struct svc_outcome *ret)
{
	struct svc_frontend f = {.scope = scope, .addr = p->dst, .port = p->port};
	char buf[SVC_FRONTEND_KEY_LEN];
	struct str key;

	if (scope == SVC_NODE_PORT)
		f.addr = ip_any(ip_family(&p->dst));
	key = svc_frontend_key(p->protocol, &f, buf);
	ret->port = svc_view_port_at(v, key);
	ret->frontend = ret->port ? frontend_at(ret->port, key) : NULL;
	return ret->frontend != NULL;
}

/* Whether some port owns it as its cluster IP. */
static bool is_cluster_ip(const struct svc_view *v, const struct ip_addr *a)
{
	for (size_t i = 0; i < v->table->n; i++) {
		const struct svc_entry *e = v->table->entries[i];

		for (size_t j = 0; j < e->n_ports; j++) {
			const struct svc_port *p = &e->ports[j];

			if (ip_eq(&p->frontends[0].addr, a) && svc_view_has_port(v, e, p))
				return true;
		}
	}
	return false;
}

static void end(struct svc_outcome *o, enum svc_verdict verdict, const char *why)
{
	o->verdict = verdict;
	o->why = why;
}

static void follow(const struct svc_view *v, const struct svc_packet *p, struct svc_outcome *o)
{
	struct svc_way ways[SVC_ORIGINS];
	const struct svc_way *w = &ways[p->from];

	if (!svc_port_allows(o->port, o->frontend, &p->src)) {
		end(o, SVC_DROPPED, "the source ranges do not hold the client");
		return;
	}
	svc_ways_of(v->table->config, o->port, o->frontend, ways);
	switch (w->fate) {
	case SVC_TO_CLUSTER_SET:
		end(o, SVC_FORWARDED, "to the endpoints of the cluster");
		break;
	case SVC_TO_LOCAL_SET:
		end(o, SVC_FORWARDED, "to the endpoints on this node");
		break;
	case SVC_REJECT:
		end(o, SVC_REFUSED, "no endpoint is ready");
		break;
	case SVC_DROP:
		end(o, SVC_DROPPED, "no endpoint is on this node, and the policy is Local");
		break;
	}
	o->set = svc_fate_flag(w->fate);
	o->is_masqueraded = w->is_masqueraded;
	o->affinity_s = svc_fate_is_set(w->fate) ? o->port->affinity_s : 0;
}

void svc_oracle_ask(const struct svc_view *v, const struct svc_packet *p, struct svc_outcome *ret)
{
	*ret = (struct svc_outcome){.verdict = SVC_NOT_OURS, .why = "no Service has that address"};
	if (find(v, p, SVC_CLUSTER_IP, ret)) /* any scope with an address of its own */
		follow(v, p, ret);
	else if (is_cluster_ip(v, &p->dst))
		end(ret, SVC_REFUSED, "the Service does not have that port");
	else if (svc_config_selects(v->table->config, &p->dst, p->is_dst_local) &&
		 find(v, p, SVC_NODE_PORT, ret))
		follow(v, p, ret);
}

bool svc_outcome_allows(const struct svc_outcome *o, const struct svc_packet *p,
			const struct ip_addr *addr, uint16_t port, enum svc_source *ret)
{
	for (size_t i = 0; o->verdict == SVC_FORWARDED && i < o->port->n_backends; i++) {
		const struct svc_backend *b = &o->port->backends[i];

		if (!(b->flags & o->set) || b->port != port || !ip_eq(&b->addr, addr))
			continue;
		if (ret)
			*ret = ip_eq(&b->addr, &p->src) && svc_backend_hairpins(b)
				       ? SVC_SOURCE_HAIRPIN
			       : o->is_masqueraded ? SVC_SOURCE_MASQUERADED
						   : SVC_SOURCE_KEPT;
		return true;
	}
	return false;
}
