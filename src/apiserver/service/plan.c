/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/plan.h"

#include "api/defaults/service.h"
#include "apiserver/service/claim_list.h"
#include "apiserver/service/family.h"
#include "apiserver/service/patch.h"
#include "apiserver/service/tree.h"
#include "base/map.h"

#define PORTS       "ports"
#define HEALTH_PORT "healthCheckNodePort"

static const struct api_path spec_path = {.name = "spec"};

/* "Internal error occurred: …", as Kubernetes says it. */
static int internal(struct err *err, const char *what, const char *why)
{
	return err_set(err, ERR_INTERNAL, "Internal error occurred: %s: %s", what, why);
}

static struct ip_alloc *pool_of(const struct service_pools *pools, enum ip_family f)
{
	for (size_t i = 0; i < pools->n_ips; i++)
		if (pools->ips[i]->family == f)
			return pools->ips[i];
	return NULL;
}

/* ---- addresses ---- */

static struct json *cluster_ips(struct claim_list *c)
{
	struct json *list = service_tree_get(c->in->object, "clusterIPs");

	if (!json_is(list, JSON_ARRAY)) {
		list = json_new(c->in->a, JSON_ARRAY);
		service_tree_set(c->in->a, c->in->object, "clusterIPs", list);
	}
	return list;
}

static int ip_refused(struct claim_list *c, const char *text, const char *why)
{
	struct api_path p = api_path_child(&spec_path, "clusterIPs");
	struct json *shown = json_clone(c->in->a, cluster_ips(c));
	char detail[256];

	/* With a place for each family. */
	while (shown->count < service_tree_count(c->in->object, "ipFamilies"))
		json_append(shown, json_new_string(c->in->a, STR("")));
	snprintf(detail, sizeof(detail), "failed to allocate IP %s: %s", text, why);
	api_causes_invalid_json(c->causes, &p, shown, detail);
	return ERR_INVALID;
}

/* In a dry run only one range is asked, and says so. */
static const char *why_outside(const struct claim_list *c, const struct ip_alloc *pool,
			       const char *addr)
{
	char range[IP_PREFIX_TEXT_MAX];

	if (!c->in->is_dry_run || !pool || !pool->ranges.len)
		return "the provided network does not match the current range";
	return str_printf(c->in->a,
			  "the provided IP (%s) is not in the valid range. The range of valid IPs "
			  "is %.*s",
			  addr, STR_ARG(ip_prefix_format(&pool->ranges.ptr[0].cidr, range)))
		.ptr;
}

/* The address that the request names. */
static int claim_ip(struct claim_list *c, struct str text)
{
	char canonical[IP_TEXT_MAX];
	struct ip_addr addr;
	const struct ip_alloc *pool;

	if (ip_parse_sloppy(text, &addr, NULL) < 0)
		return ip_refused(c, str_cstr(c->in->a, text), "it is not an IP address");
	ip_format(&addr, canonical);
	pool = pool_of(c->in->pools, ip_family(&addr));
	if (!pool || !ip_alloc_contains(pool, &addr))
		return ip_refused(c, canonical, why_outside(c, pool, canonical));
	if (!c->in->is_dry_run && ip_alloc_has(pool, &addr))
		return ip_refused(c, canonical, "provided IP is already allocated");
	claim_list_add_ip(c, &addr);
	return 0;
}

/* One drawn from the family's range; in a dry run the dummy of section 9, a range's base. */
static int draw_ip(struct claim_list *c, enum ip_family f, struct str *ret_text, struct err *err)
{
	const struct ip_alloc *pool = pool_of(c->in->pools, f);
	char text[IP_TEXT_MAX];
	struct ip_addr addr;

	if (!pool)
		return internal(err, "failed to allocate a serviceIP", "no range of that family");
	if (c->in->is_dry_run && pool->ranges.len) {
		addr = pool->ranges.ptr[0].cidr.addr;
	} else {
		if (!ip_alloc_next(pool, c->in->rand, &addr))
			return internal(err, "failed to allocate a serviceIP", "range is full");
		claim_list_add_ip(c, &addr);
	}
	*ret_text = str_dup(c->in->a, ip_format(&addr, text));
	return 0;
}

/* The address of family i: the one that is given, or a new one. */
static int take_ip(struct claim_list *c, size_t i, struct err *err)
{
	struct json *list = cluster_ips(c), *given = json_at(list, i);
	struct str text = json_string(given);
	int r;

	if (text.len)
		return claim_ip(c, text);
	r = draw_ip(c, service_family_parse(service_tree_at(c->in->object, "ipFamilies", i)), &text,
		    err);
	if (r < 0)
		return r;
	if (given) {
		given->type = JSON_STRING;
		given->string = text;
	} else {
		json_append(list, json_new_string(c->in->a, text));
	}
	return 0;
}

