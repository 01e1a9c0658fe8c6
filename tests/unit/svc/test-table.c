/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/table.h"

#include "objects.h"
#include "tests/harness/test.h"

#include <stddef.h>

/* A field that is forgotten where two entries or configurations are compared means "no change" for
 * ever. So each struct has its fields here, all of them: what stands between two must be padding.
 */
struct field {
	const char *name;
	size_t at, size, align;
	enum {
		PLAIN,   /* any other byte is another value */
		POINTED, /* what it points to is looked at by itself */
		IGNORED, /* says nothing about packets */
	} kind;
};
#define FIELD(type, name, kind)                                                                    \
	{                                                                                          \
#name, offsetof(type, name), sizeof(((type *)0)->name),                            \
			__alignof__(((type *)0)->name), kind                                       \
	}

static void assert_complete(const struct field *f, size_t n, size_t size)
{
	size_t end = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = (end + f[i].align - 1) / f[i].align * f[i].align;

		if (f[i].at != at)
			test_fail(__FILE__, __LINE__, "something stands before %s", f[i].name);
		end = f[i].at + f[i].size;
	}
	if (size - end >= 8)
		test_fail(__FILE__, __LINE__, "something stands behind %s", f[n - 1].name);
}

/* Changes each plain field in turn and asks whether that is seen. */
static void assert_seen(const struct field *f, size_t n, void *object, bool (*is_same)(void *),
			void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		char *byte = (char *)object + f[i].at;

		if (f[i].kind != PLAIN)
			continue;
		*byte ^= 1;
		if (is_same(ctx))
			test_fail(__FILE__, __LINE__, "another %s is not seen", f[i].name);
		*byte ^= 1;
		ASSERT_TRUE(is_same(ctx));
	}
}

static const struct field entry_fields[] = {
	FIELD(struct svc_entry, refs, IGNORED),      FIELD(struct svc_entry, key, POINTED),
	FIELD(struct svc_entry, ports, POINTED),     FIELD(struct svc_entry, n_ports, POINTED),
	FIELD(struct svc_entry, health_port, PLAIN), FIELD(struct svc_entry, n_health_ready, PLAIN),
};
static const struct field port_fields[] = {
	FIELD(struct svc_port, name, POINTED),
	FIELD(struct svc_port, protocol, PLAIN),
	FIELD(struct svc_port, family, PLAIN),
	FIELD(struct svc_port, is_internal_local, PLAIN),
	FIELD(struct svc_port, is_external_local, PLAIN),
	FIELD(struct svc_port, has_any, PLAIN),
	FIELD(struct svc_port, has_ranges, PLAIN),
	FIELD(struct svc_port, is_cut, PLAIN),
	FIELD(struct svc_port, affinity_s, PLAIN),
	FIELD(struct svc_port, frontends, POINTED),
	FIELD(struct svc_port, n_frontends, POINTED),
	FIELD(struct svc_port, backends, POINTED),
	FIELD(struct svc_port, n_backends, POINTED),
	FIELD(struct svc_port, n_cluster, PLAIN),
	FIELD(struct svc_port, n_local, PLAIN),
	FIELD(struct svc_port, ranges, POINTED),
	FIELD(struct svc_port, n_ranges, POINTED),
};
static const struct field frontend_fields[] = {
	FIELD(struct svc_frontend, scope, PLAIN),
	FIELD(struct svc_frontend, port, PLAIN),
	FIELD(struct svc_frontend, addr, PLAIN),
};
static const struct field backend_fields[] = {
	FIELD(struct svc_backend, addr, PLAIN),
	FIELD(struct svc_backend, port, PLAIN),
	FIELD(struct svc_backend, flags, PLAIN),
};
static const struct field prefix_fields[] = {
	FIELD(struct ip_prefix, addr, PLAIN),
	FIELD(struct ip_prefix, len, PLAIN),
};
static const struct field config_fields[] = {
	FIELD(struct svc_config, refs, IGNORED),
	FIELD(struct svc_config, node_name, POINTED),
	FIELD(struct svc_config, zone, POINTED),
	FIELD(struct svc_config, detect, PLAIN),
	FIELD(struct svc_config, pod_cidrs, PLAIN),
	FIELD(struct svc_config, n_pod_cidrs, POINTED),
	FIELD(struct svc_config, detect_interface, POINTED),
	FIELD(struct svc_config, node_addrs, PLAIN),
	FIELD(struct svc_config, n_node_addrs, POINTED),
	FIELD(struct svc_config, masquerade_all, PLAIN),
	FIELD(struct svc_config, mark, PLAIN),
	FIELD(struct svc_config, no_external_ips, PLAIN),
	FIELD(struct svc_config, node_ports_on_primary, PLAIN),
	FIELD(struct svc_config, node_port_cidrs, POINTED),
	FIELD(struct svc_config, n_node_port_cidrs, POINTED),
	FIELD(struct svc_config, arena, IGNORED),
};

