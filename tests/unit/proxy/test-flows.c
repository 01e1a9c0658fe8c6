/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/flows.h"

#include "tests/harness/test.h"
#include "tests/unit/svc/objects.h"

#include <netinet/in.h>

struct fixture {
	struct objects o;
	struct svc_config *config;
	VEC(struct svc_entry *) entries;
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){.config = object_config()};
	objects_init(&f->o);
}

static void finish(struct fixture *f)
{
	vec_foreach(e, &f->entries)
		svc_entry_unref(*e);
	vec_fini(&f->entries);
	svc_config_unref(f->config);
	objects_fini(&f->o);
}

/* A Service with port 80/UDP and these endpoints at 8080. */
static struct svc_entry *service(struct fixture *f, const char *name, const char *vip,
				 uint16_t node_port, const char *endpoints)
{
	struct api_service *s = object_service(&f->o, name, vip);
	struct api_endpoint_slice *slice = object_slice(&f->o, endpoints);
	struct svc_entry *e;

	((struct api_service_port *)(uintptr_t)s->ports)->protocol = API_UDP;
	((struct api_service_port *)(uintptr_t)s->ports)->node_port = node_port;
	((struct api_endpoint_port *)(uintptr_t)slice->ports)->protocol = API_UDP;
	s->type = node_port ? API_NODE_PORT : API_CLUSTER_IP;
	e = object_entry(f->config, s, slice);
	*vec_push(&f->entries) = e;
	return e;
}

static struct conntrack_flow flow(const char *dst, uint16_t port, const char *reply, uint16_t from)
{
	return (struct conntrack_flow){
		.protocol = IPPROTO_UDP,
		.src = object_ip("10.64.7.7"),
		.dst = object_ip(dst),
		.src_port = 40000,
		.dst_port = port,
		.reply_src = object_ip(reply),
		.reply_src_port = from,
	};
}

struct list {
	struct svc_entry *e[3];
	bool is_known;
};
#define LIST(...) ((struct list){{__VA_ARGS__}, true})
#define UNKNOWN   ((struct list){.is_known = false})

static struct svc_table *table_of(struct fixture *f, struct list l)
{
	size_t n = 0;

	while (n < ARRAY_LEN(l.e) && l.e[n])
		n++;
	return svc_table_new(f->config, l.e, n);
}

/* Whether a flow to `dst` that `reply` answers is stale after the entries went from `was` to `now`.
 */
static bool is_stale(struct fixture *f, struct list was, struct list now, bool is_full,
		     const char *dst, uint16_t port, const char *reply)
{
	struct conntrack_flow x =
		flow(dst, port, reply, str_eq_c(str_of(reply), dst) ? port : 8080);
	struct svc_table *before = table_of(f, was), *after = table_of(f, now);
	struct svc_state state = {0};
	struct svc_diff none, d;
	struct proxy_flows_task t = {.is_full = is_full};
	bool stale;

	svc_state_move(&state, before, &none);
	svc_diff_fini(&none);
	svc_state_move(&state, after, &d);
	t.before = was.is_known ? &d.before : NULL;
	t.after = &d.after;
	t.changes = d.changes.ptr;
	t.n_changes = was.is_known ? d.changes.len : 0;
	stale = proxy_flows_is_stale(&t, &x);
	svc_diff_fini(&d);
	svc_state_fini(&state);
	svc_table_unref(before);
	svc_table_unref(after);
	return stale;
}

TEST(a_backend_that_left_takes_its_flows_along)
{
	struct fixture f;
	struct list was, now;

	begin(&f);
	was = LIST(service(&f, "a", "10.96.0.1", 30080, "10.64.1.1@n1 10.64.1.2@n1"));
	now = LIST(service(&f, "a", "10.96.0.1", 30080, "10.64.1.2@n1 10.64.1.3@n1,terminating"));
	ASSERT_TRUE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.64.1.1"));
	ASSERT_FALSE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.64.1.2"));
	/* Terminating but serving: it may finish. */
	ASSERT_FALSE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.64.1.3"));
	ASSERT_TRUE(is_stale(&f, was, now, false, "192.0.2.9", 30080, "10.64.1.1"));
	ASSERT_FALSE(is_stale(&f, was, now, false, "192.0.2.9", 30080, "10.64.1.2"));
	ASSERT_FALSE(is_stale(&f, was, now, false, "192.0.2.9", 30081, "10.64.1.1"));
	finish(&f);
}

