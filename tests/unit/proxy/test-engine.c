/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/engine.h"

#include "client/client.h"
#include "tests/unit/client/fake.h"

#include <string.h>

enum {
	TURNS_MAX = 500, /* of 10 ms */
};

/* A back end that only counts, and fails when it is told to. */
struct kernel {
	struct proxy_backend base;
	int syncs, applies, services;
	bool is_broken;
};

static int take(struct proxy_backend *b, const struct svc_table *t, struct err *err)
{
	struct kernel *k = CONTAINER_OF(b, struct kernel, base);

	if (k->is_broken)
		return err_set(err, ERR_INTERNAL, "broken for the test");
	k->services = (int)t->n;
	return 0;
}

static int kernel_sync(struct proxy_backend *b, const struct svc_table *t,
		       struct proxy_results *res, struct err *err)
{
	CONTAINER_OF(b, struct kernel, base)->syncs++;
	return take(b, t, err);
}

static int kernel_apply(struct proxy_backend *b, const struct svc_diff *d,
			struct proxy_results *res, struct err *err)
{
	CONTAINER_OF(b, struct kernel, base)->applies++;
	return take(b, d->after, err);
}

static const struct proxy_ops kernel_ops = {.sync = kernel_sync, .apply = kernel_apply};

struct fixture {
	struct fake fake;
	struct loop *loop;
	struct client *client;
	struct kernel kernel;
	struct proxy_engine *engine;
	struct fake_call *services, *slices, *node; /* the watches */
};

#define NODE(rv, beat)                                                                             \
	"{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"resourceVersion\":\"" rv                  \
	"\",\"annotations\":{\"beat\":\"" beat "\"}}}"
#define SERVICE(rv)                                                                                \
	"{\"metadata\":{\"name\":\"dns\",\"namespace\":\"d\",\"uid\":\"u2\","                      \
	"\"resourceVersion\":\"" rv "\"},\"spec\":{\"clusterIP\":\"10.96.0.10\","                  \
	"\"clusterIPs\":[\"10.96.0.10\"],\"ipFamilies\":[\"IPv4\"],\"ports\":[{\"port\":53,"       \
	"\"protocol\":\"UDP\"}]}}"

static void turn_until_idle(struct fixture *f)
{
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 1);
}

/* Answers the three lists and keeps the watches that follow. */
static void answer_lists(struct fixture *f)
{
	while (!f->services || !f->slices || !f->node) {
		struct fake_call *c = fake_next(&f->fake, f->loop);
		struct fake_call **watch = strstr(c->target, "/services")         ? &f->services
					   : strstr(c->target, "/endpointslices") ? &f->slices
										  : &f->node;

		if (strstr(c->target, "watch=")) {
			fake_head(c, 200);
			*watch = c;
			continue;
		}
		fake_answer(c, 200,
			    watch == &f->services ? "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[" SERVICE("4") "]}"
			    : watch == &f->slices ? "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[]}"
						  : "{\"metadata\":{\"resourceVersion\":\"5\"},"
						    "\"items\":[" NODE("3", "1") "]}");
	}
	turn_until_idle(f);
}

static void begin(struct fixture *f)
{
	struct svc_config config = {.node_name = STR("n1")};

	*f = (struct fixture){.kernel.base.ops = &kernel_ops};
	fake_init(&f->fake);
	f->loop = loop_new();
	f->client = client_new(f->loop, &f->fake.transport, "test");
	f->engine = proxy_engine_new(f->loop, f->client, &f->kernel.base, &config);
	answer_lists(f);
	ASSERT_EQ(f->kernel.syncs, 1);
	ASSERT_EQ(f->kernel.services, 1);
}

static void finish(struct fixture *f)
{
	proxy_engine_free(f->engine);
	client_free(f->client);
	fake_fini(&f->fake);
	loop_turn(f->loop, 0);
	loop_free(f->loop);
}

static bool is_behind(const struct fixture *f)
{
	struct proxy_health h;

	proxy_engine_health(f->engine, &h);
	return h.is_behind;
}

TEST(a_node_that_only_beats_leaves_nothing_waiting)
{
	struct fixture f;

	begin(&f);
	fake_data(f.node, "{\"type\":\"MODIFIED\",\"object\":" NODE("6", "2") "}\n");
	turn_until_idle(&f);
	ASSERT_EQ(f.kernel.syncs + f.kernel.applies, 1);
	ASSERT_FALSE(is_behind(&f));
	finish(&f);
}

TEST(a_change_that_the_kernel_refuses_waits_until_it_takes_it)
{
	struct fixture f;

	begin(&f);
	f.kernel.is_broken = true;
	fake_data(f.services, "{\"type\":\"DELETED\",\"object\":" SERVICE("7") "}\n");
	turn_until_idle(&f);
	ASSERT_EQ(f.kernel.applies, 1);
	ASSERT_TRUE(is_behind(&f));
	/* The heartbeat in between is no success. */
	fake_data(f.node, "{\"type\":\"MODIFIED\",\"object\":" NODE("8", "2") "}\n");
	turn_until_idle(&f);
	ASSERT_TRUE(is_behind(&f));
	f.kernel.is_broken = false;
	for (int i = 0; is_behind(&f) && i < TURNS_MAX; i++)
		loop_turn(f.loop, 10);
	ASSERT_FALSE(is_behind(&f));
	ASSERT_EQ(f.kernel.services, 0);
	finish(&f);
}
