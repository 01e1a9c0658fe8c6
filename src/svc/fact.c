/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/fact.h"

#include <stdarg.h>

void svc_facts_fini(struct svc_facts *f)
{
	vec_foreach(l, &f->lines)
		free(*l);
	vec_fini(&f->lines);
}

static void add_targets(struct buf *b, const struct svc_targets *t)
{
	for (size_t i = 0; i < t->len; i++) {
		bool is_v6 = ip_family(&t->ptr[i].addr) == IP_V6;

		buf_add_c(b, i ? "," : "");
		buf_add_c(b, is_v6 ? "[" : "");
		ip_add(b, &t->ptr[i].addr);
		buf_printf(b, "%s:%u", is_v6 ? "]" : "", t->ptr[i].port);
	}
}

static void add_lower(struct buf *b, const char *s)
{
	for (; *s; s++)
		buf_add_byte(b, (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s));
}

static void add_prefixes(struct buf *b, const struct ip_prefix *p, size_t n)
{
	char text[IP_PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%.*s", i ? "," : "", STR_ARG(ip_prefix_format(&p[i], text)));
}

static void add_from(struct svc_facts *f, const struct svc_fact *x, struct str frontend,
		     enum svc_origin from)
{
	const struct svc_way *w = &x->ways[from];
	struct buf b = BUF_INIT;

	buf_printf(&b, "%.*s from %s", STR_ARG(frontend), svc_origin_name(from));
	if (x->has_ranges) {
		buf_add_c(&b, x->n_ranges ? " in " : " in nothing");
		add_prefixes(&b, x->ranges, x->n_ranges);
	}
	if (x->affinity_s)
		buf_printf(&b, " affinity %u", x->affinity_s);
	if (w->is_masqueraded)
		buf_add_c(&b, " masqueraded");
	switch (w->fate) {
	case SVC_TO_CLUSTER_SET:
	case SVC_TO_LOCAL_SET:
		buf_add_c(&b, " to ");
		add_targets(&b, w->fate == SVC_TO_LOCAL_SET ? &x->local : &x->cluster);
		break;
	case SVC_REJECT:
		buf_add_c(&b, " reject");
		break;
	case SVC_DROP:
		buf_add_c(&b, " drop");
		break;
	}
	*vec_push(&f->lines) = buf_detach(&b);
}

void svc_facts_add(struct svc_facts *f, const struct svc_fact *x)
{
	struct buf b = BUF_INIT;

	if (x->is_node_port)
		buf_add_c(&b, x->family == IP_V4 ? "node-v4" : "node-v6");
	else
		ip_add(&b, &x->addr);
	buf_printf(&b, " %u/", x->port);
	add_lower(&b, api_protocol_name(x->protocol));
	for (enum svc_origin from = 0; from < SVC_ORIGINS; from++)
		add_from(f, x, buf_str(&b), from);
	buf_fini(&b);
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

void svc_facts_add_config(struct svc_facts *f, const struct svc_config *c)
{
	struct buf b = BUF_INIT;

	buf_add_c(&b, "config pods ");
	switch (c->detect) {
	case SVC_DETECT_NONE:
		buf_add_c(&b, "unknown");
		break;
	case SVC_DETECT_CIDR:
		buf_add_c(&b, "in ");
		add_prefixes(&b, c->pod_cidrs, c->n_pod_cidrs);
		break;
	case SVC_DETECT_BRIDGE:
		buf_printf(&b, "on %.*s", STR_ARG(c->detect_interface));
		break;
	case SVC_DETECT_INTERFACE_PREFIX:
		buf_printf(&b, "on %.*s*", STR_ARG(c->detect_interface));
		break;
	}
	buf_printf(&b, ", mark %#x, node ports on ", c->mark);
	if (c->node_ports_on_primary)
		buf_add_c(&b, "primary");
	else if (c->n_node_port_cidrs)
		add_prefixes(&b, c->node_port_cidrs, c->n_node_port_cidrs);
	else
		buf_add_c(&b, "all");
	*vec_push(&f->lines) = buf_detach(&b);
}

void svc_facts_add_broken(struct svc_facts *f, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*vec_push(&f->lines) = mem_xprintf("broken %s", text);
}

static int line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void svc_facts_sort(struct svc_facts *f)
{
	vec_sort(&f->lines, line_cmp);
}

static struct svc_targets targets_of(const struct svc_port *p, unsigned flag, struct arena *a)
{
	struct svc_target *t = arena_array(a, p->n_backends, sizeof(*t));
	size_t n = 0;

	for (size_t i = 0; i < p->n_backends; i++)
		if (p->backends[i].flags & flag)
			t[n++] = (struct svc_target){p->backends[i].addr, p->backends[i].port};
	return (struct svc_targets){t, n};
}

static void facts_of_port(const struct svc_view *v, const struct svc_entry *e,
			  const struct svc_port *p, struct arena *a, struct svc_facts *out)
{
	struct svc_fact x = {
		.family = p->family,
		.protocol = p->protocol,
		.cluster = targets_of(p, SVC_IN_CLUSTER, a),
		.local = targets_of(p, SVC_IN_LOCAL, a),
	};

	for (size_t i = 0; i < p->n_frontends; i++) {
		const struct svc_frontend *f = &p->frontends[i];

		if (!svc_view_owns(v, e, p, f))
			continue;
		x.is_node_port = f->scope == SVC_NODE_PORT;
		x.addr = f->addr;
		x.port = f->port;
		x.has_ranges = svc_frontend_has_ranges(p, f);
		x.ranges = p->ranges;
		x.n_ranges = p->n_ranges;
		svc_ways_of(v->table->config, p, f, x.ways);
		x.affinity_s = svc_ways_affinity(p, x.ways);
		svc_facts_add(out, &x);
	}
}

void svc_facts_add_entry(struct svc_facts *f, const struct svc_view *v, const struct svc_entry *e)
{
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < e->n_ports; i++)
		facts_of_port(v, e, &e->ports[i], &a, f);
	arena_fini(&a);
}

void svc_facts_of(const struct svc_view *v, struct svc_facts *out)
{
	const struct ip_addr *node_addrs;
	size_t n = svc_view_node_addrs(v, &node_addrs);
	struct svc_addrs hairpins = {0};

	for (size_t i = 0; i < v->table->n; i++)
		svc_facts_add_entry(out, v, v->table->entries[i]);
	svc_view_hairpins(v, &hairpins);
	vec_foreach(x, &hairpins)
		svc_facts_add_hairpin(out, x);
	for (size_t i = 0; i < n; i++)
		svc_facts_add_node_addr(out, &node_addrs[i]);
	svc_facts_add_config(out, v->table->config);
	vec_fini(&hairpins);
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