static int take_all_ips(struct claim_list *c, struct err *err)
{
	size_t n = service_tree_count(c->in->object, "ipFamilies");

	if (service_tree_is_headless(c->in->object))
		return 0;
	for (size_t i = 0; i < n; i++) {
		int r = take_ip(c, i, err);

		if (r < 0)
			return r;
	}
	service_tree_set(
		c->in->a, c->in->object, "clusterIP",
		json_new_string(c->in->a, service_tree_at(c->in->object, "clusterIPs", 0)));
	return 0;
}

static void release_ips(struct claim_list *c, const struct json *old, size_t from)
{
	struct ip_addr addr;

	for (size_t i = from; i < service_tree_count(old, "clusterIPs"); i++)
		if (ip_parse_sloppy(service_tree_at(old, "clusterIPs", i), &addr, NULL) >= 0)
			claim_list_release_ip(c, old, &addr);
}

/* Only a second family comes or goes; a changed address is not claimed: validation refuses it. */
static int update_ips(struct claim_list *c, struct err *err)
{
	const struct json *old = c->in->old;
	size_t was = service_tree_count(old, "ipFamilies");
	size_t is = service_tree_count(c->in->object, "ipFamilies");

	if (service_tree_is_external_name(c->in->object)) {
		release_ips(c, old, 0);
		return 0;
	}
	if (service_tree_is_headless(old))
		return 0;
	if (was == 1 && is == 2)
		return take_ip(c, 1, err);
	if (was == 2 && is == 1)
		release_ips(c, old, 1);
	return 0;
}

static int plan_ips(struct claim_list *c, struct err *err)
{
	const struct service_plan_input *in = c->in;
	struct service_family_input family = {.a = in->a, .old = in->old, .object = in->object};
	enum service_family_result result;
	int r;

	for (size_t i = 0; i < in->pools->n_ips; i++)
		family.families[family.n_families++] = in->pools->ips[i]->family;
	r = service_family_set(&family, c->causes, &result);
	if (r < 0)
		return r;
	if (result == SERVICE_FAMILY_KEEP && !service_tree_is_external_name(in->object))
		return 0;
	if (in->old && !service_tree_is_external_name(in->old))
		return update_ips(c, err);
	return service_tree_is_external_name(in->object) ? 0 : take_all_ips(c, err);
}

/* ---- node ports ---- */

enum {
	WHY_MAX = 96,
};

/* False: it may not be claimed, and why. */
static bool claim_port(struct claim_list *c, int64_t number, bool is_health_check,
		       char why[WHY_MAX])
{
	const struct port_alloc *pool = c->in->pools->ports;
	bool is_u16 = number > 0 && number <= UINT16_MAX;

	if (port_alloc_has(pool, number) || claim_list_has_port(c, number)) {
		snprintf(why, WHY_MAX, "provided port is already allocated");
		return false;
	}
	/* A dry run does not look at the range (section 9). */
	if (!c->in->is_dry_run && !port_alloc_contains(pool, number)) {
		snprintf(why, WHY_MAX,
			 "provided port is not in the valid range. The range of valid ports is "
			 "%u-%u",
			 pool->first, pool->last);
		return false;
	}
	if (is_u16)
		claim_list_add_port(c, (uint16_t)number, is_health_check);
	return true;
}

static bool is_claimed_here(const void *ctx, uint16_t port)
{
	return claim_list_has_port(ctx, port);
}

static bool draw_port(struct claim_list *c, bool is_health_check, uint16_t *ret)
{
	if (c->in->is_dry_run) {
		unsigned port = c->highest ? c->highest + 1u : SERVICE_PLAN_DRY_RUN_PORT;

		if (port > UINT16_MAX)
			return false;
		*ret = (uint16_t)port;
	} else if (!port_alloc_next(c->in->pools->ports, c->in->rand, is_claimed_here, c, ret)) {
		return false;
	}
	claim_list_add_port(c, *ret, is_health_check);
	return true;
}

static int64_t node_port(const struct json *port)
{
	return json_get_int(port, "nodePort", 0);
}

static int set_drawn(struct claim_list *c, struct json *port, struct err *err)
{
	uint16_t number;

	if (!draw_port(c, false, &number))
		return internal(err, "failed to allocate a nodePort", "range is full");
	json_set(port, "nodePort", json_new_int(c->in->a, number));
	return 0;
}

