/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/fact.h"

void svc_facts_fini(struct svc_facts *f)
{
	vec_foreach(l, &f->lines)
		free(*l);
	vec_fini(&f->lines);
}

static void add_way(struct buf *b, const char *name, const struct svc_way *w)
{
	buf_printf(b, " %s=", name);
	if (w->fate == SVC_REJECT || w->fate == SVC_DROP) {
		buf_add_c(b, w->fate == SVC_REJECT ? "reject" : "drop");
		return;
	}
	for (size_t i = 0; i < w->n; i++) {
		bool is_v6 = ip_family(&w->targets[i].addr) == IP_V6;

		buf_add_c(b, i ? "," : "");
		buf_add_c(b, is_v6 ? "[" : "");
		ip_add(b, &w->targets[i].addr);
		buf_printf(b, "%s:%u", is_v6 ? "]" : "", w->targets[i].port);
	}
}

static void add_lower(struct buf *b, const char *s)
{
	for (; *s; s++)
		buf_add_byte(b, (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s));
}

void svc_facts_add(struct svc_facts *f, const struct svc_fact *x)
{
	static const char *const kinds[] = {"inside", "outside", "outside-local"};
	struct buf b = BUF_INIT;
	char text[IP_PREFIX_TEXT_MAX];

	if (x->is_node_port)
		buf_add_c(&b, x->family == IP_V4 ? "node-v4" : "node-v6");
	else
		ip_add(&b, &x->addr);
	buf_printf(&b, " %u/", x->port);
	add_lower(&b, api_protocol_name(x->protocol));
	buf_printf(&b, " %s affinity=%u", kinds[x->kind], x->affinity_s);
	for (size_t i = 0; i < x->n_ranges; i++)
		buf_printf(&b, "%s%.*s",
			   i ? "," : " from=", STR_ARG(ip_prefix_format(&x->ranges[i], text)));
	if (x->has_ranges && x->n_ranges == 0)
		buf_add_c(&b, " from=nobody");
	add_way(&b, "to", &x->to);
	if (x->kind == SVC_OUTSIDE_LOCAL)
		add_way(&b, "here", &x->here);
	*vec_push(&f->lines) = buf_detach(&b);
}

void svc_facts_add_hairpin(struct svc_facts *f, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	*vec_push(&f->lines) = mem_xprintf("hairpin %.*s", STR_ARG(ip_format(a, text)));
}

void svc_facts_add_node_addr(struct svc_facts *f, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	*vec_push(&f->lines) = mem_xprintf("node-address %.*s", STR_ARG(ip_format(a, text)));
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void svc_facts_sort(struct svc_facts *f)
{
	vec_sort(&f->lines, line_cmp);
}

void svc_way_of(const struct svc_port *p, enum svc_fate fate, struct arena *a, struct svc_way *ret)
{
	unsigned flag = fate == SVC_TO_LOCAL_SET ? SVC_IN_LOCAL : SVC_IN_CLUSTER;
	struct svc_target *t;

	*ret = (struct svc_way){.fate = fate};
	if (fate == SVC_REJECT || fate == SVC_DROP)
		return;
	ret->targets = t = arena_array(a, p->n_backends, sizeof(*t));
	for (size_t i = 0; i < p->n_backends; i++)
		if (p->backends[i].flags & flag)
			t[ret->n++] = (struct svc_target){p->backends[i].addr, p->backends[i].port};
}

static void facts_of_port(const struct svc_claims *claims, const struct svc_entry *e,
			  const struct svc_port *p, struct arena *a, struct svc_facts *out)
{
	for (size_t i = 0; i < p->n_frontends; i++) {
		const struct svc_frontend *f = &p->frontends[i];
		struct svc_fact x = {
			.kind = f->scope == SVC_CLUSTER_IP ? SVC_INSIDE
				: p->is_external_local     ? SVC_OUTSIDE_LOCAL
							   : SVC_OUTSIDE,
			.is_node_port = f->scope == SVC_NODE_PORT,
			.family = p->family,
			.protocol = p->protocol,
			.addr = f->addr,
			.port = f->port,
			.affinity_s = p->affinity_s,
		};

		if (!svc_claims_owns(claims, e, p, f))
			continue;
		if (f->scope == SVC_LB_VIP && p->has_ranges) {
			x.has_ranges = true;
			x.ranges = p->ranges;
			x.n_ranges = p->n_ranges;
		}
		svc_way_of(p, svc_port_fate(p, f->scope, SVC_FROM_NODE), a, &x.to);
		if (x.kind == SVC_OUTSIDE_LOCAL)
			svc_way_of(p, svc_port_fate(p, f->scope, SVC_FROM_OUTSIDE), a, &x.here);
		if (x.to.fate >= SVC_REJECT &&
		    (x.kind != SVC_OUTSIDE_LOCAL || x.here.fate >= SVC_REJECT))
			x.affinity_s = 0; /* nothing to be affine to */
		svc_facts_add(out, &x);
	}
}

static int addr_cmp(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

void svc_facts_of(const struct svc_table *t, struct svc_facts *out)
{
	struct svc_claims claims = {0};
	struct arena a;
	VEC(struct ip_addr) hairpins = {0};

	arena_init(&a, 0);
	svc_claims_rebuild(&claims, t);
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->entries[i]->n_ports; j++) {
			const struct svc_port *p = &t->entries[i]->ports[j];

			arena_clear(&a);
			facts_of_port(&claims, t->entries[i], p, &a, out);
			if (!svc_claims_owns(&claims, t->entries[i], p, &p->frontends[0]))
				continue;
			for (size_t k = 0; k < p->n_backends; k++)
				if (svc_backend_hairpins(&p->backends[k]))
					*vec_push(&hairpins) = p->backends[k].addr;
		}
	vec_sort(&hairpins, addr_cmp);
	for (size_t i = 0; i < hairpins.len; i++)
		if (i == 0 || !ip_eq(&hairpins.ptr[i - 1], &hairpins.ptr[i]))
			svc_facts_add_hairpin(out, &hairpins.ptr[i]);
	for (size_t i = 0; t->config->node_ports_on_primary && i < t->config->n_node_addrs; i++)
		svc_facts_add_node_addr(out, &t->config->node_addrs[i]);
	vec_fini(&hairpins);
	svc_claims_fini(&claims);
	arena_fini(&a);
	svc_facts_sort(out);
}

bool svc_facts_compare(const struct svc_facts *wanted, const struct svc_facts *there, size_t max,
		       struct buf *b)
{
	size_t i = 0, j = 0, n = 0;

	while (i < wanted->lines.len || j < there->lines.len) {
		int c = i == wanted->lines.len  ? 1
			: j == there->lines.len ? -1
						: strcmp(wanted->lines.ptr[i], there->lines.ptr[j]);

		if (c && n++ < max && b)
			buf_printf(b, "%c %s\n", c < 0 ? '-' : '+',
				   c < 0 ? wanted->lines.ptr[i] : there->lines.ptr[j]);
		i += c <= 0;
		j += c >= 0;
	}
	return n == 0;
}
