/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input draws Services and EndpointSlices, also such as no API server would let in, in several
 * rounds; each round is a table. An entry does not depend on the order of its slices, has no
 * frontend twice, and what a difference adds and removes, fact by fact, ends at what the table says
 * by itself.
 */
#include "svc/build.h"
#include "svc/fact.h"
#include "svc/oracle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SERVICES = 4,
	ROUNDS = 4,
};

struct draw {
	const uint8_t *p;
	size_t n;
	struct arena a;
};

static unsigned below(struct draw *d, unsigned n)
{
	if (d->n == 0)
		return 0;
	d->n--;
	return *d->p++ % n;
}

static struct str word(struct draw *d)
{
	static const char *const words[] = {
		"10.96.0.1",    "10.96.0.2",  "198.51.100.1", "fd96::1",   "0.0.0.0",
		"010.096.0.01", "junk",       "10.64.1.0/24", "0.0.0.0/0", "::/0",
		"192.0.2.1/31", "fd64::/999", " 10.0.0.0/8 ", "",          "::ffff:10.96.0.2"};

	return str_of(words[below(d, ARRAY_LEN(words))]);
}

static struct ip_addr addr(struct draw *d)
{
	struct ip_addr a = ip_from_v4(0x0a400000 + (below(d, 2) << 8) + below(d, 4));

	if (below(d, 32) == 1)
		return ip_any(below(d, 2) ? IP_V4 : IP_V6);
	if (below(d, 4) == 0)
		a.b[below(d, 16)] ^= (uint8_t)below(d, 256);
	return a;
}

static struct api_strs words(struct draw *d)
{
	size_t n = below(d, 3);
	struct str *s = arena_array(&d->a, n, sizeof(*s));

	for (size_t i = 0; i < n; i++)
		s[i] = word(d);
	return (struct api_strs){s, n};
}

static struct str name(struct draw *d)
{
	static const char *const names[] = {"", "a", "b"};

	return str_of(names[below(d, ARRAY_LEN(names))]);
}

static struct api_service *service(struct draw *d, unsigned i)
{
	struct api_service *s = arena_new(&d->a, struct api_service);
	size_t n_ports = below(d, 4), n_in = below(d, 3);
	struct api_service_port *p = arena_array(&d->a, n_ports, sizeof(*p));
	struct api_lb_ingress *in = arena_array(&d->a, n_in, sizeof(*in));

	s->meta.ns = STR("d");
	s->meta.name = str_printf(&d->a, "s%u", i);
	s->type = (enum api_service_type)below(d, 4);
	s->is_headless = below(d, 16) == 1;
	for (s->n_cluster_addrs = 0; s->n_cluster_addrs < below(d, 3); s->n_cluster_addrs++)
		s->cluster_addrs[s->n_cluster_addrs] = addr(d);
	for (size_t k = 0; k < n_ports; k++)
		p[k] = (struct api_service_port){.name = name(d),
						 .protocol = (enum api_protocol)below(d, 3),
						 .port = (uint16_t)(80 + below(d, 2)),
						 .node_port = (uint16_t)(below(d, 3) + 30000)};
	for (size_t k = 0; k < n_in; k++)
		in[k] = (struct api_lb_ingress){
			.has_ip = below(d, 4) > 0, .is_proxy = below(d, 4) == 1, .ip = addr(d)};
	s->ports = p;
	s->n_ports = n_ports;
	s->ingress = in;
	s->n_ingress = n_in;
	s->external_ips = words(d);
	s->lb_source_ranges = words(d);
	s->internal_policy = below(d, 2) ? API_POLICY_LOCAL : API_POLICY_CLUSTER;
	s->external_policy = below(d, 2) ? API_POLICY_LOCAL : API_POLICY_CLUSTER;
	s->has_client_affinity = below(d, 2);
	s->affinity_timeout_s = (int32_t)below(d, 256) * 1000 - 5000;
	s->health_check_node_port = (uint16_t)(below(d, 2) * 32000);
	return s;
}

static struct api_endpoint_slice *slice(struct draw *d)
{
	static const char *const nodes[] = {NULL, "n1", "n2"};
	struct api_endpoint_slice *s = arena_new(&d->a, struct api_endpoint_slice);
	size_t n = below(d, 5), n_ports = below(d, 3);
	struct api_endpoint *e = arena_array(&d->a, n, sizeof(*e));
	struct api_endpoint_port *p = arena_array(&d->a, n_ports, sizeof(*p));

