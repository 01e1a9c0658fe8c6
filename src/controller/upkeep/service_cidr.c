/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep/service_cidr.h"

#include "base/clock.h"

static bool has_string(const struct json *list, const char *s)
{
	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list)
			if (str_eq_c(json_string(it), s))
				return true;
	return false;
}

static struct str ready_of(const struct json *o)
{
	const struct json *list = json_path(o, "status.conditions");

	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list)
			if (str_eq_c(json_get_string(it, "type"), "Ready"))
				return json_get_string(it, "status");
	return (struct str){0};
}

static void decode(const struct json *o, struct controller_cidr *ret)
{
	const struct json *list = json_path(o, "spec.cidrs");
	struct str deleted = json_string(json_path(o, "metadata.deletionTimestamp"));

	*ret = (struct controller_cidr){
		.object = o,
		.name = json_string(json_path(o, "metadata.name")),
		.is_deleted = deleted.len > 0,
		.has_finalizer =
			has_string(json_path(o, "metadata.finalizers"), CONTROLLER_CIDR_FINALIZER),
		.ready = ready_of(o),
	};
	if (ret->is_deleted && clock_parse(deleted, &ret->deleted_ns, NULL) < 0)
		ret->deleted_ns = 0;
	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list)
		if (ret->n_ranges < CONTROLLER_CIDR_RANGES_MAX &&
		    ip_prefix_parse(json_string(it), &ret->ranges[ret->n_ranges], NULL) >= 0)
			ret->n_ranges++;
}

void controller_cidrs_init(struct controller_cidrs *c, const struct json *list)
{
	const struct json *items = json_get(list, "items");

	*c = (struct controller_cidrs){0};
	if (json_is(items, JSON_ARRAY))
		json_foreach(it, items)
			decode(it, vec_push(&c->all));
}

void controller_cidrs_fini(struct controller_cidrs *c)
{
	vec_fini(&c->all);
}

static bool is_within(const struct ip_prefix *inner, const struct ip_prefix *outer)
{
	return ip_family(&inner->addr) == ip_family(&outer->addr) && inner->len >= outer->len &&
	       ip_prefix_has(outer, &inner->addr);
}

/* Another object, which stays, has the whole range (`range`), or the address (`a`). */
static bool is_elsewhere(const struct controller_cidrs *c, const struct controller_cidr *cidr,
			 const struct ip_prefix *range, const struct ip_addr *a)
{
	vec_foreach(o, &c->all) {
		if (o == cidr || o->is_deleted)
			continue;
		for (size_t i = 0; i < o->n_ranges; i++)
			if (range ? is_within(range, &o->ranges[i])
				  : ip_prefix_has(&o->ranges[i], a))
				return true;
	}
	return false;
}

static bool is_covered(const struct controller_cidrs *c, const struct controller_cidr *cidr)
{
	for (size_t i = 0; i < cidr->n_ranges; i++)
		if (!is_elsewhere(c, cidr, &cidr->ranges[i], NULL))
			return false;
	return true;
}

static bool is_in_use(const struct controller_cidrs *c, const struct controller_cidr *cidr,
		      const struct json *addresses)
{
	const struct json *items = json_get(addresses, "items");

	if (!json_is(items, JSON_ARRAY))
		return true; /* not known: nothing is risked */
	json_foreach(it, items) {
		struct ip_addr a;

		if (ip_parse(json_string(json_path(it, "metadata.name")), &a, NULL) < 0)
			continue;
		for (size_t i = 0; i < cidr->n_ranges; i++)
			if (ip_prefix_has(&cidr->ranges[i], &a) && !is_elsewhere(c, cidr, NULL, &a))
				return true;
	}
	return false;
}

bool controller_cidr_needs_addresses(const struct controller_cidrs *c,
				     const struct controller_cidr *cidr)
{
	return cidr->is_deleted && cidr->has_finalizer && !is_covered(c, cidr);
}

enum controller_cidr_step controller_cidr_next(const struct controller_cidrs *c,
					       const struct controller_cidr *cidr,
					       const struct json *addresses, int64_t now_ns)
{
	if (!cidr->is_deleted) {
		if (!cidr->has_finalizer)
			return CONTROLLER_CIDR_FINALIZE;
		return str_eq_c(cidr->ready, "True") ? CONTROLLER_CIDR_NOTHING
						     : CONTROLLER_CIDR_READY;
	}
	if (!cidr->has_finalizer)
		return CONTROLLER_CIDR_NOTHING;
	if (!is_covered(c, cidr) && is_in_use(c, cidr, addresses))
		return str_eq_c(cidr->ready, "False") ? CONTROLLER_CIDR_NOTHING
						      : CONTROLLER_CIDR_BLOCKED;
	return now_ns - cidr->deleted_ns < CONTROLLER_CIDR_GRACE_MS * INT64_C(1000000)
		       ? CONTROLLER_CIDR_NOTHING
		       : CONTROLLER_CIDR_RELEASE;
}

struct json *controller_cidr_finalizers(struct arena *a, const struct controller_cidr *cidr,
					bool is_added)
{
	const struct json *was = json_path(cidr->object, "metadata.finalizers");
	struct json *patch = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);
	struct json *meta = json_object_at(a, patch, "metadata");

	if (json_is(was, JSON_ARRAY))
		json_foreach(it, was)
			if (!str_eq_c(json_string(it), CONTROLLER_CIDR_FINALIZER))
				json_append(list, json_new_string(a, json_string(it)));
	if (is_added)
		json_append(list, json_new_string(a, STR(CONTROLLER_CIDR_FINALIZER)));
	json_set(meta, "finalizers", list);
	json_set(meta, "resourceVersion",
		 json_new_string(a,
				 json_string(json_path(cidr->object, "metadata.resourceVersion"))));
	return patch;
}

struct json *controller_cidr_status(struct arena *a, bool is_ready, int64_t now_ns)
{
	struct json *patch = json_new(a, JSON_OBJECT), *cond = json_new(a, JSON_OBJECT);
	struct json *list = json_new(a, JSON_ARRAY);
	char now[CLOCK_RFC3339_MAX];
	const char *message = is_ready ? "Kubernetes Service CIDR is ready"
				       : "There are still IPAddresses referencing the ServiceCIDR, "
					 "please remove them or create a new ServiceCIDR";

	json_set(cond, "type", json_new_string(a, STR("Ready")));
	json_set(cond, "status", json_new_string(a, str_of(is_ready ? "True" : "False")));
	json_set(cond, "reason", json_new_string(a, str_of(is_ready ? "" : "Terminating")));
	json_set(cond, "message", json_new_string(a, str_of(message)));
	json_set(cond, "lastTransitionTime",
		 json_new_string(a, str_dup(a, clock_format(now, now_ns, 0))));
	json_append(list, cond);
	json_set(json_object_at(a, patch, "status"), "conditions", list);
	return patch;
}
