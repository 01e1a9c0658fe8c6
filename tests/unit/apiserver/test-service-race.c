/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several servers, each with pools of its own fed by a watch of its own, create and delete Services
 * in one store at the same time, on ranges that are nearly full. Whoever loses a claim plans again.
 * In the end every address and node port in the store belongs to the one Service that has it.
 */

#include "apiserver/service/tree.h"
#include "loop/loop.h"
#include "store/store.h"
#include "tests/unit/apiserver/plan-fixture.h"

enum {
	SERVERS = 3,
	NAMES = 40,
	EACH = 400,   /* requests of a server */
	WAITING = 10, /* of which under way at once */
	OPS_MAX = 16,
	DEADLINE_MS = 25000,
};

struct race {
	struct loop *loop;
	struct store *store;
	unsigned n_waiting, n_created, n_deleted, n_lost, n_full;
};

struct server {
	struct race *race;
	struct plan_fixture f;
	struct store_watch *watch;
	struct json *services[NAMES]; /* as the watch has told */
	uint64_t revs[NAMES];
	unsigned n_left;
};

struct request {
	struct server *s;
	unsigned name;
	bool is_delete;
	struct service_plan plan;
};

static struct str service_key(struct server *s, unsigned name)
{
	return str_printf(&s->f.a, "/registry/services/default/svc-%u", name);
}

static void on_event(void *ctx, int r, const struct store_event *events, size_t n, uint64_t rev,
		     const struct err *err)
{
	struct server *s = ctx;
	struct str prefix = STR("/registry/services/default/svc-");

	ASSERT_EQ(r, 0);
	for (size_t i = 0; i < n; i++) {
		uint64_t name;

		service_pools_event(&s->f.pools, events[i].key, bytes_str(events[i].value), 1);
		if (!str_has_prefix(events[i].key, prefix))
			continue;
		ASSERT_EQ(
			str_to_u64(str_skip(events[i].key, prefix.len), 0, NAMES - 1, &name, NULL),
			0);
		s->services[name] = NULL;
		s->revs[name] = events[i].value ? rev : 0;
		if (events[i].value)
			ASSERT_EQ(json_parse(&s->f.a, bytes_str(events[i].value), 0,
					     &s->services[name], NULL),
				  0);
	}
}

static struct bytes *encode(const struct json *o)
{
	struct buf b = BUF_INIT;
	struct bytes *ret;

