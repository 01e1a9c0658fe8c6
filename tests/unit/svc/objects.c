/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

void objects_init(struct objects *o)
{
	arena_init(&o->a, 0);
}

void objects_fini(struct objects *o)
{
	arena_fini(&o->a);
}

struct ip_addr object_ip(const char *text)
{
	struct ip_addr a;

	if (ip_parse(str_of(text), &a, NULL) < 0)
		abort();
	return a;
}

struct svc_config *object_config(void)
{
	struct svc_config c = {
		.node_name = STR("n1"),
		.zone = STR("z1"),
		.detect = SVC_DETECT_CIDR,
		.n_pod_cidrs = 2,
		.pod_cidrs = {{object_ip("10.64.0.0"), 16}, {object_ip("fd64::"), 32}},
		.n_node_addrs = 2,
		.node_addrs = {object_ip("192.0.2.1"), object_ip("2001:db8::1")},
	};

	return svc_config_new(&c);
}

struct api_service *object_service(struct objects *o, const char *name, const char *cluster_ips)
{
	struct api_service *s = arena_new(&o->a, struct api_service);
	struct api_service_port *p = arena_array(&o->a, 2, sizeof(*p));
	struct str rest = str_of(cluster_ips), one;

	s->meta.ns = STR("default");
	s->meta.name = str_dup(&o->a, str_of(name));
	p[0] = (struct api_service_port){.name = STR("p"), .port = 80};
	s->ports = p;
	s->n_ports = 1;
	while (s->n_cluster_addrs < 2 && str_next(&rest, ',', &one))
		s->cluster_addrs[s->n_cluster_addrs++] = object_ip(str_cstr(&o->a, one));
	return s;
}

static struct api_strs one_str(struct objects *o, struct str s)
{
	struct str *p = arena_new(&o->a, struct str);

	*p = str_dup(&o->a, s);
	return (struct api_strs){p, 1};
}

static void endpoint(struct objects *o, struct str word, struct api_endpoint *e)
{
	struct str part, node;
	ptrdiff_t at;

	*e = (struct api_endpoint){.ready = true, .serving = true, .has_addr = true};
	str_next(&word, ',', &part);
	at = str_find(part, '@');
	node = at < 0 ? (struct str){0} : str_skip(part, (size_t)at + 1);
	e->addr = object_ip(str_cstr(&o->a, at < 0 ? part : str_sub(part, 0, (size_t)at)));
	if (at >= 0)
		e->node_name = str_dup(&o->a, node);
	while (str_next(&word, ',', &part)) {
		if (str_eq_c(part, "unready"))
			e->ready = false;
		else if (str_eq_c(part, "deaf"))
			e->serving = false;
		else if (str_eq_c(part, "terminating"))
			e->terminating = true, e->ready = false;
		else if (str_has_prefix(part, STR("z=")))
			e->zone_hints = one_str(o, str_skip(part, 2));
		else if (str_has_prefix(part, STR("h=")))
			e->node_hints = one_str(o, str_skip(part, 2));
		else
			abort();
	}
}

struct api_endpoint_slice *object_slice(struct objects *o, const char *words)
{
	struct api_endpoint_slice *s = arena_new(&o->a, struct api_endpoint_slice);
	struct api_endpoint_port *p = arena_array(&o->a, 1, sizeof(*p));
	struct api_endpoint *e = arena_array(&o->a, strlen(words) / 2 + 1, sizeof(*e));
	struct str rest = str_of(words), word;

	while (*words && str_next(&rest, ' ', &word))
		endpoint(o, word, &e[s->n_endpoints++]);
	*p = (struct api_endpoint_port){.name = STR("p"), .port = 8080, .has_port = true};
	s->ports = p;
	s->n_ports = 1;
	s->endpoints = e;
	if (s->n_endpoints && ip_family(&e[0].addr) == IP_V6)
		s->address_type = API_ADDR_IPV6;
	return s;
}

struct svc_entry *object_entry(struct svc_config *c, struct api_service *s,
			       struct api_endpoint_slice *slice)
{
	const struct api_endpoint_slice *const slices[] = {slice};

	return svc_build_entry(c, s, slices, slice ? 1 : 0);
}

struct str object_set(struct objects *o, const struct svc_port *p, unsigned flag)
{
	struct buf b = BUF_INIT;
	struct str s;

