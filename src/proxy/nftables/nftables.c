/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/nftables/nftables.h"

#include "proxy/nftables/kernel.h"

#include <errno.h>
#include <linux/netlink.h>

enum {
	CHUNK_BYTES_MAX = 4 * 1024 * 1024, /* of a transaction while syncing: bounds our memory */
	ELEMENT_OVERHEAD = 24,             /* attribute headers around an element */
	READ_ATTEMPTS = 3,
	HAIRPINS_AT_ONCE = 256,
};

struct nftables {
	struct proxy_backend base;
	struct netlink_socket nl;
	struct nft_batch batch;
	struct svc_config *config;               /* what the chains are made for; NULL: unknown */
	struct map classes[NFTABLES_FAMILIES];   /* packed class -> itself: chains that are there */
	struct map choosers[NFTABLES_FAMILIES];  /* by name */
	bool has_length[NFTABLES_FAMILIES][129]; /* prefix lengths in the chain "ranges" */
	struct nftables_elements del, add;       /* of the transaction being made */
	size_t limit;                            /* bytes of it */
	struct proxy_stats stats;
};

static struct nftables *self_of(struct proxy_backend *b)
{
	return CONTAINER_OF(b, struct nftables, base);
}

static void forget(struct nftables *n)
{
	svc_config_unref(TAKE_PTR(n->config));
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		map_fini(&n->classes[f]);
		map_fini(&n->choosers[f]);
		memset(n->has_length[f], 0, sizeof(n->has_length[f]));
	}
	nftables_elements_clear(&n->del);
	nftables_elements_clear(&n->add);
}

/* ---- transactions ---- */

static size_t pending_bytes(const struct nftables *n)
{
	size_t total = nft_batch_len(&n->batch);

	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			size_t bytes = n->del.set[f][s].len + n->add.set[f][s].len;

			total += bytes + bytes / nftables_stride(f, s) * ELEMENT_OVERHEAD;
		}
	return total;
}

static void put_elements(struct nftables *n)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			const struct nft_set *set = nftables_set_of(f, s);
			const struct buf *d = &n->del.set[f][s];

			nft_batch_mark(&n->batch, set->name);
			nft_del_elements(&n->batch, set, d->ptr, d->len / nftables_stride(f, s));
		}
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			const struct nft_set *set = nftables_set_of(f, s);
			const struct buf *a = &n->add.set[f][s];

			nft_batch_mark(&n->batch, set->name);
			nft_add_elements(&n->batch, set, a->ptr, a->len / nftables_stride(f, s));
		}
	}
}

static int commit(struct nftables *n, struct err *err)
{
	int r;

	n->stats.elements_removed += nftables_elements_count(&n->del);
	n->stats.elements_added += nftables_elements_count(&n->add);
	put_elements(n);
	nftables_elements_clear(&n->del);
	nftables_elements_clear(&n->add);
	if (nft_batch_is_empty(&n->batch))
		return 0;
	n->stats.transactions++;
	r = nft_batch_commit(&n->batch, &n->nl, NULL, err);
	n->stats.failures += r < 0;
	return r;
}

/* ---- chains ---- */

static void need_chooser(struct nftables *n, enum nftables_family f,
			 const struct nftables_chooser *c)
{
	char name[NFTABLES_NAME_MAX];

	nftables_chooser_name(c, name);
	if (map_put(&n->choosers[f], str_of(name), n))
		return;
	nftables_put_chooser(&n->batch, f, c);
}

static void need_class(struct nftables *n, enum nftables_family f, const struct svc_config *config,
		       uint64_t packed)
{
	struct nftables_class c;
	struct nftables_chooser choosers[2];
	size_t count;

	if (map_put(&n->classes[f], str_n((const char *)&packed, sizeof(packed)), n))
		return;
	if (!nftables_class_unpack(packed, &c))
		return;
	nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
	nft_batch_mark(&n->batch, "a chain");
	count = nftables_class_choosers(&c, choosers);
	for (size_t i = 0; i < count; i++)
		need_chooser(n, f, &choosers[i]);
	nftables_put_class(&n->batch, f, config, &c);
}

