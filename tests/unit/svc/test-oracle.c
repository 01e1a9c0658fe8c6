/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/oracle.h"

#include "objects.h"
#include "svc/fact.h"
#include "tests/harness/test.h"

struct world {
	struct objects o;
	struct svc_config *config;
	struct svc_state state;
	struct svc_view view;
};

static void world_of(struct world *w, struct svc_table *t)
{
	struct svc_diff d;

	svc_state_move(&w->state, t, &d);
	svc_diff_fini(&d);
	svc_table_unref(t);
	w->view = svc_state_view(&w->state);
}

static void world_fini(struct world *w)
{
	svc_state_fini(&w->state);
	svc_config_unref(w->config);
	objects_fini(&w->o);
}

/* A balancer, policy Local, with ranges; endpoints here and elsewhere. */
static void balancer(struct world *w)
{
	struct api_service *s;
	struct api_service_port *port;
	struct api_lb_ingress *in;
	struct svc_entry *e;
	struct str *range;

	*w = (struct world){.config = object_config()};
	objects_init(&w->o);
	s = object_service(&w->o, "web", "10.96.0.10");
	port = arena_array(&w->o.a, 1, sizeof(*port));
	in = arena_array(&w->o.a, 1, sizeof(*in));
	range = arena_array(&w->o.a, 1, sizeof(*range));
	*port = s->ports[0];
	port->node_port = 30080;
	*in = (struct api_lb_ingress){.has_ip = true, .ip = object_ip("203.0.113.5")};
	*range = STR("198.51.100.0/24");
	s->ports = port;
	s->type = API_LOAD_BALANCER;
	s->ingress = in;
	s->n_ingress = 1;
	s->lb_source_ranges = (struct api_strs){range, 1};
	s->external_policy = API_POLICY_LOCAL;
	e = object_entry(w->config, s, object_slice(&w->o, "10.64.1.2@n1 10.64.2.2@n2"));
	world_of(w, svc_table_new(w->config, &e, 1));
	svc_entry_unref(e);
}

static struct svc_outcome ask(const struct world *w, enum svc_origin from, const char *src,
			      const char *dst, uint16_t port, struct svc_packet *ret_packet)
{
	struct svc_packet p = {.from = from,
			       .src = object_ip(src),
			       .dst = object_ip(dst),
			       .is_dst_local = str_eq_c(str_of(dst), "192.0.2.1"),
			       .port = port};
	struct svc_outcome o;

	svc_oracle_ask(&w->view, &p, &o);
	if (ret_packet)
		*ret_packet = p;
	return o;
}

static bool goes(const struct svc_outcome *o, const struct svc_packet *p, const char *to,
		 enum svc_source *ret)
{
	struct ip_addr a = object_ip(to);

	return svc_outcome_allows(o, p, &a, 8080, ret);
}

TEST(it_says_where_and_with_which_source)
{
	enum svc_source source;
	struct svc_packet p;
	struct svc_outcome o;
	struct world w;

	balancer(&w);
	o = ask(&w, SVC_FROM_POD, "10.64.1.2", "10.96.0.10", 80, &p);
	ASSERT_EQ(o.verdict, SVC_FORWARDED);
	ASSERT_TRUE(goes(&o, &p, "10.64.2.2", &source));
	ASSERT_EQ(source, SVC_SOURCE_KEPT);
	ASSERT_TRUE(goes(&o, &p, "10.64.1.2", &source));
	ASSERT_EQ(source, SVC_SOURCE_HAIRPIN);
	ASSERT_FALSE(goes(&o, &p, "10.64.1.3", NULL));
	o = ask(&w, SVC_FROM_OUTSIDE, "198.51.100.9", "203.0.113.5", 80, &p);
	ASSERT_TRUE(goes(&o, &p, "10.64.1.2", &source));
	ASSERT_EQ(source, SVC_SOURCE_KEPT);
	ASSERT_FALSE(goes(&o, &p, "10.64.2.2", NULL));
	o = ask(&w, SVC_FROM_NODE, "192.0.2.1", "192.0.2.1", 30080, &p);
	ASSERT_TRUE(goes(&o, &p, "10.64.2.2", &source));
	ASSERT_EQ(source, SVC_SOURCE_MASQUERADED);
	world_fini(&w);
}

TEST(it_says_what_is_refused_dropped_and_not_ours)
{
	struct svc_outcome o;
	struct world w;

	balancer(&w);
	ASSERT_EQ(ask(&w, SVC_FROM_OUTSIDE, "192.0.2.7", "203.0.113.5", 80, NULL).verdict,
		  SVC_DROPPED);
	o = ask(&w, SVC_FROM_POD, "10.64.1.9", "10.96.0.10", 81, NULL);
	ASSERT_EQ(o.verdict, SVC_REFUSED);
	ASSERT_TRUE(o.port == NULL);
	ASSERT_EQ(ask(&w, SVC_FROM_POD, "10.64.1.9", "10.96.0.10", 30080, NULL).verdict,
		  SVC_REFUSED);
	ASSERT_EQ(ask(&w, SVC_FROM_POD, "10.64.1.9", "203.0.113.5", 81, NULL).verdict,
		  SVC_NOT_OURS);
	ASSERT_EQ(ask(&w, SVC_FROM_OUTSIDE, "192.0.2.7", "192.0.2.9", 30080, NULL).verdict,
		  SVC_NOT_OURS);
	ASSERT_EQ(ask(&w, SVC_FROM_POD, "10.64.1.9", "10.96.0.11", 80, NULL).verdict, SVC_NOT_OURS);
	world_fini(&w);
}

