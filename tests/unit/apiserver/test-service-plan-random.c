/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Random creates, updates and deletes of Services on a small dual-stack cluster: after each, every
 * address and node port that a Service has is claimed by it and by nobody else, and nothing else is
 * claimed. What validation would refuse is dropped, as the API server does.
 */

#include "api/rules/validate.h"
#include "apiserver/service/plan.h"
#include "apiserver/service/tree.h"
#include "tests/unit/apiserver/plan-fixture.h"

enum {
	SERVICES = 12,
	STEPS = 1500,
};

struct world {
	struct plan_fixture f;
	struct json *services[SERVICES];
	struct arena arenas[SERVICES]; /* what `services` lives in */
	unsigned n_done, n_refused;
};

static uint64_t pick(struct world *w, uint64_t n)
{
	return rand_below(&w->f.rand, n);
}

static void random_ports(struct world *w, struct buf *b)
{
	uint64_t n = 1 + pick(w, 3);

	buf_add_c(b, "'ports':[");
	for (uint64_t i = 0; i < n; i++) {
		buf_printf(b, "%s{'name':'%c','port':%u,'protocol':'%s'", i ? "," : "",
			   (int)('a' + i), (unsigned)(50 + pick(w, 2)), i % 2 ? "UDP" : "TCP");
		if (!pick(w, 3))
			buf_printf(b, ",'nodePort':%u", (unsigned)(30000 + pick(w, 20)));
		buf_add_c(b, "}");
	}
	buf_add_c(b, "]");
}

static void random_spec(struct world *w, struct buf *b)
{
	static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer",
					    "ExternalName"};
	static const char *const policies[] = {"SingleStack", "PreferDualStack",
					       "RequireDualStack"};

	buf_printf(b, "{'type':'%s','externalName':'example.com',", types[pick(w, 4)]);
	random_ports(w, b);
	if (!pick(w, 2))
		buf_printf(b, ",'ipFamilyPolicy':'%s'", policies[pick(w, 3)]);
	if (!pick(w, 4))
		buf_printf(b, ",'clusterIP':'10.0.0.%u'", (unsigned)pick(w, 20));
	if (!pick(w, 8))
		buf_add_c(b, ",'clusterIP':'None'");
	if (!pick(w, 3))
		buf_add_c(b, ",'externalTrafficPolicy':'Local'");
	if (!pick(w, 5))
		buf_printf(b, ",'healthCheckNodePort':%u", (unsigned)(30000 + pick(w, 20)));
	buf_add_c(b, "}");
}

static struct json *clone_into(struct arena *a, const struct json *o)
{
	arena_fini(a);
	arena_init(a, 0);
	return json_clone(a, o);
}

static bool is_valid(struct world *w, const struct json *old, const struct json *o)
{
	const struct api_kind *kind = api_kind_of("Service");
	struct api_causes causes;

	api_causes_init(&causes, &w->f.a);
	if (old)
		api_validate_update(kind, old, o, &causes);
	else
		api_validate_create(kind, o, &causes);
	return !causes.n;
}

static void change(struct world *w, size_t at)
{
	struct buf b = BUF_INIT;
	char name[16];
	struct json *o;

	snprintf(name, sizeof(name), "svc-%zu", at);
	random_spec(w, &b);
	o = plan_service(&w->f, name, b.ptr);
	buf_fini(&b);
	if (plan_make(&w->f, w->services[at], o, false) < 0 || !is_valid(w, w->services[at], o)) {
		w->n_refused++;
		return;
	}
	plan_commit(&w->f, o);
	w->services[at] = clone_into(&w->arenas[at], o);
	api_default_service_on_read(&w->arenas[at], w->services[at], IP_V4);
	w->n_done++;
}

static void delete (struct world *w, size_t at)
{
	if (!w->services[at])
		return;
	service_plan_delete(&w->f.a, w->services[at], &w->f.pools, &w->f.plan);
	plan_commit(&w->f, w->services[at]);
	w->services[at] = NULL;
}

/* Counts what the Services have, and checks that each is claimed by its own. */
struct census {
	size_t n_ips, n_ports;
	bool ports[65536];
};

static void count_ips(struct world *w, const struct json *o, struct str owner, struct census *c)
{
	for (size_t i = 0; i < service_tree_count(o, "clusterIPs"); i++) {
		struct str text = service_tree_at(o, "clusterIPs", i);
		struct ip_addr a;
		const struct ip_alloc *p;

		if (ip_parse(text, &a, NULL) < 0)
			continue;
		p = &w->f.ips[ip_family(&a) == IP_V6];
		ASSERT_STR(ip_alloc_owner(p, &a), owner);
		c->n_ips++;
	}
}

static void count_port(struct world *w, int64_t port, struct str owner, struct census *c)
{
	if (!port)
		return;
	ASSERT_STR(port_alloc_owner(&w->f.ports, port), owner);
	c->n_ports += !c->ports[port];
	c->ports[port] = true;
}

static void check(struct world *w)
{
	struct census *c = mem_xnew(struct census);
	size_t n_ports = 0;

	for (size_t i = 0; i < SERVICES; i++) {
		const struct json *o = w->services[i];
		char owner[32];

		if (!o)
			continue;
		snprintf(owner, sizeof(owner), "default/svc-%zu", i);
		count_ips(w, o, str_of(owner), c);
		if (service_tree_has_node_ports(o))
			json_foreach(p, service_tree_get(o, "ports"))
				count_port(w, json_get_int(p, "nodePort", 0), str_of(owner), c);
		count_port(w, service_tree_int(o, "healthCheckNodePort"), str_of(owner), c);
	}
	/* One owner each, so equal counts mean that nothing is claimed twice or leaked. */
	ASSERT_EQ(map_len(&w->f.ips[0].taken) + map_len(&w->f.ips[1].taken), c->n_ips);
	for (int64_t port = 30000; port <= 32767; port++)
		n_ports += port_alloc_has(&w->f.ports, port);
	ASSERT_EQ(n_ports, c->n_ports);
	free(c);
}

static void walk(uint64_t seed)
{
	struct world *w = mem_xnew(struct world);

	plan_fixture_init(&w->f, "10.0.0.0/27", "2001:db8::/120");
	rand_seed(&w->f.rand, seed);
	for (unsigned step = 0; step < STEPS; step++) {
		size_t at = pick(w, SERVICES);

		if (pick(w, 5))
			change(w, at);
		else
			delete (w, at);
		check(w);
		arena_clear(&w->f.a);
	}
	ASSERT_TRUE(w->n_done > STEPS / 20);
	ASSERT_TRUE(w->n_refused > STEPS / 20);
	for (size_t i = 0; i < SERVICES; i++)
		delete (w, i);
	check(w);
	for (size_t i = 0; i < SERVICES; i++)
		arena_fini(&w->arenas[i]);
	plan_fixture_fini(&w->f);
	free(w);
}

TEST(nothing_is_given_twice_and_nothing_leaks)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		walk(seed);
}