	for (size_t i = 0; i < p->n_backends; i++) {
		if (!(p->backends[i].flags & flag))
			continue;
		buf_add_c(&b, b.len ? " " : "");
		ip_add(&b, &p->backends[i].addr);
		buf_printf(&b, ":%u", p->backends[i].port);
	}
	s = str_dup(&o->a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static struct api_endpoint_slice *random_slice(struct objects *o, struct rand *r)
{
	static const char *const extra[] = {
		"",      ",unready", ",terminating", ",z=z1",
		",z=z2", ",h=n1",    ",deaf",        ",terminating,deaf"};
	struct buf b = BUF_INIT;
	struct api_endpoint_slice *s;

	for (size_t n = rand_below(r, 6); n > 0; n--)
		buf_printf(&b, "%s10.64.%u.%u@n%u%s", b.len ? " " : "", (unsigned)rand_below(r, 3),
			   (unsigned)rand_below(r, 8) + 1, (unsigned)rand_below(r, 2) + 1,
			   extra[rand_below(r, ARRAY_LEN(extra))]);
	s = object_slice(o, b.ptr);
	buf_fini(&b);
	return s;
}

/* Few, so that Services contend for them; some are cluster IPs of others. */
static struct api_strs random_external_ips(struct objects *o, struct rand *r)
{
	unsigned i = (unsigned)rand_below(r, 12) + 1;

	switch (rand_below(r, 5)) {
	case 0:
		return one_str(o, str_printf(&o->a, "10.96.0.%u", i));
	case 1:
		return one_str(o, str_printf(&o->a, "198.51.100.%u", i));
	case 2:
		return one_str(o, str_printf(&o->a, "2001:db8:1::%u", i));
	default:
		return (struct api_strs){0};
	}
}

static void random_balancer(struct objects *o, struct rand *r, size_t i, struct api_service *s)
{
	static const char *const ranges[] = {"192.0.2.0/24", "198.18.0.0/15", "fd64::/16", "junk"};
	struct api_lb_ingress *in = arena_array(&o->a, 1, sizeof(*in));

	*in = (struct api_lb_ingress){.has_ip = true,
				      .ip = ip_from_v4(0xcb007100 + (uint32_t)i % 200 + 1)};
	in->is_proxy = rand_below(r, 6) == 0;
	s->ingress = in;
	s->n_ingress = rand_below(r, 3) > 0;
	if (rand_below(r, 2))
		s->lb_source_ranges = one_str(o, str_of(ranges[rand_below(r, ARRAY_LEN(ranges))]));
}

void random_cluster_touch(struct random_cluster *c, struct rand *r, size_t i)
{
	const char *v4 =
		str_printf(&c->o.a, "10.96.%u.%u", (unsigned)i / 250, (unsigned)i % 250 + 1).ptr;
	struct api_service *s = object_service(
		&c->o, str_printf(&c->o.a, "s%04zu", i).ptr,
		rand_below(r, 3) ? v4 : str_printf(&c->o.a, "%s,fd96::%zx", v4, i + 1).ptr);
	struct api_service_port *p = arena_array(&c->o.a, 1, sizeof(*p));

	*p = s->ports[0];
	s->type = (enum api_service_type)rand_below(r, 3);
	p->node_port = s->type == API_CLUSTER_IP ? 0 : (uint16_t)(30000 + i);
	p->protocol = (enum api_protocol)rand_below(r, 3);
	s->ports = p;
	if (s->type == API_LOAD_BALANCER)
		random_balancer(&c->o, r, i, s);
	s->external_ips = random_external_ips(&c->o, r);
	s->internal_policy = rand_below(r, 4) ? API_POLICY_CLUSTER : API_POLICY_LOCAL;
	s->external_policy = rand_below(r, 2) ? API_POLICY_CLUSTER : API_POLICY_LOCAL;
	s->has_client_affinity = rand_below(r, 3) == 0;
	s->affinity_timeout_s = 10800;
	s->is_headless = rand_below(r, 10) == 0;
	c->services[i] = s;
	c->slices[i] = random_slice(&c->o, r);
	((struct api_endpoint_port *)(uintptr_t)c->slices[i]->ports)->protocol = p->protocol;
}

void random_cluster_init(struct random_cluster *c, struct rand *r, size_t n)
{
	objects_init(&c->o);
	c->n = n;
	c->services = arena_array(&c->o.a, n, sizeof(struct api_service *));
	c->slices = arena_array(&c->o.a, n, sizeof(struct api_endpoint_slice *));
	for (size_t i = 0; i < n; i++)
		random_cluster_touch(c, r, i);
}

struct svc_table *random_cluster_table(struct random_cluster *c, struct svc_config *config)
{
	VEC(struct svc_entry *) entries = {0};
	struct svc_table *t;

	for (size_t i = 0; i < c->n; i++) {
		struct svc_entry *e = object_entry(config, c->services[i], c->slices[i]);

		if (e)
			*vec_push(&entries) = e;
	}
	t = svc_table_new(config, entries.ptr, entries.len);
	vec_foreach(e, &entries)
		svc_entry_unref(*e);
	vec_fini(&entries);
	return t;
}