struct whole {
	struct svc_frontend frontends[2];
	struct svc_backend backends[2];
	struct ip_prefix ranges[2];
	struct svc_port port;
	struct svc_entry entry;
};

static void whole_init(struct whole *w)
{
	memset(w, 0, sizeof(*w));
	w->port = (struct svc_port){.name = STR("p"),
				    .frontends = w->frontends,
				    .n_frontends = 2,
				    .backends = w->backends,
				    .n_backends = 2,
				    .ranges = w->ranges,
				    .n_ranges = 2};
	w->entry = (struct svc_entry){
		.refs = 1, .key = STR("default/web"), .ports = &w->port, .n_ports = 1};
}

static bool same_entry(void *ctx)
{
	struct whole *two = ctx;
	bool same = svc_entry_eq(&two[0].entry, &two[1].entry);

	ASSERT_EQ(svc_entry_eq(&two[1].entry, &two[0].entry), same);
	return same;
}

#define ASSERT_SEEN(fields, object, is_same, ctx)                                                  \
	assert_seen(fields, ARRAY_LEN(fields), object, is_same, ctx)
#define ASSERT_COMPLETE(fields, type) assert_complete(fields, ARRAY_LEN(fields), sizeof(type))

TEST(every_field_of_an_entry_is_compared)
{
	struct whole two[2];

	ASSERT_COMPLETE(entry_fields, struct svc_entry);
	ASSERT_COMPLETE(port_fields, struct svc_port);
	ASSERT_COMPLETE(frontend_fields, struct svc_frontend);
	ASSERT_COMPLETE(backend_fields, struct svc_backend);
	ASSERT_COMPLETE(prefix_fields, struct ip_prefix);
	whole_init(&two[0]);
	whole_init(&two[1]);
	ASSERT_TRUE(same_entry(two));
	ASSERT_SEEN(entry_fields, &two[1].entry, same_entry, two);
	ASSERT_SEEN(port_fields, &two[1].port, same_entry, two);
	for (int i = 0; i < 2; i++) {
		ASSERT_SEEN(frontend_fields, &two[1].frontends[i], same_entry, two);
		ASSERT_SEEN(backend_fields, &two[1].backends[i], same_entry, two);
		ASSERT_SEEN(prefix_fields, &two[1].ranges[i], same_entry, two);
	}
}

TEST(names_and_numbers_of_parts_are_compared)
{
	struct whole two[2];

	whole_init(&two[0]);
	for (int what = 0; what < 6; what++) {
		whole_init(&two[1]);
		two[1].entry.key = what == 0 ? STR("default/wed") : two[1].entry.key;
		two[1].port.name = what == 1 ? STR("q") : two[1].port.name;
		two[1].entry.n_ports -= what == 2;
		two[1].port.n_frontends -= what == 3;
		two[1].port.n_backends -= what == 4;
		two[1].port.n_ranges -= what == 5;
		ASSERT_FALSE(same_entry(two));
	}
}

static bool same_config(void *ctx)
{
	struct svc_config *two = ctx;
	bool same = svc_config_eq(&two[0], &two[1]);

	ASSERT_EQ(svc_config_eq(&two[1], &two[0]), same);
	return same;
}

static struct svc_config config(struct ip_prefix *cidrs)
{
	struct svc_config c;

	memset(&c, 0, sizeof(c));
	c.node_name = STR("n1");
	c.zone = STR("z1");
	c.detect_interface = STR("br0");
	c.n_pod_cidrs = 2;
	c.n_node_addrs = 2;
	c.node_port_cidrs = cidrs;
	c.n_node_port_cidrs = 2;
	return c;
}

TEST(every_field_of_a_configuration_is_compared)
{
	struct ip_prefix one[2] = {{{{0}}, 0}}, other[2] = {{{{0}}, 0}};
	struct svc_config two[2] = {config(one), config(other)};

	ASSERT_COMPLETE(config_fields, struct svc_config);
	ASSERT_TRUE(same_config(two));
	ASSERT_SEEN(config_fields, &two[1], same_config, two);
	for (int i = 0; i < 2; i++) {
		ASSERT_SEEN(prefix_fields, &other[i], same_config, two);
		ASSERT_SEEN(prefix_fields, &two[1].pod_cidrs[i], same_config, two);
		two[1].node_addrs[i].b[15] ^= 1;
		ASSERT_FALSE(same_config(two));
		two[1].node_addrs[i].b[15] ^= 1;
	}
	for (int what = 0; what < 6; what++) {
		two[1] = config(other);
		two[1].node_name = what == 0 ? STR("n2") : two[1].node_name;
		two[1].zone = what == 1 ? STR("z2") : two[1].zone;
		two[1].detect_interface = what == 2 ? STR("br1") : two[1].detect_interface;
		two[1].n_pod_cidrs -= what == 3;
		two[1].n_node_addrs -= what == 4;
		two[1].n_node_port_cidrs -= what == 5;
		ASSERT_FALSE(same_config(two));
	}
}
