/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/nftables/kernel.h"

#include <arpa/inet.h>
#include <errno.h>

void nftables_kernel_init(struct nftables_kernel *k)
{
	*k = (struct nftables_kernel){0};
	nftables_elements_init(&k->elements);
}

void nftables_kernel_fini(struct nftables_kernel *k)
{
	nftables_elements_fini(&k->elements);
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		vec_fini(&k->classes[f]);
		vec_fini(&k->strays[f]);
		vec_foreach(c, &k->chains[f])
			free(c->name);
		vec_fini(&k->chains[f]);
		nft_rules_fini(&k->rules[f]);
	}
}

struct place {
	struct nftables_kernel *k;
	size_t f;
};

struct filling {
	struct buf *b;
	const struct nft_set *set;
};

static int take_element(void *ctx, const void *key, size_t key_len, const void *data,
			size_t data_len)
{
	struct filling *f = ctx;

	if (key_len != f->set->key_len || data_len != f->set->data_len)
		return ERR_INTERNAL;
	buf_add(f->b, key, key_len);
	buf_add(f->b, data, data_len);
	return 0;
}

static int take_class(void *ctx, const void *key, size_t key_len, const void *data, size_t data_len)
{
	struct place *p = ctx;
	char name[NFTABLES_NAME_MAX];
	struct nftables_class c;
	uint64_t v;

	if (key_len != 8)
		return 0;
	v = nftables_class_get(key);
	if (nftables_class_unpack(v, &c)) {
		nftables_class_name(&c, name);
		if (data_len == strlen(name) + 1 && memcmp(data, name, data_len) == 0) {
			*vec_push(&p->k->classes[p->f]) = v;
			return 0;
		}
	}
	*vec_push(&p->k->strays[p->f]) = v;
	return 0;
}

static void take_chain(void *ctx, const struct nft_chain *c)
{
	struct nftables_kernel_chain x = {
		.name = mem_xstrdup(c->name), .is_hook = c->hook >= 0, .drops = c->drops};
	struct place *p = ctx;

	for (size_t i = 0; i < nftables_n_hooks; i++) {
		const struct nftables_hook *h = &nftables_hooks[i];

		if (str_eq_c(str_of(h->name), c->name))
			x.is_wrong = c->hook != h->hook || c->priority != h->priority ||
				     !str_eq_c(str_of(c->type), "nat");
	}
	*vec_push(&p->k->chains[p->f]) = x;
}

static int read_family(struct netlink_socket *s, struct nftables_kernel *k, enum nftables_family f,
		       struct err *err)
{
	struct place place = {k, f};
	uint8_t nfproto = nftables_nfproto(f);
	int r = nft_has_set(s, nfproto, NFTABLES_TABLE, NFTABLES_LAYOUT, err);

	if (r <= 0)
		return r;
	k->has_layout[f] = true;
	for (size_t i = 0; i < NFTABLES_FILLED; i++) {
		struct filling fill = {&k->elements.set[f][i], nftables_set_of(f, i)};

		r = nft_read_elements(s, nfproto, NFTABLES_TABLE, fill.set->name, take_element,
				      &fill, err);
		if (r < 0 && r != -ENOENT) /* somebody deleted the set: it is empty */
			return r;
	}
	r = nft_read_elements(s, nfproto, NFTABLES_TABLE,
			      nftables_set_of(f, NFTABLES_CLASSES)->name, take_class, &place, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = nft_read_chains(s, nfproto, NFTABLES_TABLE, take_chain, &place, err);
	if (r == 0)
		r = nft_rules_read(s, nfproto, NFTABLES_TABLE, &k->rules[f], err);
	if (r < 0)
		return r;
	r = nft_is_dormant(s, nfproto, NFTABLES_TABLE, err);
	k->is_dormant[f] = r > 0;
	return r < 0 ? r : 0;
}

int nftables_kernel_read(struct netlink_socket *s, struct nftables_kernel *k, struct err *err)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		int r = read_family(s, k, f, err);

		if (r < 0)
			return r;
	}
	nftables_elements_sort(&k->elements);
	return 0;
}

