/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/nftables/elements.h"

#include <arpa/inet.h>

void nftables_elements_init(struct nftables_elements *e)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			buf_init(&e->set[f][s]);
}

void nftables_elements_fini(struct nftables_elements *e)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			buf_fini(&e->set[f][s]);
}

void nftables_elements_clear(struct nftables_elements *e)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			buf_clear(&e->set[f][s]);
}

size_t nftables_elements_count(const struct nftables_elements *e)
{
	size_t n = 0;

	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			n += e->set[f][s].len / nftables_stride(f, s);
	return n;
}

/* ---- fields ---- */

struct writer {
	char buf[NFTABLES_STRIDE_MAX];
	size_t len;
};

static void put(struct writer *w, const void *p, size_t n)
{
	assert(w->len + n <= sizeof(w->buf));
	memcpy(w->buf + w->len, p, n);
	w->len += n;
}

static void put_addr(struct writer *w, const struct ip_addr *a)
{
	size_t len;
	const uint8_t *p = ip_wire(a, &len);

	put(w, p, len);
}

static void put_number(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

static void put_proto(struct writer *w, enum api_protocol p)
{
	uint8_t field[4] = {svc_protocol_number(p)};

	put(w, field, sizeof(field));
}

static void put_port(struct writer *w, uint16_t port)
{
	uint16_t field[2] = {htons(port)};

	put(w, field, sizeof(field));
}

static void put_identity(struct writer *w, const struct svc_port *p)
{
	put_addr(w, &p->frontends[0].addr);
	put_proto(w, p->protocol);
	put_port(w, p->frontends[0].port);
}

static void finish(struct nftables_elements *e, enum nftables_family f, enum nftables_set s,
		   const struct writer *w)
{
	assert(w->len == nftables_stride(f, s));
	buf_add(&e->set[f][s], w->buf, w->len);
}

size_t nftables_element_hairpin(enum nftables_family f, const struct ip_addr *a,
				char out[NFTABLES_STRIDE_MAX])
{
	struct writer w = {.len = 0};

	put_addr(&w, a);
	put_addr(&w, a);
	memcpy(out, w.buf, w.len);
	return w.len;
}

size_t nftables_element_addr(enum nftables_family f, const struct ip_addr *a,
			     char out[NFTABLES_STRIDE_MAX])
{
	struct writer w = {.len = 0};

	put_addr(&w, a);
	memcpy(out, w.buf, w.len);
	return w.len;
}

/* ---- entries ---- */

void nftables_class_of(const struct svc_config *config, const struct svc_port *p,
		       const struct svc_frontend *f, struct nftables_class *ret)
{
	struct nftables_class c = {.has_ranges = svc_frontend_has_ranges(p, f)};

	svc_ways_of(config, p, f, c.ways);
	c.affinity_s = svc_ways_affinity(p, c.ways);
	for (size_t o = 0; o < SVC_ORIGINS; o++) {
		if (c.ways[o].fate == SVC_TO_CLUSTER_SET)
			c.n_cluster = (uint16_t)p->n_cluster;
		if (c.ways[o].fate == SVC_TO_LOCAL_SET)
			c.n_local = (uint16_t)p->n_local;
	}
	c.source = f->scope == SVC_NODE_PORT                     ? NFTABLES_BY_NODE
		   : f->scope == SVC_CLUSTER_IP && !c.affinity_s ? NFTABLES_BY_PACKET
								 : NFTABLES_BY_VIP;
	*ret = c;
}

static void add_frontend(struct nftables_elements *e, const struct svc_config *config,
			 enum nftables_family fam, const struct svc_port *p,
			 const struct svc_frontend *f)
{
	bool is_node = f->scope == SVC_NODE_PORT;
	struct writer w = {.len = 0};
	struct nftables_class c;
	char packed[8];
	size_t key_len;

	if (!is_node)
		put_addr(&w, &f->addr);
	put_proto(&w, p->protocol);
	put_port(&w, f->port);
	nftables_class_of(config, p, f, &c);
	nftables_class_put(nftables_class_pack(&c), packed);
	key_len = w.len;
	put_number(&w, 0);
	put(&w, packed, sizeof(packed));
	finish(e, fam, is_node ? NFTABLES_NODE_PORTS : NFTABLES_SERVICES, &w);
	if (c.source != NFTABLES_BY_PACKET) {
		w.len = key_len;
		put_number(&w, 0);
		put_identity(&w, p);
		finish(e, fam, is_node ? NFTABLES_NODE_ORIGINS : NFTABLES_ORIGINS, &w);
	}
	for (size_t i = 0; c.has_ranges && i < p->n_ranges; i++) {
		struct ip_addr base = ip_prefix_base(&p->ranges[i]);

		w.len = 0;
		put_addr(&w, &f->addr);
		put_proto(&w, p->protocol);
		put_port(&w, f->port);
		put_number(&w, p->ranges[i].len);
		put_addr(&w, &base);
		finish(e, fam, NFTABLES_SOURCES, &w);
	}
}

static void add_set(struct nftables_elements *e, enum nftables_family fam, const struct svc_port *p,
		    unsigned flag, uint32_t index, enum nftables_set membership)
{
	for (size_t i = 0; i < p->n_backends; i++) {
		const struct svc_backend *b = &p->backends[i];
		struct writer w = {.len = 0};

		if (!(b->flags & flag))
			continue;
		put_identity(&w, p);
		put_number(&w, index++);
		put_addr(&w, &b->addr);
		put_port(&w, b->port);
		finish(e, fam, NFTABLES_BACKENDS, &w);
		if (!p->affinity_s)
			continue;
		w.len = 0;
		put_identity(&w, p);
		put_addr(&w, &b->addr);
		put_port(&w, b->port);
		finish(e, fam, membership, &w);
	}
}

/* Several ports share a cluster IP: it is an element once. */
static bool is_first_of_family(const struct svc_view *v, const struct svc_entry *x, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (x->ports[j].family == x->ports[i].family &&
		    svc_view_has_port(v, x, &x->ports[j]))
			return false;
	return true;
}

static void add_port(struct nftables_elements *e, const struct svc_view *v,
		     const struct svc_entry *x, size_t i)
{
	const struct svc_port *p = &x->ports[i];
	enum nftables_family fam = p->family == IP_V4 ? NFTABLES_V4 : NFTABLES_V6;

	if (!svc_view_has_port(v, x, p))
		return;
	if (is_first_of_family(v, x, i)) {
		struct writer w = {.len = 0};

		put_addr(&w, &p->frontends[0].addr);
		finish(e, fam, NFTABLES_CLUSTER_IPS, &w);
	}
	for (size_t j = 0; j < p->n_frontends; j++)
		if (svc_view_owns(v, x, p, &p->frontends[j]))
			add_frontend(e, v->table->config, fam, p, &p->frontends[j]);
	add_set(e, fam, p, SVC_IN_CLUSTER, 0, NFTABLES_MEMBERS);
	add_set(e, fam, p, SVC_IN_LOCAL, NFTABLES_LOCAL, NFTABLES_LOCAL_MEMBERS);
}

void nftables_elements_add(struct nftables_elements *e, const struct svc_view *v,
			   const struct svc_entry *x)
{
	for (size_t i = 0; x && i < x->n_ports; i++)
		add_port(e, v, x, i);
}

/* ---- differences ---- */

static int element_cmp(const void *a, const void *b, void *stride)
{
	return memcmp(a, b, *(size_t *)stride);
}

void nftables_elements_sort(struct nftables_elements *e)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			size_t stride = nftables_stride(f, s);

			if (e->set[f][s].len > stride)
				qsort_r(e->set[f][s].ptr, e->set[f][s].len / stride, stride,
					element_cmp, &stride);
		}
}

static void diff_set(const struct nft_set *set, const struct buf *before, const struct buf *after,
		     struct buf *del, struct buf *add)
{
	size_t stride = set->key_len + set->data_len, i = 0, j = 0;

	while (i < before->len || j < after->len) {
		const char *b = before->ptr + i, *a = after->ptr + j;
		int c = i == before->len ? 1 : j == after->len ? -1 : memcmp(b, a, set->key_len);
		bool same = c == 0 && memcmp(b, a, stride) == 0;

		if (c <= 0 && !same)
			buf_add(del, b, stride);
		if (c >= 0 && !same)
			buf_add(add, a, stride);
		i += c <= 0 ? stride : 0;
		j += c >= 0 ? stride : 0;
	}
}

void nftables_elements_diff(const struct nftables_elements *before,
			    const struct nftables_elements *after, struct nftables_elements *del,
			    struct nftables_elements *add)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			diff_set(nftables_set_of(f, s), &before->set[f][s], &after->set[f][s],
				 &del->set[f][s], &add->set[f][s]);
}