static void need_length(struct nftables *n, enum nftables_family f, uint32_t len)
{
	if (len >= ARRAY_LEN(n->has_length[f]) || n->has_length[f][len])
		return;
	n->has_length[f][len] = true;
	nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
	nftables_put_range_length(&n->batch, f, (uint8_t)len);
}

/* Puts the chains that these elements lead to, as far as they are not there. */
static void need_chains(struct nftables *n, const struct svc_config *config,
			const struct nftables_elements *e)
{
	static const enum nftables_set with_class[] = {NFTABLES_SERVICES, NFTABLES_NODE_PORTS};

	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		size_t stride = nftables_stride(f, NFTABLES_SOURCES);
		const struct buf *b = &e->set[f][NFTABLES_SOURCES];

		for (size_t at = 0; at < b->len; at += stride) {
			uint32_t len;

			memcpy(&len, b->ptr + at + nftables_addr_len(f) + 8, sizeof(len));
			need_length(n, f, len);
		}
		for (size_t i = 0; i < ARRAY_LEN(with_class); i++) {
			const struct nft_set *set = nftables_set_of(f, with_class[i]);

			stride = nftables_stride(f, with_class[i]);
			b = &e->set[f][with_class[i]];
			for (size_t at = 0; at < b->len; at += stride)
				need_class(n, f, config,
					   nftables_class_get(b->ptr + at + set->key_len + 4));
		}
	}
}

/* While the maps are empty a chain costs nothing; later the kernel walks a map for each chain that
 * looks into it. */
static void prepare_chains(struct nftables *n, enum nftables_family f,
			   const struct svc_config *config)
{
	struct svc_frontend cluster_ip = {.scope = SVC_CLUSTER_IP};
	struct svc_port p = {.family = nftables_ip_family(f), .has_any = true};
	struct nftables_class c;

	for (p.n_cluster = 1; p.n_cluster <= NFTABLES_PREPARED; p.n_cluster++) {
		nftables_class_of(config, &p, &cluster_ip, &c);
		need_class(n, f, config, nftables_class_pack(&c));
	}
}

/* ---- addresses ---- */

static enum nftables_family family_of(const struct ip_addr *a)
{
	return ip_family(a) == IP_V4 ? NFTABLES_V4 : NFTABLES_V6;
}

static void add_hairpin(struct nftables_elements *to, const struct ip_addr *a)
{
	char e[NFTABLES_STRIDE_MAX];
	size_t len = nftables_element_hairpin(family_of(a), a, e);

	buf_add(&to->set[family_of(a)][NFTABLES_HAIRPINS], e, len);
}

static void add_node_addr(struct nftables_elements *to, const struct ip_addr *a)
{
	char e[NFTABLES_STRIDE_MAX];
	size_t len = nftables_element_addr(family_of(a), a, e);

	buf_add(&to->set[family_of(a)][NFTABLES_NODE_ADDRS], e, len);
}

/* ---- sync ---- */

/* Takes from `wanted` what the kernel does not have yet, into del and add; marks in `seen` what it
 * has. */
static void compare(struct nftables *n, const struct nftables_kernel *k,
		    const struct nftables_elements *wanted,
		    struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED])
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			const struct buf *w = &wanted->set[f][s], *have = &k->elements.set[f][s];
			size_t stride = nftables_stride(f, s);

			for (size_t at = 0; at < w->len; at += stride) {
				const char *e = w->ptr + at;
				ptrdiff_t i = nftables_kernel_find(k, f, s, e);

				if (i >= 0)
					seen[f][s].ptr[i] = 1;
				if (i >= 0 &&
				    memcmp(have->ptr + (size_t)i * stride, e, stride) == 0)
					continue;
				if (i >= 0)
					buf_add(&n->del.set[f][s], e, stride);
				buf_add(&n->add.set[f][s], e, stride);
			}
		}
}

static void drop_unseen(struct nftables *n, const struct nftables_kernel *k,
			struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED])
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			size_t stride = nftables_stride(f, s);

			for (size_t i = 0; i < seen[f][s].len; i++)
				if (!seen[f][s].ptr[i])
					buf_add(&n->del.set[f][s],
						k->elements.set[f][s].ptr + i * stride, stride);
		}
}

