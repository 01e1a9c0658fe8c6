/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the kernel's rules are those that we would put. */
#include "proxy/nftables/kernel.h"

static const char *family_name(enum nftables_family f)
{
	return f == NFTABLES_V4 ? "ip" : "ip6";
}

static const struct nftables_kernel_chain *find_chain(const struct nftables_kernel *k,
						      enum nftables_family f, const char *name)
{
	vec_foreach(c, &k->chains[f])
		if (str_eq_c(str_of(c->name), name))
			return c;
	return NULL;
}

/* The rules of one chain, in order. */
struct rule_list { /* a VEC */
	const struct nft_rule_copy **ptr;
	size_t len, cap;
};

static void add_rule(struct map *by_chain, const struct nft_rule_copy *r)
{
	struct rule_list *l = map_get(by_chain, str_of(r->chain));

	if (!l) {
		l = mem_xnew(struct rule_list);
		map_put(by_chain, str_of(r->chain), l);
	}
	*vec_push(l) = r;
}

static void free_list(void *p)
{
	struct rule_list *l = p;

	vec_fini(l);
	free(l);
}

/* The rules for prefix lengths in "ranges" stand in the order in which those were first used. */
static size_t find_rule(const struct rule_list *there, const bool *used,
			const struct nft_rule_copy *wanted)
{
	for (size_t i = 0; i < there->len; i++)
		if (!used[i] && nft_rules_match(wanted, there->ptr[i]))
			return i;
	return SIZE_MAX;
}

static void check_rules(enum nftables_family f, const char *chain, const struct rule_list *wanted,
			const struct rule_list *there, struct svc_facts *out)
{
	bool any_order = str_eq_c(str_of(chain), NFTABLES_RANGES);
	bool *used = mem_xarray(wanted->len, sizeof(*used));

	if (there->len != wanted->len) {
		svc_facts_add_broken(out, "chain %s %s: has %zu rules, not %zu", family_name(f),
				     chain, there->len, wanted->len);
		free(used);
		return;
	}
	for (size_t i = 0; i < wanted->len; i++) {
		/* The last is what the others are exceptions to. */
		bool is_free = any_order && i + 1 < wanted->len;
		size_t at = is_free ? find_rule(there, used, wanted->ptr[i]) : i;

		if (at == SIZE_MAX || !nft_rules_match(wanted->ptr[i], there->ptr[at]))
			svc_facts_add_broken(out, "chain %s %s: rule %zu is another",
					     family_name(f), chain, i + 1);
		else
			used[at] = true;
	}
	free(used);
}

static void check_chain(const struct nftables_kernel *k, enum nftables_family f, const char *chain,
			const struct rule_list *wanted, const struct rule_list *there,
			struct svc_facts *out)
{
	static const struct rule_list none;
	const struct nftables_kernel_chain *c = find_chain(k, f, chain);

	if (!c)
		svc_facts_add_broken(out, "chain %s %s: is missing", family_name(f), chain);
	else if (c->is_wrong)
		svc_facts_add_broken(out, "chain %s %s: is at another hook", family_name(f), chain);
	else if (c->drops)
		svc_facts_add_broken(out, "chain %s %s: drops packets", family_name(f), chain);
	if (c)
		check_rules(f, chain, wanted, there ? there : &none, out);
}

void nftables_kernel_check(const struct nftables_kernel *k, enum nftables_family f,
			   const struct nft_batch *wanted, struct svc_facts *out)
{
	struct map due = {0}, have = {0};
	struct nft_rules rules = {0};

	if (!k->has_layout[f]) {
		svc_facts_add_broken(out, "table %s: is missing", family_name(f));
		return;
	}
	if (k->is_dormant[f])
		svc_facts_add_broken(out, "table %s: is dormant", family_name(f));
	vec_foreach(v, &k->strays[f])
		svc_facts_add_broken(out, "class %s %llx: leads elsewhere", family_name(f),
				     (unsigned long long)*v);
	nft_rules_of_batch(wanted, &rules);
	vec_foreach(r, &rules)
		add_rule(&due, r);
	vec_foreach(r, &k->rules[f])
		add_rule(&have, r);
	map_foreach(x, &due)
		check_chain(k, f, map_key(x).ptr, x->value, map_get(&have, map_key(x)), out);
	map_fini_values(&due, free_list);
	map_fini_values(&have, free_list);
	nft_rules_fini(&rules);
}