void nftables_kernel_forget(struct nftables_kernel *k, enum nftables_family f)
{
	k->has_layout[f] = false;
	for (size_t s = 0; s < NFTABLES_FILLED; s++)
		buf_clear(&k->elements.set[f][s]);
	vec_clear(&k->classes[f]);
	vec_clear(&k->strays[f]);
	vec_foreach(c, &k->chains[f])
		free(c->name);
	vec_clear(&k->chains[f]);
}

ptrdiff_t nftables_kernel_find(const struct nftables_kernel *k, enum nftables_family f,
			       enum nftables_set s, const char *key)
{
	const struct buf *b = &k->elements.set[f][s];
	size_t stride = nftables_stride(f, s), klen = nftables_set_of(f, s)->key_len;
	size_t lo = 0, hi = b->len / stride;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = memcmp(b->ptr + mid * stride, key, klen);

		if (c == 0)
			return (ptrdiff_t)mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

/* ---- facts ---- */

static uint16_t read_port(const char *p)
{
	uint16_t be;

	memcpy(&be, p, sizeof(be));
	return ntohs(be);
}

static int target_cmp(const void *a, const void *b)
{
	const struct svc_target *x = a, *y = b;
	int c = ip_cmp(&x->addr, &y->addr);

	return c ? c : (int)x->port - (int)y->port;
}

/* False: an index is missing. */
static bool read_targets(const struct nftables_kernel *k, enum nftables_family f,
			 const char *identity, uint32_t first, uint16_t n, struct arena *a,
			 struct svc_targets *ret)
{
	size_t alen = nftables_addr_len(f), stride = nftables_stride(f, NFTABLES_BACKENDS);
	struct svc_target *t = arena_array(a, n, sizeof(*t));
	char key[NFTABLES_KEY_MAX];

	*ret = (struct svc_targets){t, n};
	memcpy(key, identity, alen + 8);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t index = first + i;
		ptrdiff_t at;
		const char *data;

		memcpy(key + alen + 8, &index, sizeof(index));
		at = nftables_kernel_find(k, f, NFTABLES_BACKENDS, key);
		if (at < 0)
			return false;
		data = k->elements.set[f][NFTABLES_BACKENDS].ptr + (size_t)at * stride + alen + 12;
		t[i] = (struct svc_target){ip_from_bytes(data, nftables_ip_family(f)),
					   read_port(data + alen)};
	}
	if (n > 1)
		qsort(t, n, sizeof(*t), target_cmp);
	return true;
}

static int prefix_cmp(const void *a, const void *b)
{
	const struct ip_prefix *x = a, *y = b;
	int c = ip_cmp(&x->addr, &y->addr);

	return c ? c : (int)x->len - (int)y->len;
}

static void read_ranges(const struct nftables_kernel *k, enum nftables_family f, const char *key,
			struct arena *a, struct svc_fact *x)
{
	const struct buf *b = &k->elements.set[f][NFTABLES_SOURCES];
	size_t alen = nftables_addr_len(f), stride = nftables_stride(f, NFTABLES_SOURCES);
	size_t n = b->len / stride;
	struct ip_prefix *ranges = arena_array(a, n, sizeof(*ranges));

	x->has_ranges = true;
	x->ranges = ranges;
	for (size_t i = 0; i < n; i++) {
		const char *e = b->ptr + i * stride;
		uint32_t len;

		if (memcmp(e, key, alen + 8) != 0)
			continue;
		memcpy(&len, e + alen + 8, sizeof(len));
		ranges[x->n_ranges++] = (struct ip_prefix){
			ip_from_bytes(e + alen + 12, nftables_ip_family(f)), (uint8_t)len};
	}
	if (x->n_ranges > 1)
		qsort(ranges, x->n_ranges, sizeof(*ranges), prefix_cmp);
}

static bool knows_class(const struct nftables_kernel *k, enum nftables_family f, uint64_t v)
{
	vec_foreach(c, &k->classes[f])
		if (*c == v)
			return true;
	return false;
}

/* What its source makes of a frontend's key; NULL when that is missing. */
static const char *identity_of(const struct nftables_kernel *k, enum nftables_family f,
			       const char *key, enum nftables_source source)
{
	enum nftables_set s = source == NFTABLES_BY_NODE ? NFTABLES_NODE_ORIGINS : NFTABLES_ORIGINS;
	ptrdiff_t at;

	if (source == NFTABLES_BY_PACKET)
		return key;
	at = nftables_kernel_find(k, f, s, key);
	return at < 0 ? NULL
		      : k->elements.set[f][s].ptr + (size_t)at * nftables_stride(f, s) +
				nftables_set_of(f, s)->key_len + 4;
}