	json_write(&b, o);
	ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void submit(struct server *s);
static void run(struct request *q);

static void on_txn(void *ctx, int r, const struct store_txn_result *res, const struct err *err)
{
	struct request *q = ctx;
	struct server *s = q->s;

	service_plan_drop(&s->f.pools, &q->plan);
	s->race->n_waiting--;
	/* The name itself is the first compare: somebody else was quicker with it. */
	if (r == ERR_CONFLICT && res->failed) {
		s->race->n_lost++;
		run(q);
		return;
	}
	ASSERT_TRUE(r == 0 || r == ERR_CONFLICT);
	s->race->n_created += !r && !q->is_delete;
	s->race->n_deleted += !r && q->is_delete;
	free(q);
	submit(s);
}

static void send(struct request *q, const struct json *object)
{
	struct server *s = q->s;
	struct store_compare compares[OPS_MAX];
	struct store_op ops[OPS_MAX];
	size_t n_compares = 0, n_ops = 0;

	compares[n_compares++] = (struct store_compare){service_key(s, q->name),
							q->is_delete ? s->revs[q->name] : 0};
	ops[n_ops++] =
		(struct store_op){service_key(s, q->name), q->is_delete ? NULL : encode(object)};
	ASSERT_TRUE(1 + q->plan.n_add + q->plan.n_release <= OPS_MAX);
	for (size_t i = 0; i < q->plan.n_add; i++) {
		struct str key = service_claim_key(&s->f.a, &q->plan.add[i]);

		compares[n_compares++] = (struct store_compare){key, 0};
		ops[n_ops++] = (struct store_op){
			key, encode(service_claim_value(&s->f.a, &q->plan.add[i], object, 0))};
	}
	for (size_t i = 0; i < q->plan.n_release; i++)
		ops[n_ops++] =
			(struct store_op){service_claim_key(&s->f.a, &q->plan.release[i]), NULL};
	service_plan_hold(&s->f.pools, &q->plan);
	s->race->n_waiting++;
	store_txn(s->race->store, &(struct store_txn){compares, n_compares, ops, n_ops}, on_txn, q);
	for (size_t i = 0; i < n_ops; i++)
		bytes_unref(ops[i].value);
}

static void run(struct request *q)
{
	struct server *s = q->s;
	struct json *o;
	char name[16];

	snprintf(name, sizeof(name), "svc-%u", q->name);
	o = plan_service(&s->f, name,
			 "{'type':'LoadBalancer','externalTrafficPolicy':'Local',"
			 "'ipFamilyPolicy':'PreferDualStack','ports':[{'port':80}]}");
	if (plan_make(&s->f, NULL, o, false) < 0) {
		s->race->n_full++;
		free(q);
		submit(s);
		return;
	}
	q->plan = s->f.plan;
	send(q, o);
}

/* The next request of a server: a name at random is created, or deleted when it is there. */
static void submit(struct server *s)
{
	struct request *q;

	while (s->n_left) {
		unsigned name = (unsigned)rand_below(&s->f.rand, NAMES);

		s->n_left--;
		q = mem_xnew(struct request);
		*q = (struct request){.s = s, .name = name, .is_delete = s->services[name] != NULL};
		if (!q->is_delete) {
			run(q);
			return;
		}
		service_plan_delete(&s->f.a, s->services[name], &s->f.pools, &q->plan);
		send(q, NULL);
		return;
	}
}

struct census {
	bool is_done;
	struct plan_fixture *f; /* counts the claims of the store anew */
	size_t n_claims, n_used;
};

static void on_all(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct census *c = ctx;
	struct str services = STR("/registry/services/");

	ASSERT_EQ(r, 0);
	c->is_done = true;
	for (size_t i = 0; i < range->n; i++) {
		c->n_claims += !str_has_prefix(range->kvs[i].key, services);
		service_pools_event(&c->f->pools, range->kvs[i].key, bytes_str(range->kvs[i].value),
				    1);
	}
	for (size_t i = 0; i < range->n; i++) {
		struct service_plan plan;
		struct json *o;

		if (!str_has_prefix(range->kvs[i].key, services))
			continue;
		ASSERT_EQ(json_parse(&c->f->a, bytes_str(range->kvs[i].value), 0, &o, NULL), 0);
		/* What it would release is what it owns: an address, one of IPv6, two ports. */
		service_plan_delete(&c->f->a, o, &c->f->pools, &plan);
		ASSERT_EQ(plan.n_release, 4);
		ASSERT_EQ(service_tree_count(o, "clusterIPs"), 2);
		c->n_used += plan.n_release;
	}
}

static void wait_until(struct race *x, const unsigned *waiting, const bool *flag)
{
	int64_t end = clock_mono_ms(&clock_system) + DEADLINE_MS;

	while (waiting ? *waiting : !*flag) {
		ASSERT_TRUE(clock_mono_ms(&clock_system) < end);
		loop_turn(x->loop, 100);
	}
}

static void check_store(struct race *x)
{
	struct plan_fixture f;
	struct census c = {.f = &f};

	plan_fixture_init(&f, "10.0.0.0/27", "2001:db8::/112");
	store_range(x->store, STR("/registry/"), (struct str){0}, 0, 0, on_all, &c);
	wait_until(x, NULL, &c.is_done);
	ASSERT_EQ(c.n_claims, c.n_used);
	plan_fixture_fini(&f);
}

static void race(struct race *x)
{
	struct server *servers = mem_xarray(SERVERS, sizeof(*servers));

	for (unsigned i = 0; i < SERVERS; i++) {
		struct server *s = &servers[i];

		s->race = x;
		s->n_left = EACH;
		plan_fixture_init(&s->f, "10.0.0.0/27", "2001:db8::/112");
		rand_seed(&s->f.rand, i + 1);
		s->watch = store_watch(x->store, STR("/registry/"), store_current_rev(x->store),
				       on_event, s);
	}
	for (unsigned i = 0; i < SERVERS * WAITING; i++)
		submit(&servers[i % SERVERS]);
	wait_until(x, &x->n_waiting, NULL);
	check_store(x);
	ASSERT_TRUE(x->n_created > 100 && x->n_deleted > 100);
	ASSERT_TRUE(x->n_lost > 10);
	ASSERT_TRUE(x->n_full > 0);
	for (unsigned i = 0; i < SERVERS; i++) {
		store_watch_close(x->store, servers[i].watch);
		plan_fixture_fini(&servers[i].f);
	}
	free(servers);
	store_close(x->store);
	loop_turn(x->loop, 0);
	loop_free(x->loop);
}

TEST(in_memory)
{
	struct race x = {.loop = loop_new()};

	x.store = store_memory_new(x.loop);
	race(&x);
}

TEST(on_disk)
{
	struct race x = {.loop = loop_new()};
	struct err err;

	ASSERT_OK(store_sqlite_open(x.loop, test_tmpdir(), &x.store, &err));
	race(&x);
}
