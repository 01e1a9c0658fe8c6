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

static bool is_stale(const struct svc_change *c, size_t n, const char *dst, uint16_t port,
		     const char *reply, uint16_t from)
{
	struct conntrack_flow f = flow(dst, port, reply, from);

	return proxy_flows_is_stale(c, n, &f);
}

TEST(a_backend_that_left_takes_its_flows_along)
{
	struct fixture f;
	struct svc_change c;

	begin(&f);
	c = (struct svc_change){
		service(&f, "a", "10.96.0.1", 30080, "10.64.1.1@n1 10.64.1.2@n1"),
		service(&f, "a", "10.96.0.1", 30080, "10.64.1.2@n1 10.64.1.3@n1,terminating")};
	ASSERT_TRUE(is_stale(&c, 1, "10.96.0.1", 80, "10.64.1.1", 8080));
	ASSERT_FALSE(is_stale(&c, 1, "10.96.0.1", 80, "10.64.1.2", 8080));
	/* Terminating but serving: it may finish. */
	ASSERT_FALSE(is_stale(&c, 1, "10.96.0.1", 80, "10.64.1.3", 8080));
	ASSERT_TRUE(is_stale(&c, 1, "192.0.2.9", 30080, "10.64.1.1", 8080));
	ASSERT_FALSE(is_stale(&c, 1, "192.0.2.9", 30080, "10.64.1.2", 8080));
	ASSERT_FALSE(is_stale(&c, 1, "192.0.2.9", 30081, "10.64.1.1", 8080));
	finish(&f);
}

TEST(no_backend_left_and_no_service_left)
{
	struct fixture f;
	struct svc_entry *full;
	struct svc_change emptied, deleted;

	begin(&f);
	full = service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1");
	emptied = (struct svc_change){full, service(&f, "a", "10.96.0.1", 0, "")};
	deleted = (struct svc_change){full, NULL};
	ASSERT_TRUE(is_stale(&emptied, 1, "10.96.0.1", 80, "10.64.1.1", 8080));
	ASSERT_TRUE(is_stale(&deleted, 1, "10.96.0.1", 80, "10.64.1.1", 8080));
	finish(&f);
}

TEST(packets_from_before_there_was_a_backend)
{
	struct fixture f;
	struct svc_change c;

	begin(&f);
	c = (struct svc_change){service(&f, "a", "10.96.0.1", 0, ""),
				service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1")};
	ASSERT_TRUE(is_stale(&c, 1, "10.96.0.1", 80, "10.96.0.1", 80));
	finish(&f);
}

TEST(an_address_that_changed_hands_is_the_new_owners)
{
	struct fixture f;
	struct svc_change c[2];

	begin(&f);
	/* The new owner sorts before the old one. */
	c[0] = (struct svc_change){NULL, service(&f, "a", "10.96.0.1", 0, "10.64.1.1@n1")};
	c[1] = (struct svc_change){service(&f, "b", "10.96.0.1", 0, "10.64.2.2@n1"), NULL};
	ASSERT_FALSE(is_stale(c, 2, "10.96.0.1", 80, "10.64.1.1", 8080));
	ASSERT_TRUE(is_stale(c, 2, "10.96.0.1", 80, "10.64.2.2", 8080));
	finish(&f);
}
