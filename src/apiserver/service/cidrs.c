/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/cidrs.h"

enum {
	CIDRS_MAX = 2, /* of one object: validation lets no more in */
};

struct service_cidr {
	bool is_usable;
	struct ip_prefix cidrs[CIDRS_MAX];
	size_t n_cidrs;
};

void service_cidrs_fini(struct service_cidrs *c)
{
	map_fini_values(&c->by_name, free);
}

static bool is_usable(const struct json *o)
{
	const struct json *list = json_path(o, "status.conditions");

	if (!json_is_null(json_path(o, "metadata.deletionTimestamp")))
		return false;
	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list)
			if (str_eq_c(json_get_string(it, "type"), "Ready"))
				return str_eq_c(json_get_string(it, "status"), "True");
	return true;
}

static struct service_cidr *decode(struct str value)
{
	struct service_cidr *ret = mem_xnew(struct service_cidr);
	const struct json *list;
	struct json *o;
	struct arena a;

	arena_init(&a, 0);
	if (json_parse(&a, value, JSON_BORROW, &o, NULL) >= 0) {
		list = json_path(o, "spec.cidrs");
		ret->is_usable = is_usable(o);
		for (size_t i = 0; json_is(list, JSON_ARRAY) && i < list->count; i++) {
			struct str text = json_string(json_at(list, i));

			if (ret->n_cidrs < CIDRS_MAX &&
			    ip_prefix_parse(text, &ret->cidrs[ret->n_cidrs], NULL) >= 0)
				ret->n_cidrs++;
		}
	}
	arena_fini(&a);
	return ret;
}

bool service_cidrs_event(struct service_cidrs *c, struct str key, struct str value)
{
	struct str prefix = STR(SERVICE_CIDRS_PREFIX), name = str_skip(key, prefix.len);

	if (!str_has_prefix(key, prefix))
		return false;
	free(str_is_set(value) ? map_put(&c->by_name, name, decode(value))
			       : map_remove(&c->by_name, name));
	return true;
}

void service_cidrs_fill(const struct service_cidrs *c, const struct service_pools *pools)
{
	for (size_t i = 0; i < pools->n_ips; i++)
		ip_alloc_clear_ranges(pools->ips[i]);
	map_foreach(e, &c->by_name) {
		const struct service_cidr *cidr = e->value;

		for (size_t i = 0; cidr->is_usable && i < cidr->n_cidrs; i++)
			for (size_t j = 0; j < pools->n_ips; j++)
				IGNORE(ip_alloc_add_range(pools->ips[j], &cidr->cidrs[i], NULL),
				       "of the other family, or one that cannot be served");
	}
}

bool service_cidrs_contain(const struct service_cidrs *c, const struct ip_addr *a)
{
	struct ip_alloc one;
	bool is_in = false;

	map_foreach(e, &c->by_name) {
		const struct service_cidr *cidr = e->value;

		for (size_t i = 0; i < cidr->n_cidrs; i++) {
			ip_alloc_init(&one, ip_family(a));
			is_in = is_in || (ip_alloc_add_range(&one, &cidr->cidrs[i], NULL) >= 0 &&
					  ip_alloc_contains(&one, a));
			ip_alloc_fini(&one);
		}
	}
	return is_in;
}