static void add_fact(const struct nftables_kernel *k, enum nftables_family f, const char *e,
		     bool is_node, struct arena *a, struct svc_facts *out)
{
	size_t alen = nftables_addr_len(f), at = is_node ? 0 : alen;
	uint64_t packed = nftables_class_get(e + at + 12);
	const char *identity;
	struct nftables_class c;
	struct svc_fact x = {
		.is_node_port = is_node,
		.family = nftables_ip_family(f),
		.port = read_port(e + at + 4),
	};

	if (!is_node)
		x.addr = ip_from_bytes(e, x.family);
	identity = nftables_class_unpack(packed, &c) ? identity_of(k, f, e, c.source) : NULL;
	if (!identity || !svc_protocol_of((uint8_t)e[at], &x.protocol) ||
	    !knows_class(k, f, packed) ||
	    !read_targets(k, f, identity, 0, c.n_cluster, a, &x.cluster) ||
	    !read_targets(k, f, identity, NFTABLES_LOCAL, c.n_local, a, &x.local)) {
		svc_facts_add_broken(out, "port %u class %llx", x.port, (unsigned long long)packed);
		return;
	}
	memcpy(x.ways, c.ways, sizeof(x.ways));
	x.affinity_s = c.affinity_s;
	if (c.has_ranges)
		read_ranges(k, f, e, a, &x);
	svc_facts_add(out, &x);
}

static void facts_of_set(const struct nftables_kernel *k, enum nftables_family f,
			 enum nftables_set s, struct svc_facts *out)
{
	const struct buf *b = &k->elements.set[f][s];
	size_t stride = nftables_stride(f, s);
	struct arena a;

	arena_init(&a, 0);
	for (size_t at = 0; at < b->len; at += stride) {
		arena_clear(&a);
		add_fact(k, f, b->ptr + at, s == NFTABLES_NODE_PORTS, &a, out);
	}
	arena_fini(&a);
}

/* ---- sets that follow from others ---- */

static void broken(struct svc_facts *out, enum nftables_family f, enum nftables_set s,
		   const char *why, const struct ip_addr *a)
{
	char text[IP_TEXT_MAX];

	svc_facts_add_broken(out, "set %s: %.*s %s", nftables_set_of(f, s)->name,
			     STR_ARG(ip_format(a, text)), why);
}

/* Tells each element of `part` that `whole` lacks. */
static void check_subset(const struct nftables_kernel *whole, const struct nftables_kernel *part,
			 enum nftables_family f, enum nftables_set s, const char *why,
			 struct svc_facts *out)
{
	const struct buf *b = &part->elements.set[f][s];
	size_t stride = nftables_stride(f, s);

	for (size_t at = 0; at < b->len; at += stride)
		if (nftables_kernel_find(whole, f, s, b->ptr + at) < 0) {
			struct ip_addr a = ip_from_bytes(b->ptr + at, nftables_ip_family(f));

			broken(out, f, s, why, &a);
		}
}

/* The other ports of an address are refused if and only if it is a cluster IP. */
static void check_cluster_ips(const struct nftables_kernel *k, enum nftables_family f,
			      struct svc_facts *out)
{
	const struct buf *services = &k->elements.set[f][NFTABLES_SERVICES];
	size_t alen = nftables_addr_len(f), stride = nftables_stride(f, NFTABLES_SERVICES);
	struct nftables_kernel due;

	nftables_kernel_init(&due);
	for (size_t at = 0; at < services->len; at += stride) {
		struct buf *b = &due.elements.set[f][NFTABLES_CLUSTER_IPS];
		const char *e = services->ptr + at;
		struct nftables_class c;
		const char *identity;

		if (!nftables_class_unpack(nftables_class_get(e + alen + 12), &c))
			continue;
		identity = identity_of(k, f, e, c.source);
		if (!identity || memcmp(identity, e, alen) != 0)
			continue;
		if (b->len < alen || memcmp(b->ptr + b->len - alen, e, alen) != 0)
			buf_add(b, e, alen); /* sorted as the services are */
	}
	check_subset(k, &due, f, NFTABLES_CLUSTER_IPS, "is missing", out);
	check_subset(&due, k, f, NFTABLES_CLUSTER_IPS, "is no cluster IP", out);
	nftables_kernel_fini(&due);
}