/* ---- properties ---- */

static struct svc_targets allowed(const struct svc_outcome *o, const struct svc_packet *p,
				  struct arena *a)
{
	struct svc_target *t = arena_array(a, o->port->n_backends, sizeof(*t));
	size_t n = 0;

	for (size_t i = 0; i < o->port->n_backends; i++) {
		const struct svc_backend *b = &o->port->backends[i];

		if (svc_outcome_allows(o, p, &b->addr, b->port, NULL))
			t[n++] = (struct svc_target){b->addr, b->port};
	}
	return (struct svc_targets){t, n};
}

/* The fact of one frontend and origin, made from what the oracle says of a packet there. */
static void expect(const struct svc_view *v, const struct svc_port *p, const struct svc_frontend *f,
		   struct arena *a, struct svc_facts *out)
{
	static const char *const sources[][2] = {{"10.64.0.77", "fd64::77"},
						 {"192.0.2.1", "2001:db8::1"},
						 {"198.18.0.1", "2001:db8:9::1"}};
	bool is_v6 = p->family == IP_V6, has_ranges = svc_frontend_has_ranges(p, f);
	struct svc_fact x = {
		.is_node_port = f->scope == SVC_NODE_PORT,
		.family = p->family,
		.protocol = p->protocol,
		.addr = f->addr,
		.port = f->port,
		.has_ranges = has_ranges,
		.ranges = p->ranges,
		.n_ranges = p->n_ranges,
	};

	for (enum svc_origin from = 0; from < SVC_ORIGINS; from++) {
		struct svc_packet pkt = {.from = from,
					 .src = object_ip(sources[from][is_v6]),
					 .dst = f->addr,
					 .protocol = p->protocol,
					 .port = f->port};
		struct svc_outcome o;

		if (x.is_node_port) {
			pkt.dst = object_ip(sources[SVC_FROM_NODE][is_v6]);
			pkt.is_dst_local = true;
		}
		if (has_ranges && p->n_ranges)
			pkt.src = ip_prefix_base(&p->ranges[0]);
		svc_oracle_ask(v, &pkt, &o);
		ASSERT_TRUE(o.port == p);
		x.ways[from].is_masqueraded = o.is_masqueraded;
		x.ways[from].fate = o.verdict == SVC_REFUSED   ? SVC_REJECT
				    : o.verdict == SVC_DROPPED ? SVC_DROP
				    : o.set == SVC_IN_LOCAL    ? SVC_TO_LOCAL_SET
							       : SVC_TO_CLUSTER_SET;
		if (o.verdict == SVC_FORWARDED && o.set == SVC_IN_LOCAL)
			x.local = allowed(&o, &pkt, a);
		else if (o.verdict == SVC_FORWARDED)
			x.cluster = allowed(&o, &pkt, a);
		x.affinity_s = MAX(x.affinity_s, o.affinity_s);
	}
	svc_facts_add(out, &x);
}

static void drop_lines(struct svc_facts *f, const char *prefix)
{
	for (size_t i = f->lines.len; i-- > 0;)
		if (str_has_prefix(str_of(f->lines.ptr[i]), str_of(prefix))) {
			free(f->lines.ptr[i]);
			vec_remove_at(&f->lines, i);
		}
}

/* Property: to every frontend, from everywhere, the oracle says what the facts say. */
TEST(the_oracle_agrees_with_the_facts)
{
	struct rand r;

	rand_seed(&r, 21);
	for (int round = 0; round < 40; round++) {
		struct world w = {.config = object_config()};
		struct svc_facts facts = {0}, due = {0};
		struct random_cluster c;
		struct buf b = BUF_INIT;

		random_cluster_init(&c, &r, 1 + rand_below(&r, 30));
		world_of(&w, random_cluster_table(&c, w.config));
		for (size_t i = 0; i < w.state.table->n; i++)
			for (size_t j = 0; j < w.state.table->entries[i]->n_ports; j++) {
				const struct svc_entry *e = w.state.table->entries[i];
				const struct svc_port *p = &e->ports[j];

				for (size_t k = 0; k < p->n_frontends; k++)
					if (svc_view_owns(&w.view, e, p, &p->frontends[k]))
						expect(&w.view, p, &p->frontends[k], &c.o.a, &due);
			}
		svc_facts_of(&w.view, &facts);
		drop_lines(&facts, "hairpin");
		drop_lines(&facts, "config");
		svc_facts_sort(&due);
		if (!svc_facts_compare(&due, &facts, 3, &b))
			test_fail(__FILE__, __LINE__, "%s", b.ptr);
		buf_fini(&b);
		svc_facts_fini(&facts);
		svc_facts_fini(&due);
		svc_state_fini(&w.state);
		svc_config_unref(w.config);
		objects_fini(&c.o);
	}
}