static int claim_named(struct claim_list *c, size_t i, int64_t number)
{
	struct api_path ports = api_path_child(&spec_path, PORTS), at = api_path_at(&ports, i);
	struct api_path p = api_path_child(&at, "nodePort");
	char why[WHY_MAX];

	if (claim_port(c, number, false, why))
		return 0;
	api_causes_invalid_int(c->causes, &p, number, why);
	return ERR_INVALID;
}

static int64_t port_number(const struct json *port)
{
	return json_get_int(port, "port", 0);
}

/* The node port that the ports of one number (TCP 53, UDP 53) share. */
struct shared {
	int64_t node_port; /* the first that any of them asks for, or that was drawn */
	bool is_claimed;
};

static struct shared *shared_of(const struct map *m, const struct json *port)
{
	int64_t number = port_number(port);

	return map_get(m, str_n((const char *)&number, sizeof(number)));
}

static void share(struct arena *a, struct map *m, const struct json *port, bool is_claimed)
{
	struct shared *s = arena_new(a, struct shared);
	int64_t number = port_number(port);

	*s = (struct shared){node_port(port), is_claimed};
	map_put(m, str_n((const char *)&number, sizeof(number)), s);
}

static int create_port(struct claim_list *c, struct map *m, struct json *port, size_t i,
		       struct err *err)
{
	struct shared *s;
	int r;

	if (!node_port(port) && !service_tree_wants_node_ports(c->in->object))
		return 0;
	s = shared_of(m, port);
	if (!s) {
		r = set_drawn(c, port, err);
		share(c->in->a, m, port, true);
		return r;
	}
	if (!node_port(port))
		json_set(port, "nodePort", json_new_int(c->in->a, s->node_port));
	if (s->is_claimed && node_port(port) == s->node_port)
		return 0;
	s->is_claimed = true;
	return claim_named(c, i, node_port(port));
}

static int create_ports(struct claim_list *c, const struct json *ports, struct err *err)
{
	struct map m = {0};
	size_t i = 0;
	int r = 0;

	for (const struct json *p = ports->first; p; p = p->next)
		if (node_port(p) && !shared_of(&m, p))
			share(c->in->a, &m, p, false);
	for (struct json *p = ports->first; p && !r; p = p->next, i++)
		if (json_is(p, JSON_OBJECT))
			r = create_port(c, &m, p, i, err);
	map_fini(&m);
	return r;
}

/* The node ports of a Service (NULL: none). */
static void find_owned(const struct json *service, struct port_set *ret)
{
	struct json *ports = service_tree_get(service, PORTS);

	*ret = (struct port_set){0};
	if (service_tree_has_node_ports(service) && json_is(ports, JSON_ARRAY))
		json_foreach(p, ports)
			port_set_add(ret, node_port(p));
}

/* Two ports of one protocol cannot share: a plain 500, as Kubernetes has it. */
static int check_duplicates(struct claim_list *c, const struct json *ports, struct err *err)
{
	struct map seen = {0};
	int r = 0;

	for (struct json *p = ports->first; p && !r; p = p->next) {
		struct str protocol = json_get_string(p, "protocol");
		char number[24];
		struct str key;

		if (!node_port(p))
			continue;
		snprintf(number, sizeof(number), "%lld", (long long)node_port(p));
		key = str_printf(c->in->a, "%s %.*s", number, STR_ARG(protocol));
		if (!map_put(&seen, key, p))
			continue;
		c->is_plain = true;
		r = err_set(err, ERR_INTERNAL, "duplicate nodePort: {%.*s %s}", STR_ARG(protocol),
			    number);
	}
	map_fini(&seen);
	return r;
}

/* No sharing here: a blank one draws its own; what the Service has or has just got is its. */
static int update_port(struct claim_list *c, const struct port_set *owned, struct json *port,
		       size_t i, struct err *err)
{
	int64_t number = node_port(port);

	if (!number)
		return service_tree_wants_node_ports(c->in->object) ? set_drawn(c, port, err) : 0;
	if (port_set_has(owned, number) || claim_list_has_port(c, number))
		return 0;
	return claim_named(c, i, number);
}

static int update_ports(struct claim_list *c, const struct json *ports, struct err *err)
{
	struct port_set owned;
	size_t i = 0;
	int r = 0;

	find_owned(c->in->old, &owned);
	for (struct json *p = ports->first; p && !r; p = p->next, i++)
		if (json_is(p, JSON_OBJECT))
			r = update_port(c, &owned, p, i, err);
	return r ? r : check_duplicates(c, ports, err);
}

