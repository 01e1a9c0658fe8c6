/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/nftables/nftables.h"

#include "proxy/nftables/kernel.h"

#include <errno.h>
#include <linux/netlink.h>

enum {
	CHUNK_BYTES_MAX = 4 * 1024 * 1024, /* of a transaction while syncing: bounds our memory */
	ELEMENT_OVERHEAD = 24,             /* attribute headers around an element */
	READ_ATTEMPTS = 3,
};

struct nftables {
	struct proxy_backend base;
	struct netlink_socket nl;
	struct nft_batch batch;
	struct svc_claims claims;
	struct svc_table *table;                 /* what the kernel holds; NULL: unknown */
	struct map classes[NFTABLES_FAMILIES];   /* packed class -> itself: chains that are there */
	struct map choosers[NFTABLES_FAMILIES];  /* by name */
	struct map hairpins;                     /* address -> number of backends there */
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
	svc_table_unref(TAKE_PTR(n->table));
	svc_claims_fini(&n->claims);
	for (size_t f = 0; f < NFTABLES_FAMILIES; f++) {
		map_fini(&n->classes[f]);
		map_fini(&n->choosers[f]);
		memset(n->has_length[f], 0, sizeof(n->has_length[f]));
	}
	map_fini(&n->hairpins);
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

/* ---- hairpins ---- */

static enum nftables_family family_of(const struct ip_addr *a)
{
	return ip_family(a) == IP_V4 ? NFTABLES_V4 : NFTABLES_V6;
}

static void hairpin_element(struct nftables_elements *to, const struct ip_addr *a)
{
	char e[NFTABLES_STRIDE_MAX];
	size_t len = nftables_element_hairpin(family_of(a), a, e);

	buf_add(&to->set[family_of(a)][NFTABLES_HAIRPINS], e, len);
}

/* Counts an address up or down; true when it came to be or ceased. */
static bool hairpin_count(struct nftables *n, const struct ip_addr *a, int by)
{
	struct str key = str_n((const char *)a->b, sizeof(a->b));
	intptr_t count = (intptr_t)map_get(&n->hairpins, key) + by;

	assert(count >= 0);
	if (count)
		map_put(&n->hairpins, key, (void *)count);
	else
		map_remove(&n->hairpins, key);
	return by > 0 ? count == 1 : count == 0;
}

struct addr_list { /* a VEC */
	struct ip_addr *ptr;
	size_t len, cap;
};

static void hairpins_of(const struct nftables *n, const struct svc_entry *e, struct addr_list *to)
{
	for (size_t i = 0; e && i < e->n_ports; i++) {
		const struct svc_port *p = &e->ports[i];

		if (!svc_claims_owns(&n->claims, e, p, &p->frontends[0]))
			continue;
		for (size_t j = 0; j < p->n_backends; j++)
			if (svc_backend_hairpins(&p->backends[j]))
				*vec_push(to) = p->backends[j].addr;
	}
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
		if (!k->has_layout[f])
			prepare_chains(n, f, config);
	}
}

static void add_node_addrs(struct nftables_elements *e, const struct svc_config *c)
{
	for (size_t i = 0; c->node_ports_on_primary && i < c->n_node_addrs; i++) {
		enum nftables_family f = family_of(&c->node_addrs[i]);
		char out[NFTABLES_STRIDE_MAX];
		size_t len = nftables_element_addr(f, &c->node_addrs[i], out);

		buf_add(&e->set[f][NFTABLES_NODE_ADDRS], out, len);
	}
}

/* What an entry cannot have, for the report. */
static void tell_losses(const struct nftables *n, const struct svc_entry *e,
			struct proxy_results *res)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; res && i < e->n_ports; i++) {
		const struct svc_port *p = &e->ports[i];
		struct proxy_result *r;

		for (size_t j = 0; j < p->n_frontends; j++) {
			const struct svc_frontend *f = &p->frontends[j];

			if (svc_claims_owns(&n->claims, e, p, f))
				continue;
			r = vec_push(&res->failed);
			r->key = e->key;
			err_set(&r->err, ERR_CONFLICT,
				"%s %.*s port %u/%s belongs to another Service; not programmed",
				svc_scope_name(f->scope), STR_ARG(ip_format(&f->addr, text)),
				f->port, api_protocol_name(p->protocol));
		}
		if (!p->is_cut)
			continue;
		r = vec_push(&res->failed);
		r->key = e->key;
		err_set(&r->err, ERR_LIMIT,
			"port %.*s has more than %d endpoints; the first are used",
			STR_ARG(p->name), SVC_BACKENDS_MAX);
	}
}

static int sync_entries(struct nftables *n, const struct nftables_kernel *k,
			const struct svc_table *t, struct proxy_results *res,
			struct buf seen[NFTABLES_FAMILIES][NFTABLES_FILLED], struct err *err)
{
	struct nftables_elements wanted;
	struct addr_list hairpins = {0};
	int r = 0;