/* cluster IP . protocol . port . index -> address . port, to the key of a membership. */
static void add_membership(struct nftables_kernel *to, enum nftables_family f, const char *backend)
{
	size_t alen = nftables_addr_len(f);
	enum nftables_set s;
	uint32_t index;

	memcpy(&index, backend + alen + 8, sizeof(index));
	s = index < NFTABLES_LOCAL ? NFTABLES_MEMBERS : NFTABLES_LOCAL_MEMBERS;
	buf_add(&to->elements.set[f][s], backend, alen + 8);
	buf_add(&to->elements.set[f][s], backend + alen + 12, alen + 4);
}

/* A remembered backend that is no member is forgotten, and one that is a member is used: so with
 * affinity the members must be the backends. */
static void check_members(const struct nftables_kernel *k, enum nftables_family f,
			  const struct map *sticky, struct svc_facts *out)
{
	const struct buf *backends = &k->elements.set[f][NFTABLES_BACKENDS];
	size_t alen = nftables_addr_len(f), stride = nftables_stride(f, NFTABLES_BACKENDS);
	struct nftables_kernel due;

	nftables_kernel_init(&due);
	for (size_t at = 0; at < backends->len; at += stride)
		if (map_get(sticky, str_n(backends->ptr + at, alen + 8)))
			add_membership(&due, f, backends->ptr + at);
	nftables_elements_sort(&due.elements);
	for (enum nftables_set s = NFTABLES_MEMBERS; s <= NFTABLES_LOCAL_MEMBERS; s++) {
		check_subset(k, &due, f, s, "is missing", out);
		check_subset(&due, k, f, s, "has no such backend", out);
	}
	nftables_kernel_fini(&due);
}

/* The service ports with affinity, by identity. */
static void find_sticky(const struct nftables_kernel *k, enum nftables_family f,
			enum nftables_set s, struct map *ret)
{
	const struct buf *b = &k->elements.set[f][s];
	size_t stride = nftables_stride(f, s), klen = nftables_set_of(f, s)->key_len;

	for (size_t at = 0; at < b->len; at += stride) {
		const char *e = b->ptr + at, *identity;
		struct nftables_class c;

		if (!nftables_class_unpack(nftables_class_get(e + klen + 4), &c) || !c.affinity_s)
			continue;
		identity = identity_of(k, f, e, c.source);
		if (identity)
			map_put(ret, str_n(identity, nftables_addr_len(f) + 8), ret);
	}
}

static void check_family(const struct nftables_kernel *k, enum nftables_family f,
			 struct svc_facts *out)
{
	struct map sticky = {0};

	find_sticky(k, f, NFTABLES_SERVICES, &sticky);
	find_sticky(k, f, NFTABLES_NODE_PORTS, &sticky);
	check_cluster_ips(k, f, out);
	check_members(k, f, &sticky, out);
	map_fini(&sticky);
}

static void add_addr_facts(const struct nftables_kernel *k, enum nftables_family f,
			   enum nftables_set s,
			   void (*add)(struct svc_facts *, const struct ip_addr *),
			   struct svc_facts *out)
{
	const struct buf *b = &k->elements.set[f][s];

	for (size_t at = 0; at < b->len; at += nftables_stride(f, s)) {
		struct ip_addr a = ip_from_bytes(b->ptr + at, nftables_ip_family(f));

		add(out, &a);
	}
}

void nftables_kernel_facts(const struct nftables_kernel *k, struct svc_facts *out)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		facts_of_set(k, f, NFTABLES_SERVICES, out);
		facts_of_set(k, f, NFTABLES_NODE_PORTS, out);
		add_addr_facts(k, f, NFTABLES_HAIRPINS, svc_facts_add_hairpin, out);
		add_addr_facts(k, f, NFTABLES_NODE_ADDRS, svc_facts_add_node_addr, out);
		check_family(k, f, out);
	}
}