	s->address_type = below(d, 4) ? API_ADDR_IPV4 : API_ADDR_IPV6;
	for (size_t k = 0; k < n_ports; k++)
		p[k] = (struct api_endpoint_port){.name = name(d),
						  .protocol = (enum api_protocol)below(d, 3),
						  .port = (uint16_t)(below(d, 3) * 4000),
						  .has_port = below(d, 8) > 0};
	for (size_t k = 0; k < n; k++) {
		unsigned flags = below(d, 16);

		e[k] = (struct api_endpoint){.addr = addr(d),
					     .has_addr = flags != 15,
					     .ready = flags & 1,
					     .serving = flags & 2,
					     .terminating = flags & 4,
					     .node_name = str_of(nodes[below(d, 3)]),
					     .zone_hints = words(d),
					     .node_hints = words(d)};
	}
	s->endpoints = e;
	s->n_endpoints = n;
	s->ports = p;
	s->n_ports = n_ports;
	return s;
}

static void check_frontends(const struct svc_entry *e)
{
	struct map seen = {0};
	char buf[SVC_FRONTEND_KEY_LEN];

	for (size_t i = 0; i < e->n_ports; i++)
		for (size_t j = 0; j < e->ports[i].n_frontends; j++)
			if (map_put(&seen,
				    svc_frontend_key(e->ports[i].protocol,
						     &e->ports[i].frontends[j], buf),
				    &seen))
				abort();
	map_fini(&seen);
}

static struct svc_entry *entry(struct draw *d, const struct svc_config *c, unsigned i)
{
	const struct api_endpoint_slice *parts[3], *back[3];
	struct api_service *s = service(d, i);
	size_t n = below(d, ARRAY_LEN(parts) + 1);
	struct svc_entry *e, *other;

	for (size_t k = 0; k < n; k++)
		parts[k] = back[n - 1 - k] = slice(d);
	e = svc_build_entry(c, s, parts, n);
	other = svc_build_entry(c, s, back, n);
	if (!svc_entry_eq(e, other))
		abort();
	svc_entry_unref(other);
	if (e)
		check_frontends(e);
	return e;
}

static void take(struct map *there, struct svc_facts *f, bool is_wanted)
{
	vec_foreach(l, &f->lines) {
		void *was = is_wanted ? map_put(there, str_of(*l), there)
				      : map_remove(there, str_of(*l));

		if ((was != NULL) == is_wanted)
			abort();
	}
	svc_facts_fini(f);
}

/* What a mode makes of a difference. */
static void follow(struct map *there, const struct svc_diff *d)
{
	struct svc_facts gone = {0}, come = {0};

	vec_foreach(c, &d->changes) {
		if (c->before)
			svc_facts_add_entry(&gone, &d->before, c->before);
		if (c->after)
			svc_facts_add_entry(&come, &d->after, c->after);
	}
	vec_foreach(a, &d->hairpins_gone)
		svc_facts_add_hairpin(&gone, a);
	vec_foreach(a, &d->hairpins_come)
		svc_facts_add_hairpin(&come, a);
	take(there, &gone, false);
	take(there, &come, true);
}

static void check(const struct map *there, struct svc_table *t)
{
	struct svc_state fresh = {0};
	struct svc_facts due = {0};
	struct svc_view v;
	struct svc_diff d;

	svc_state_move(&fresh, t, &d);
	svc_diff_fini(&d);
	v = svc_state_view(&fresh);
	svc_facts_of(&v, &due);
	if (due.lines.len != map_len(there) + 1) /* the configuration's */
		abort();
	vec_foreach(l, &due.lines)
		if (!map_get(there, str_of(*l)) && !str_has_prefix(str_of(*l), STR("config")))
			abort();
	svc_facts_fini(&due);
	svc_state_fini(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct draw d = {.p = data, .n = size};
	struct svc_config *c =
		svc_config_new(&(struct svc_config){.node_name = STR("n1"),
						    .zone = STR("z1"),
						    .detect = SVC_DETECT_CIDR,
						    .n_pod_cidrs = 1,
						    .pod_cidrs = {{ip_from_v4(0x0a400000), 16}},
						    .n_node_addrs = 1,
						    .node_addrs = {ip_from_v4(0xc0000201)}});
	struct svc_entry *e[SERVICES] = {NULL};
	struct svc_state state = {0};
	struct map there = {0};

	arena_init(&d.a, 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct svc_entry *now[SERVICES];
		struct svc_table *t;
		struct svc_diff diff;
		size_t n = 0;

		for (unsigned i = 0; i < SERVICES; i++) {
			if (round == 0 || below(&d, 2)) {
				svc_entry_unref(e[i]);
				e[i] = entry(&d, c, i);
			}
			if (e[i])
				now[n++] = e[i];
		}
		t = svc_table_new(c, now, n);
		svc_state_move(&state, t, &diff);
		follow(&there, &diff);
		check(&there, t);
		svc_diff_fini(&diff);
		svc_table_unref(t);
	}
	for (size_t i = 0; i < SERVICES; i++)
		svc_entry_unref(e[i]);
	map_fini(&there);
	svc_state_fini(&state);
	svc_config_unref(c);
	arena_fini(&d.a);
	return 0;
}