static void put_structure(struct nftables *n, const struct nftables_kernel *k,
			  const struct svc_config *config)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		nft_batch_mark(&n->batch, "a chain");
		if (!k->has_layout[f]) {
			/* Whatever of that name is there is not ours to read. */
			nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
			nft_add_table(&n->batch);
			nft_del_table(&n->batch);
		}
		nftables_put_base(&n->batch, f, config);
		vec_foreach(v, &k->strays[f]) {
			char key[8];

			if (!k->has_layout[f])
				break;
			nftables_class_put(*v, key);
			nft_del_elements(&n->batch, nftables_set_of(f, NFTABLES_CLASSES), key, 1);
		}
		if (!k->has_layout[f])
			prepare_chains(n, f, config);
	}
}

/* A part of what is wanted: its chains, and what of it the kernel does not have. Commits when
 * enough has come together. */
static int sync_part(struct nftables *n, const struct nftables_kernel *k,
		     const struct svc_config *config, struct nftables_elements *wanted,
		     struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED], struct err *err)
{
	need_chains(n, config, wanted);
	compare(n, k, wanted, seen);
	nftables_elements_clear(wanted);
	return pending_bytes(n) > n->limit ? commit(n, err) : 0;
}

static int sync_addrs(struct nftables *n, const struct nftables_kernel *k, const struct svc_view *v,
		      struct nftables_elements *wanted,
		      struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED], struct err *err)
{
	const struct ip_addr *node_addrs;
	size_t count = svc_view_node_addrs(v, &node_addrs);
	struct svc_addrs hairpins = {0};
	int r;

	for (size_t i = 0; i < count; i++)
		add_node_addr(wanted, &node_addrs[i]);
	r = sync_part(n, k, v->table->config, wanted, seen, err);
	svc_view_hairpins(v, &hairpins);
	for (size_t i = 0; r == 0 && i < hairpins.len; i++) {
		add_hairpin(wanted, &hairpins.ptr[i]);
		if (i + 1 == hairpins.len || i % HAIRPINS_AT_ONCE == HAIRPINS_AT_ONCE - 1)
			r = sync_part(n, k, v->table->config, wanted, seen, err);
	}
	vec_fini(&hairpins);
	return r;
}

static int sync_all(struct nftables *n, const struct nftables_kernel *k, const struct svc_view *v,
		    struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED], struct err *err)
{
	struct nftables_elements wanted;
	int r;

	nftables_elements_init(&wanted);
	r = sync_addrs(n, k, v, &wanted, seen, err);
	for (size_t i = 0; r == 0 && i < v->table->n; i++) {
		nftables_elements_add(&wanted, v, v->table->entries[i]);
		r = sync_part(n, k, v->table->config, &wanted, seen, err);
	}
	nftables_elements_fini(&wanted);
	return r;
}

static int read_kernel(struct nftables *n, struct nftables_kernel *k, struct err *err)
{
	int r = ERR_CONFLICT;

	for (int i = 0; r == ERR_CONFLICT && i < READ_ATTEMPTS; i++) {
		nftables_kernel_init(k);
		r = nftables_kernel_read(&n->nl, k, err);
		if (r < 0)
			nftables_kernel_fini(k);
	}
	return r;
}

static bool is_ours_by_demand(const char *chain)
{
	return str_has_prefix(str_of(chain), STR("choose-")) ||
	       str_has_prefix(str_of(chain), STR("class"));
}

/* Removes chains that nothing leads to any more. Kernels before 6.2 count references late and may
 * refuse; then the next sync does it. */
