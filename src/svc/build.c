/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/build.h"

#include "base/map.h"
#include "base/vec.h"
#include "svc/select.h"

/* What a port is made of before it is packed. Lives in the arena of one build. */
struct draft {
	struct svc_port port;
	VEC(struct svc_frontend) frontends;
	VEC(struct ip_prefix) ranges;
	struct svc_selection sel;
};

bool svc_build_wants(const struct api_service *s)
{
	return s->type != API_EXTERNAL_NAME && !s->is_headless && s->n_cluster_addrs > 0 &&
	       !api_pairs_has(&s->meta.labels, SVC_PROXY_NAME_LABEL);
}

/* An address twice is one frontend. Of an external IP that also is a balancer's address the latter
 * stays, because it may carry source ranges. */
static void add_frontend(struct draft *d, enum svc_scope scope, const struct ip_addr *a,
			 uint16_t port)
{
	if (ip_family(a) != d->port.family || ip_is_unspecified(a))
		return;
	vec_foreach(f, &d->frontends) {
		if (f->scope == SVC_NODE_PORT || !ip_eq(&f->addr, a))
			continue;
		if (f->scope == SVC_EXTERNAL_IP && scope == SVC_LB_VIP)
			f->scope = scope;
		return;
	}
	*vec_push(&d->frontends) = (struct svc_frontend){.scope = scope, .addr = *a, .port = port};
}

static void add_frontends(struct draft *d, const struct svc_config *c, const struct api_service *s,
			  const struct ip_addr *cluster_ip, const struct api_service_port *p)
{
	bool has_node_port =
		p->node_port && (s->type == API_NODE_PORT || s->type == API_LOAD_BALANCER);

	add_frontend(d, SVC_CLUSTER_IP, cluster_ip, p->port);
	if (has_node_port)
		*vec_push(&d->frontends) = (struct svc_frontend){
			.scope = SVC_NODE_PORT,
			.addr = ip_any(d->port.family),
			.port = p->node_port,
		};
	for (size_t i = 0; !c->no_external_ips && i < s->external_ips.n; i++) {
		struct ip_addr a;

		if (ip_parse_sloppy(s->external_ips.ptr[i], &a, NULL) == 0)
			add_frontend(d, SVC_EXTERNAL_IP, &a, p->port);
	}
	for (size_t i = 0; s->type == API_LOAD_BALANCER && i < s->n_ingress; i++)
		if (s->ingress[i].has_ip && !s->ingress[i].is_proxy)
			add_frontend(d, SVC_LB_VIP, &s->ingress[i].ip, p->port);
}

static bool has_scope(const struct draft *d, enum svc_scope scope)
{
	vec_foreach(f, &d->frontends)
		if (f->scope == scope)
			return true;
	return false;
}

/* Section 2.5: malformed ranges are dropped, a /0 lifts the restriction, and where a range holds
 * the node's own address the VIPs themselves may be sources. */
static void add_ranges(struct draft *d, const struct svc_config *c, const struct api_service *s)
{
	enum ip_family fam = d->port.family;
	const struct ip_addr *node = svc_config_node_addr(c, fam);
	bool any = false, holds_node = false;

	if (!has_scope(d, SVC_LB_VIP))
		return;
	for (size_t i = 0; i < s->lb_source_ranges.n; i++) {
		struct ip_prefix p;

		if (ip_prefix_parse(str_trim(s->lb_source_ranges.ptr[i]), &p, NULL) < 0 ||
		    ip_family(&p.addr) != fam)
			continue;
		if (p.len == 0) {
			vec_clear(&d->ranges);
			return;
		}
		any = true;
		holds_node |= node && ip_prefix_has(&p, node);
		p.addr = ip_prefix_base(&p);
		*vec_push(&d->ranges) = p;
	}
	d->port.has_ranges = any;
	if (!holds_node)
		return;
	vec_foreach(f, &d->frontends)
		if (f->scope == SVC_LB_VIP)
			*vec_push(&d->ranges) =
				(struct ip_prefix){.addr = f->addr, .len = fam == IP_V4 ? 32 : 128};
}