	nftables_elements_init(&wanted);
	add_node_addrs(&wanted, t->config);
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		struct svc_entry *e = t->entries[i];

		vec_clear(&hairpins);
		hairpins_of(n, e, &hairpins);
		vec_foreach(a, &hairpins)
			if (hairpin_count(n, a, 1))
				hairpin_element(&wanted, a);
		nftables_elements_add(&wanted, t->config, &n->claims, e);
		tell_losses(n, e, res);
		need_chains(n, t->config, &wanted);
		compare(n, k, &wanted, seen);
		nftables_elements_clear(&wanted);
		if (pending_bytes(n) > n->limit)
			r = commit(n, err);
	}
	if (t->n == 0)
		compare(n, k, &wanted, seen);
	vec_fini(&hairpins);
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
				if (!is_ours_by_demand(*c) || map_get(&used, str_of(*c)) ||
				    map_get(&n->choosers[f], str_of(*c)))
					continue;
				if (pass == 0)
					nft_flush_chain(&n->batch, *c);
				else
					nft_del_chain(&n->batch, *c);
			}
		map_fini(&used);
	}
	IGNORE(nft_batch_commit(&n->batch, &n->nl, NULL, NULL), "the next sync tries again");
}

static int sync_with(struct nftables *n, const struct nftables_kernel *k, const struct svc_table *t,
		     struct proxy_results *res, struct err *err)
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
	svc_claims_rebuild(&n->claims, t);
	put_structure(n, k, t->config);
	r = sync_entries(n, k, t, res, seen, err);
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

static int nftables_sync(struct proxy_backend *b, const struct svc_table *t,
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
	r = sync_with(n, &k, t, res, err);
	if (r == 0) {
		collect_garbage(n, &k);
		n->table = svc_table_ref((struct svc_table *)(uintptr_t)t);
	} else {
		forget(n);
	}
	nftables_kernel_fini(&k);
	return r;
}

/* ---- apply ---- */

static int apply_changes(struct nftables *n, const struct svc_diff *d, struct proxy_results *res,
			 bool *ret_sync, struct err *err)
{
	struct nftables_elements before, after;
	struct addr_list gone = {0}, come = {0};
	int r = 0;

	nftables_elements_init(&before);
	nftables_elements_init(&after);
	vec_foreach(c, &d->changes) {
		nftables_elements_add(&before, d->before->config, &n->claims, c->before);
		hairpins_of(n, c->before, &gone);
	}
	*ret_sync = !svc_claims_apply(&n->claims, d->changes.ptr, d->changes.len);
	vec_foreach(c, &d->changes) {
		nftables_elements_add(&after, d->after->config, &n->claims, c->after);
		hairpins_of(n, c->after, &come);
		if (c->after && !*ret_sync)
			tell_losses(n, c->after, res);
	}
	nftables_elements_sort(&before);
	nftables_elements_sort(&after);
	nftables_elements_diff(&before, &after, &n->del, &n->add);
	*ret_sync |= pending_bytes(n) > n->limit;
	if (!*ret_sync) {
		need_chains(n, d->after->config, &n->add);
		vec_foreach(a, &come)
			if (hairpin_count(n, a, 1))
				hairpin_element(&n->add, a);
		vec_foreach(a, &gone)
			if (hairpin_count(n, a, -1))
				hairpin_element(&n->del, a);
		r = commit(n, err);
	}
	nftables_elements_fini(&before);
	nftables_elements_fini(&after);
	vec_fini(&gone);
	vec_fini(&come);
	return r;
}

static int nftables_apply(struct proxy_backend *b, const struct svc_diff *d,
			  struct proxy_results *res, struct err *err)
{
	struct nftables *n = self_of(b);
	bool needs_sync = !n->table || n->table != d->before || d->is_config_changed;
	int r = 0;

	if (!needs_sync)
		r = apply_changes(n, d, res, &needs_sync, err);
	if (needs_sync)
		return nftables_sync(b, d->after, res, err);
	if (r < 0) {
		forget(n);
		return r;
	}
	svc_table_unref(n->table);
	n->table = svc_table_ref((struct svc_table *)(uintptr_t)d->after);
	return 0;
}

/* ---- the rest of the contract ---- */

static int nftables_dump(struct proxy_backend *b, struct svc_facts *ret, struct err *err)
{
	const struct nftables *n = self_of(b);
	struct nftables_kernel k;
	int r = read_kernel(self_of(b), &k, err);

	if (r < 0)
		return r;
	nftables_kernel_facts(&k, ret);
	if (n->table && k.has_layout[NFTABLES_V4] && k.has_layout[NFTABLES_V6])
		svc_facts_add_config(ret, n->table->config);
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