static void collect_garbage(struct nftables *n, const struct nftables_kernel *k)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		struct map used = {0};
		char name[NFTABLES_NAME_MAX], key[8];

		nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
		map_foreach(e, &n->classes[f]) {
			struct nftables_class c;
			uint64_t packed;

			memcpy(&packed, map_key(e).ptr, sizeof(packed));
			if (!nftables_class_unpack(packed, &c))
				continue;
			nftables_class_name(&c, name);
			map_put(&used, str_of(name), n);
		}
		vec_foreach(v, &k->classes[f]) {
			if (map_get(&n->classes[f], str_n((const char *)v, sizeof(*v))))
				continue;
			nftables_class_put(*v, key);
			nft_del_elements(&n->batch, nftables_set_of(f, NFTABLES_CLASSES), key, 1);
		}
		for (int pass = 0; pass < 2; pass++)
			vec_foreach(c, &k->chains[f]) {
				if (!is_ours_by_demand(c->name) ||
				    map_get(&used, str_of(c->name)) ||
				    map_get(&n->choosers[f], str_of(c->name)))
					continue;
				if (pass == 0)
					nft_flush_chain(&n->batch, c->name);
				else
					nft_del_chain(&n->batch, c->name);
			}
		map_fini(&used);
	}
	IGNORE(nft_batch_commit(&n->batch, &n->nl, NULL, NULL), "the next sync tries again");
}

static int sync_with(struct nftables *n, const struct nftables_kernel *k, const struct svc_view *v,
		     struct err *err)
{
	struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED];
	int r;

	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++) {
			size_t count = k->elements.set[f][s].len / nftables_stride(f, s);

			buf_init(&seen[f][s]);
			buf_reserve(&seen[f][s], count);
			memset(seen[f][s].ptr, 0, count);
			buf_set_len(&seen[f][s], count);
		}
	put_structure(n, k, v->table->config);
	r = sync_all(n, k, v, seen, err);
	if (r == 0) {
		drop_unseen(n, k, seen);
		for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
			nftables_put_hooks(&n->batch, f);
		r = commit(n, err);
	}
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		for (size_t s = 0; s < NFTABLES_FILLED; s++)
			buf_fini(&seen[f][s]);
	return r;
}

static int nftables_sync(struct proxy_backend *b, const struct svc_view *v,
			 struct proxy_results *res, struct err *err)
{
	struct nftables *n = self_of(b);
	struct nftables_kernel k;
	int r;

	forget(n);
	n->limit = MIN(n->nl.send_max, (size_t)CHUNK_BYTES_MAX) / 4 * 3;
	r = read_kernel(n, &k, err);
	if (r < 0)
		return r;
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++)
		vec_foreach(c, &k.chains[f])
			if (c->is_wrong)
				nftables_kernel_forget(&k, f); /* a hook cannot be moved */
	r = sync_with(n, &k, v, err);
	if (r == 0) {
		collect_garbage(n, &k);
		n->config = svc_config_ref(v->table->config);
	} else {
		forget(n);
	}
	nftables_kernel_fini(&k);
	return r;
}

/* ---- apply ---- */

/* Into n->del and n->add. */
static void take_changes(struct nftables *n, const struct svc_diff *d)
{
	struct nftables_elements before, after;

	nftables_elements_init(&before);
	nftables_elements_init(&after);
	vec_foreach(c, &d->changes) {
		nftables_elements_add(&before, &d->before, c->before);
		nftables_elements_add(&after, &d->after, c->after);
	}
	vec_foreach(a, &d->hairpins_gone)
		add_hairpin(&before, a);
	vec_foreach(a, &d->hairpins_come)
		add_hairpin(&after, a);
	nftables_elements_sort(&before);
	nftables_elements_sort(&after);
	nftables_elements_diff(&before, &after, &n->del, &n->add);
	nftables_elements_fini(&before);
	nftables_elements_fini(&after);
}

static int nftables_apply(struct proxy_backend *b, const struct svc_diff *d,
			  struct proxy_results *res, struct err *err)
{
	struct nftables *n = self_of(b);
	int r;

	take_changes(n, d);
	if (pending_bytes(n) > n->limit) /* only a sync can split it */
		return nftables_sync(b, &d->after, res, err);
	need_chains(n, n->config, &n->add);
	r = commit(n, err);
	if (r < 0)
		forget(n);
	return r;
}

/* ---- the rest of the contract ---- */