static int range_cmp(const void *a, const void *b)
{
	const struct ip_prefix *x = a, *y = b;
	int c = ip_cmp(&x->addr, &y->addr);

	return c ? c : (int)x->len - (int)y->len;
}

static void sort_ranges(struct draft *d)
{
	size_t n = 0;

	vec_sort(&d->ranges, range_cmp);
	for (size_t i = 0; i < d->ranges.len; i++)
		if (n == 0 || range_cmp(&d->ranges.ptr[n - 1], &d->ranges.ptr[i]))
			d->ranges.ptr[n++] = d->ranges.ptr[i];
	d->ranges.len = n;
}

static void draft_port(struct draft *d, const struct svc_config *c, const struct api_service *s,
		       const struct ip_addr *cluster_ip, const struct api_service_port *p,
		       const struct api_endpoint_slice *const *slices, size_t n_slices)
{
	bool outside;

	d->port = (struct svc_port){
		.name = p->name, .protocol = p->protocol, .family = ip_family(cluster_ip)};
	add_frontends(d, c, s, cluster_ip, p);
	add_ranges(d, c, s);
	sort_ranges(d);
	outside = d->frontends.len > 1;
	d->port.is_internal_local = s->internal_policy == API_POLICY_LOCAL;
	d->port.is_external_local = s->external_policy == API_POLICY_LOCAL && outside;
	if (s->has_client_affinity)
		d->port.affinity_s =
			(uint32_t)MIN(MAX(s->affinity_timeout_s, 1), (int32_t)SVC_AFFINITY_MAX_S);
	svc_select(c,
		   &(struct svc_wanted){.port_name = p->name,
					.protocol = p->protocol,
					.family = d->port.family,
					.cluster = !d->port.is_internal_local || outside,
					.local = d->port.is_internal_local ||
						 d->port.is_external_local},
		   slices, n_slices, &d->sel);
	d->port.has_any = d->sel.has_any;
	d->port.is_cut = d->sel.is_cut;
	d->port.n_cluster = d->sel.n_cluster;
	d->port.n_local = d->sel.n_local;
}

static void draft_fini(struct draft *d)
{
	vec_fini(&d->frontends);
	vec_fini(&d->ranges);
	svc_selection_fini(&d->sel);
}

/* True for one that an earlier port has, or this one; else it is in *seen afterwards. */
static bool is_twin(struct map *seen, const struct draft *d, const struct svc_frontend *f)
{
	char buf[SVC_FRONTEND_KEY_LEN];
	struct str key = svc_frontend_key(d->port.protocol, f, buf);

	return map_put(seen, key, seen) != NULL;
}

/* API servers let no two ports of a Service be alike, but nothing here may hang on that: a kernel
 * refuses an element that is there twice, and with it the whole change. The first port has it; one
 * that is left without its cluster IP goes. Returns how many stay. */
static size_t drop_twins(struct draft *drafts, size_t n)
{
	struct map seen = {0};
	size_t stay = 0;

	for (size_t i = 0; n > 1 && i < n; i++) {
		struct draft d = drafts[i];
		size_t k = 0;

		if (is_twin(&seen, &d, &d.frontends.ptr[0])) {
			draft_fini(&d);
			continue;
		}
		vec_foreach(f, &d.frontends)
			if (f == d.frontends.ptr || !is_twin(&seen, &d, f))
				d.frontends.ptr[k++] = *f;
		d.frontends.len = k;
		drafts[stay++] = d;
	}
	map_fini(&seen);
	return n > 1 ? stay : n;
}

static void *take(char **at, size_t size)
{
	void *p = *at;

	*at += (size + 7) & ~(size_t)7;
	return p;
}