TEST(no_backend_left_and_no_service_left)
{
	struct fixture f;
	struct list full, none;

	begin(&f);
	full = LIST(service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1"));
	none = LIST(service(&f, "a", "10.96.0.1", 0, ""));
	ASSERT_TRUE(is_stale(&f, full, none, false, "10.96.0.1", 80, "10.64.1.1"));
	ASSERT_TRUE(is_stale(&f, full, LIST(NULL), false, "10.96.0.1", 80, "10.64.1.1"));
	finish(&f);
}

TEST(packets_from_before_there_was_a_backend)
{
	struct fixture f;
	struct list was, now;

	begin(&f);
	was = LIST(service(&f, "a", "10.96.0.1", 0, ""));
	now = LIST(service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1"));
	ASSERT_TRUE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.96.0.1"));
	ASSERT_TRUE(is_stale(&f, UNKNOWN, now, true, "10.96.0.1", 80, "10.96.0.1"));
	finish(&f);
}

TEST(an_address_that_changed_hands_is_the_new_owners)
{
	struct fixture f;
	struct list was, now;

	begin(&f);
	/* The new owner sorts before the old one. */
	now = LIST(service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1"));
	was = LIST(service(&f, "b", "10.96.0.1", 0, "10.64.2.2@n1"));
	ASSERT_FALSE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.64.1.1"));
	ASSERT_TRUE(is_stale(&f, was, now, false, "10.96.0.1", 80, "10.64.2.2"));
	finish(&f);
}

/* Two Services name one external IP: the first by name owns it. */
static struct svc_entry *with_external(struct fixture *f, const char *name, const char *vip,
				       const char *external, const char *endpoints)
{
	struct api_service *s = object_service(&f->o, name, vip);
	struct api_endpoint_slice *slice = object_slice(&f->o, endpoints);
	struct str *ip = arena_new(&f->o.a, struct str);
	struct svc_entry *e;

	((struct api_service_port *)(uintptr_t)s->ports)->protocol = API_UDP;
	((struct api_endpoint_port *)(uintptr_t)slice->ports)->protocol = API_UDP;
	*ip = str_of(external);
	s->external_ips = (struct api_strs){ip, 1};
	e = object_entry(f->config, s, slice);
	*vec_push(&f->entries) = e;
	return e;
}

TEST(a_loser_that_goes_leaves_the_owners_flows)
{
	struct fixture f;
	struct svc_entry *a, *b;

	begin(&f);
	a = with_external(&f, "a", "10.96.0.1", "198.51.100.7", "10.64.1.1@n1");
	b = with_external(&f, "b", "10.96.0.2", "198.51.100.7", "10.64.2.2@n1");
	ASSERT_FALSE(is_stale(&f, LIST(a, b), LIST(a), false, "198.51.100.7", 80, "10.64.1.1"));
	ASSERT_TRUE(is_stale(&f, LIST(a, b), LIST(a), false, "10.96.0.2", 80, "10.64.2.2"));
	/* Nor does one that comes, or that gets other backends. */
	ASSERT_FALSE(is_stale(&f, LIST(a), LIST(a, b), false, "198.51.100.7", 80, "10.64.1.1"));
	finish(&f);
}

TEST(a_full_sync_asks_the_owner_alone)
{
	struct fixture f;
	struct svc_entry *a, *b;

	begin(&f);
	a = with_external(&f, "a", "10.96.0.1", "198.51.100.7", "10.64.1.1@n1");
	b = with_external(&f, "b", "10.96.0.2", "198.51.100.7", "10.64.2.2@n1");
	ASSERT_FALSE(is_stale(&f, LIST(a, b), LIST(a, b), true, "198.51.100.7", 80, "10.64.1.1"));
	ASSERT_TRUE(is_stale(&f, LIST(a, b), LIST(a, b), true, "198.51.100.7", 80, "10.64.2.2"));
	ASSERT_FALSE(is_stale(&f, UNKNOWN, LIST(a, b), true, "198.51.100.7", 80, "10.64.1.1"));
	finish(&f);
}

TEST(an_owner_that_goes_hands_the_address_to_the_next)
{
	struct fixture f;
	struct svc_entry *a, *b;

	begin(&f);
	a = with_external(&f, "a", "10.96.0.1", "198.51.100.7", "10.64.1.1@n1");
	b = with_external(&f, "b", "10.96.0.2", "198.51.100.7", "10.64.2.2@n1");
	ASSERT_TRUE(is_stale(&f, LIST(a, b), LIST(b), false, "198.51.100.7", 80, "10.64.1.1"));
	/* A flow that began after the rules changed. */
	ASSERT_FALSE(is_stale(&f, LIST(a, b), LIST(b), false, "198.51.100.7", 80, "10.64.2.2"));
	finish(&f);
}

/* A Service that sorts first comes and takes the address. */
TEST(a_new_owner_ends_the_flows_of_the_old)
{
	struct fixture f;
	struct svc_entry *a, *b;

	begin(&f);
	a = with_external(&f, "a", "10.96.0.1", "198.51.100.7", "10.64.1.1@n1");
	b = with_external(&f, "b", "10.96.0.2", "198.51.100.7", "10.64.2.2@n1");
	ASSERT_TRUE(is_stale(&f, LIST(b), LIST(a, b), false, "198.51.100.7", 80, "10.64.2.2"));
	ASSERT_FALSE(is_stale(&f, LIST(b), LIST(a, b), false, "10.96.0.2", 80, "10.64.2.2"));
	finish(&f);
}

TEST(flows_of_sctp_are_never_touched)
{
	struct fixture f;
	struct svc_entry *e;
	struct svc_table *none, *some;
	struct svc_state state = {0};
	struct svc_diff first, d;
	struct conntrack_flow x = flow("10.96.0.1", 80, "10.64.1.1", 8080);

	begin(&f);
	e = service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1");
	e->ports[0].protocol = API_SCTP;
	x.protocol = IPPROTO_SCTP;
	x.is_over = true;
	some = svc_table_new(f.config, &e, 1);
	none = svc_table_new(f.config, NULL, 0);
	svc_state_move(&state, some, &first);
	svc_diff_fini(&first);
	svc_state_move(&state, none, &d);
	ASSERT_FALSE(proxy_flows_is_stale(&(struct proxy_flows_task){.before = &d.before,
								     .after = &d.after,
								     .changes = d.changes.ptr,
								     .n_changes = 1},
					  &x));
	svc_diff_fini(&d);
	svc_state_fini(&state);
	svc_table_unref(some);
	svc_table_unref(none);
	finish(&f);
}