static void release_ports(struct claim_list *c, const struct json *old, const struct json *keep)
{
	struct json *ports = service_tree_get(old, PORTS);
	struct port_set kept;

	if (!service_tree_has_node_ports(old) || !json_is(ports, JSON_ARRAY))
		return;
	find_owned(keep, &kept);
	json_foreach(p, ports)
		if (node_port(p) && !port_set_has(&kept, node_port(p)))
			claim_list_release_port(c, old, node_port(p));
}

static int plan_ports(struct claim_list *c, struct err *err)
{
	struct json *object = c->in->object, *ports = service_tree_get(object, PORTS);
	int r = 0;

	if (service_tree_has_node_ports(object) && json_is(ports, JSON_ARRAY))
		r = c->in->old ? update_ports(c, ports, err) : create_ports(c, ports, err);
	if (!r && c->in->old)
		release_ports(c, c->in->old, object);
	return r;
}

/* ---- the health check's port ---- */

static int plan_health_check(struct claim_list *c, struct err *err)
{
	struct json *object = c->in->object;
	bool was = service_tree_needs_health_check(c->in->old);
	bool is = service_tree_needs_health_check(object);
	int64_t number = service_tree_int(object, HEALTH_PORT);
	uint16_t drawn;
	char what[96], why[WHY_MAX];

	if (was && !is)
		claim_list_release_port(c, c->in->old, service_tree_int(c->in->old, HEALTH_PORT));
	if (was || !is)
		return 0;
	if (number) {
		snprintf(what, sizeof(what),
			 "failed to allocate requested HealthCheck NodePort %lld",
			 (long long)number);
		return claim_port(c, number, true, why) ? 0 : internal(err, what, why);
	}
	if (!draw_port(c, true, &drawn))
		return internal(err, "failed to allocate a HealthCheck NodePort", "range is full");
	service_tree_set(c->in->a, object, HEALTH_PORT, json_new_int(c->in->a, drawn));
	return 0;
}

/* ---- all of it ---- */

static int check_limit(struct claim_list *c)
{
	struct api_path p = api_path_child(&spec_path, PORTS);
	size_t n = c->add.len;

	if (n <= SERVICE_PLAN_CLAIMS_MAX)
		return 0;
	api_causes_too_many(c->causes, &p, n, SERVICE_PLAN_CLAIMS_MAX);
	return ERR_INVALID;
}

static int make(struct claim_list *c, struct err *err)
{
	const struct service_plan_input *in = c->in;
	int r;

	if (in->old)
		service_patch_keep(in->a, in->old, in->object);
	api_default_cluster_ips(in->a, in->old, in->object);
	r = plan_ips(c, err);
	if (!r)
		r = plan_ports(c, err);
	if (!r)
		r = plan_health_check(c, err);
	if (!r)
		r = check_limit(c);
	if (!r)
		service_patch_drop(in->a, in->old, in->object);
	return r;
}

int service_plan_make(const struct service_plan_input *in, struct service_plan *ret,
		      struct api_causes *causes, struct err *err)
{
	struct claim_list c;
	int r;

	claim_list_init(&c, in, causes);
	r = make(&c, err);
	if (r == ERR_INVALID)
		err_set(err, r, "the Service's addresses or ports are not valid");
	/* A dry run has counted what it would claim and claims nothing. */
	claim_list_take(&c, !r && !in->is_dry_run, ret);
	return r;
}

void service_plan_delete(struct arena *a, const struct json *old, const struct service_pools *pools,
			 struct service_plan *ret)
{
	struct service_plan_input in = {.a = a, .pools = pools};
	struct claim_list c;

	claim_list_init(&c, &in, NULL);
	if (!service_tree_is_external_name(old))
		release_ips(&c, old, 0);
	release_ports(&c, old, NULL);
	if (service_tree_needs_health_check(old))
		claim_list_release_port(&c, old, service_tree_int(old, HEALTH_PORT));
	claim_list_take(&c, true, ret);
}

/* ---- holds ---- */

static void each_hold(const struct service_pools *pools, const struct service_plan *plan,
		      void (*ip)(struct ip_alloc *, const struct ip_addr *),
		      void (*port)(struct port_alloc *, uint16_t))
{
	for (size_t i = 0; i < plan->n_add; i++) {
		const struct service_claim *c = &plan->add[i];

		if (c->is_port)
			port(pools->ports, c->port);
		for (size_t j = 0; j < pools->n_ips && !c->is_port; j++)
			ip(pools->ips[j], &c->ip);
	}
}

void service_plan_hold(const struct service_pools *pools, const struct service_plan *plan)
{
	each_hold(pools, plan, ip_alloc_hold, port_alloc_hold);
}

void service_plan_drop(const struct service_pools *pools, const struct service_plan *plan)
{
	each_hold(pools, plan, ip_alloc_drop, port_alloc_drop);
}