static struct str take_str(char **at, struct str s)
{
	char *p = take(at, s.len + 1);

	if (s.len)
		memcpy(p, s.ptr, s.len);
	return str_n(p, s.len);
}

static void *take_copy(char **at, const void *from, size_t size)
{
	void *p = take(at, size);

	if (size)
		memcpy(p, from, size);
	return p;
}

static size_t round8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static size_t packed_size(const struct draft *drafts, size_t n, const struct api_meta *m)
{
	size_t size = round8(sizeof(struct svc_entry)) + round8(n * sizeof(struct svc_port)) +
		      round8(m->ns.len + m->name.len + 2);

	for (size_t i = 0; i < n; i++) {
		const struct draft *d = &drafts[i];

		size += round8(d->port.name.len + 1);
		size += round8(d->frontends.len * sizeof(struct svc_frontend));
		size += round8(d->ranges.len * sizeof(struct ip_prefix));
		size += round8(d->sel.backends.len * sizeof(struct svc_backend));
	}
	return size;
}

/* One block: 10,000 entries of a few hundred bytes each are worth it. */
static struct svc_entry *pack(const struct draft *drafts, size_t n, const struct api_meta *m)
{
	size_t size = packed_size(drafts, n, m);
	char *block = mem_xzalloc(size), *at = block, *key;
	struct svc_entry *e = take(&at, sizeof(*e));

	e->refs = 1;
	e->ports = take(&at, n * sizeof(*e->ports));
	e->n_ports = n;
	key = take(&at, m->ns.len + m->name.len + 2);
	memcpy(key, m->ns.ptr, m->ns.len);
	key[m->ns.len] = '/';
	memcpy(key + m->ns.len + 1, m->name.ptr, m->name.len);
	e->key = str_n(key, m->ns.len + 1 + m->name.len);
	for (size_t i = 0; i < n; i++) {
		const struct draft *d = &drafts[i];
		struct svc_port *p = &e->ports[i];

		*p = d->port;
		p->name = take_str(&at, d->port.name);
		p->n_frontends = d->frontends.len;
		p->frontends =
			take_copy(&at, d->frontends.ptr, p->n_frontends * sizeof(*p->frontends));
		p->n_ranges = d->ranges.len;
		p->ranges = take_copy(&at, d->ranges.ptr, p->n_ranges * sizeof(*p->ranges));
		p->n_backends = d->sel.backends.len;
		p->backends =
			take_copy(&at, d->sel.backends.ptr, p->n_backends * sizeof(*p->backends));
	}
	assert(at == block + size);
	return e;
}

static uint16_t health_port(const struct api_service *s)
{
	return s->type == API_LOAD_BALANCER && s->external_policy == API_POLICY_LOCAL
		       ? s->health_check_node_port
		       : 0;
}

struct svc_entry *svc_build_entry(const struct svc_config *c, const struct api_service *s,
				  const struct api_endpoint_slice *const *slices, size_t n_slices)
{
	size_t n = 0, max = s->n_ports * s->n_cluster_addrs;
	struct draft *drafts;
	struct svc_entry *e;

	if (!svc_build_wants(s))
		return NULL;
	drafts = mem_xarray(max ? max : 1, sizeof(*drafts));
	for (size_t f = 0; f < s->n_cluster_addrs; f++)
		for (size_t i = 0; !ip_is_unspecified(&s->cluster_addrs[f]) && i < s->n_ports; i++)
			draft_port(&drafts[n++], c, s, &s->cluster_addrs[f], &s->ports[i], slices,
				   n_slices);
	n = drop_twins(drafts, n);
	e = pack(drafts, n, &s->meta);
	e->health_port = health_port(s);
	if (e->health_port)
		e->n_health_ready = svc_select_ready_here(c, slices, n_slices);
	for (size_t i = 0; i < n; i++)
		draft_fini(&drafts[i]);
	free(drafts);
	return e;
}