/* All rules that should be there, in a batch that is not sent. */
static void put_rules(const struct nftables *n, enum nftables_family f, struct nft_batch *b)
{
	struct map choosers = {0};

	nftables_put_base(b, f, n->config);
	nftables_put_hooks(b, f);
	for (size_t len = 0; len < ARRAY_LEN(n->has_length[f]); len++)
		if (n->has_length[f][len])
			nftables_put_range_length(b, f, (uint8_t)len);
	map_foreach(x, &n->classes[f]) {
		struct nftables_chooser c[2];
		char name[NFTABLES_NAME_MAX];
		struct nftables_class cl;
		uint64_t packed;
		size_t count;

		memcpy(&packed, map_key(x).ptr, sizeof(packed));
		if (!nftables_class_unpack(packed, &cl))
			continue;
		count = nftables_class_choosers(&cl, c);
		for (size_t i = 0; i < count; i++) {
			nftables_chooser_name(&c[i], name);
			if (!map_put(&choosers, str_of(name), b))
				nftables_put_chooser(b, f, &c[i]);
		}
		nftables_put_class(b, f, n->config, &cl);
	}
	map_fini(&choosers);
}

static void check_rules(const struct nftables *n, const struct nftables_kernel *k,
			struct svc_facts *out)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		struct nft_batch b;

		nft_batch_init(&b);
		put_rules(n, f, &b);
		nftables_kernel_check(k, f, &b, out);
		nft_batch_fini(&b);
	}
}

static int nftables_dump(struct proxy_backend *b, struct svc_facts *ret, struct err *err)
{
	const struct nftables *n = self_of(b);
	struct nftables_kernel k;
	int r = read_kernel(self_of(b), &k, err);

	if (r < 0)
		return r;
	nftables_kernel_facts(&k, ret);
	if (n->config) {
		/* The configuration is in the rules: they are ours or they are told. */
		check_rules(n, &k, ret);
		svc_facts_add_config(ret, n->config);
	}
	nftables_kernel_fini(&k);
	svc_facts_sort(ret);
	return 0;
}

static void nftables_stats(struct proxy_backend *b, struct proxy_stats *ret)
{
	*ret = self_of(b)->stats;
}

static int purge(struct nftables *n, struct err *err)
{
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		nft_batch_table(&n->batch, nftables_nfproto(f), NFTABLES_TABLE);
		nft_add_table(&n->batch); /* so that deleting it cannot fail */
		nft_del_table(&n->batch);
	}
	return nft_batch_commit(&n->batch, &n->nl, NULL, err);
}

static int nftables_close(struct proxy_backend *b, enum proxy_close how, struct err *err)
{
	struct nftables *n = self_of(b);
	int r = how == PROXY_PURGE ? purge(n, err) : 0;

	forget(n);
	nftables_elements_fini(&n->del);
	nftables_elements_fini(&n->add);
	nft_batch_fini(&n->batch);
	netlink_close(&n->nl);
	free(n);
	return r;
}

static const struct proxy_ops nftables_ops = {
	.sync = nftables_sync,
	.apply = nftables_apply,
	.dump = nftables_dump,
	.stats = nftables_stats,
	.close = nftables_close,
};

static int nftables_open(struct proxy_backend **ret, struct err *err)
{
	struct nftables *n = mem_xnew(struct nftables);
	int r = netlink_open(NETLINK_NETFILTER, &n->nl, err);

	if (r < 0) {
		free(n);
		return r;
	}
	n->base.ops = &nftables_ops;
	nft_batch_init(&n->batch);
	nftables_elements_init(&n->del);
	nftables_elements_init(&n->add);
	*ret = &n->base;
	return 0;
}

static int nftables_probe(struct err *err)
{
	struct netlink_socket s = {0};
	int r = netlink_open(NETLINK_NETFILTER, &s, err);

	if (r == 0)
		r = nft_has_set(&s, nftables_nfproto(NFTABLES_V4), NFTABLES_TABLE, NFTABLES_LAYOUT,
				err);
	netlink_close(&s);
	if (r == -EPERM)
		return err_wrap(err, r, "nftables needs CAP_NET_ADMIN in its network namespace");
	return r < 0 ? err_wrap(err, r, "this kernel cannot do nftables") : 0;
}

const struct proxy_mode nftables_mode = {
	.name = "nftables",
	.probe = nftables_probe,
	.open = nftables_open,
};
