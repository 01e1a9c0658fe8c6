/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds a proxy mode without an API server: reads commands, one a line, from standard input and
 * answers on standard output with lines that end in "ok" or "error …".
 *
 *	config {…}   node, zone, clusterCIDR [..], nodeAddresses [..], nodePortAddresses [..],
 *	             primary, masqueradeAll; before the first table
 *	table {…}    "services" and "slices": lists of objects; sync at first, then apply
 *	sync         the whole table again
 *	dump         what the kernel holds, a fact a line
 *	check        compares the kernel with the table; "error" with the differences
 *	reopen       a new back end, as after a restart; the kernel stays
 *	bench S E    loads S Services with E endpoints each, then changes single endpoints
 *	quit, purge  leaves the kernel as it is, or clean
 */

#include "api/decode/decode.h"
#include "base/clock.h"
#include "proxy/nftables/nftables.h"
#include "svc/build.h"

#include <sys/resource.h>

static const struct proxy_mode *const modes[] = {&nftables_mode};

struct driver {
	const struct proxy_mode *mode;
	struct proxy_backend *backend;
	struct svc_config *config;
	struct svc_state state;
};

static void answer(int r, const struct err *err)
{
	if (r < 0)
		printf("error %s\n", err->msg);
	else
		printf("ok\n");
	fflush(stdout);
}

static size_t read_prefixes(const struct json *list, struct arena *a, struct ip_prefix **ret)
{
	struct ip_prefix *p = arena_array(a, list ? list->count : 0, sizeof(*p));
	size_t n = 0;

	if (list)
		json_foreach(x, list)
			if (ip_prefix_parse(json_string(x), &p[n], NULL) == 0)
				n++;
	*ret = p;
	return n;
}

static int do_config(struct driver *d, const struct json *j, struct arena *a, struct err *err)
{
	struct svc_config c = {
		.node_name = json_get_string(j, "node"),
		.zone = json_get_string(j, "zone"),
		.masquerade_all = json_get_bool(j, "masqueradeAll", false),
		.node_ports_on_primary = json_get_bool(j, "primary", false),
	};
	struct ip_prefix *p;
	struct json *addrs = json_get(j, "nodeAddresses");

	c.n_pod_cidrs = MIN(read_prefixes(json_get(j, "clusterCIDR"), a, &p), 2u);
	memcpy(c.pod_cidrs, p, c.n_pod_cidrs * sizeof(*p));
	c.detect = c.n_pod_cidrs ? SVC_DETECT_CIDR : SVC_DETECT_NONE;
	c.n_node_port_cidrs = read_prefixes(json_get(j, "nodePortAddresses"), a, &p);
	c.node_port_cidrs = p;
	if (addrs)
		json_foreach(x, addrs) {
			int r = ip_parse(json_string(x), &c.node_addrs[c.n_node_addrs++], err);

			if (r < 0)
				return r;
		}
	svc_config_unref(d->config);
	d->config = svc_config_new(&c);
	return 0;
}

static int decode_slices(const struct json *list, struct arena *a, struct api_endpoint_slice **ret,
			 struct err *err)
{
	struct api_endpoint_slice *s = arena_array(a, list ? list->count : 0, sizeof(*s));
	size_t i = 0;

	*ret = s;
	if (!list)
		return 0;
	json_foreach(x, list) {
		int r = api_endpoint_slice_decode(a, x, &s[i++], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int build(struct driver *d, const struct json *j, struct arena *a, struct svc_table **ret,
		 struct err *err)
{
	VEC(struct svc_entry *) entries = {0};
	const struct json *list = json_get(j, "slices");
	size_t n = list ? list->count : 0;
	struct api_endpoint_slice *slices;
	const struct api_endpoint_slice **mine;
	int r = decode_slices(list, a, &slices, err);

	mine = arena_array(a, n, sizeof(struct api_endpoint_slice *));
	list = json_get(j, "services");
	for (const struct json *x = list ? list->first : NULL; r == 0 && x; x = x->next) {
		struct api_service s;
		struct svc_entry *e;
		size_t k = 0;

		r = api_service_decode(a, x, &s, err);
		for (size_t i = 0; r == 0 && i < n; i++)
			if (str_eq(slices[i].service, s.meta.name))
				mine[k++] = &slices[i];
		e = r == 0 ? svc_build_entry(d->config, &s, mine, k) : NULL;
		if (e)
			*vec_push(&entries) = e;
	}
	if (r == 0)
		*ret = svc_table_new(d->config, entries.ptr, entries.len);
	vec_foreach(e, &entries)
		svc_entry_unref(*e);
	vec_fini(&entries);
	return r;
}

/* Takes over the reference to `t`. */
static int establish(struct driver *d, struct svc_table *t, struct err *err)
{
	struct proxy_results res = {0};
	struct svc_diff diff;
	int r;

	svc_state_move(&d->state, t, &diff);
	r = proxy_apply(d->backend, &diff, &res, err);
	vec_foreach(f, &res.failed)
		printf("note %.*s: %s\n", STR_ARG(f->key), f->err.msg);
	proxy_results_fini(&res);
	svc_diff_fini(&diff);
	svc_table_unref(t);
	return r;
}

static int do_sync(struct driver *d, struct err *err)
{
	struct svc_view v = svc_state_view(&d->state);

	return v.table ? proxy_sync(d->backend, &v, NULL, err)
		       : err_set(err, ERR_USAGE, "no table yet");
}

static int do_table(struct driver *d, const struct json *j, struct arena *a, struct err *err)
{
	struct svc_table *t = NULL;
	int r = d->config ? build(d, j, a, &t, err) : err_set(err, ERR_USAGE, "no config yet");

	return r < 0 ? r : establish(d, t, err);
}

static int do_dump(struct driver *d, struct err *err)
{
	struct svc_facts f = {0};
	int r = proxy_dump(d->backend, &f, err);

	vec_foreach(l, &f.lines)
		printf("fact %s\n", *l);
	svc_facts_fini(&f);
	return r;
}

static int do_check(struct driver *d, struct err *err)
{
	struct svc_facts there = {0}, wanted = {0};
	struct buf b = BUF_INIT;
	int r = proxy_dump(d->backend, &there, err);

	if (r == 0) {
		struct svc_view v = svc_state_view(&d->state);

		svc_facts_of(&v, &wanted);
		if (!svc_facts_compare(&wanted, &there, 10, &b)) {
			for (size_t i = 0; i < b.len; i++)
				b.ptr[i] = b.ptr[i] == '\n' ? ';' : b.ptr[i];
			r = err_set(err, ERR_CONFLICT, "kernel differs: %s", b.ptr);
		}
	}
	buf_fini(&b);
	svc_facts_fini(&there);
	svc_facts_fini(&wanted);
	return r;
}

static int do_reopen(struct driver *d, struct err *err)
{
	int r = proxy_close(d->backend, PROXY_KEEP, err);

	svc_state_fini(&d->state);
	return r < 0 ? r : d->mode->open(&d->backend, err);
}

/* ---- bench ---- */

static struct svc_entry *bench_entry(struct svc_config *c, struct arena *a, uint32_t i, uint32_t n,
				     uint32_t shift)
{
	struct api_service_port port = {.name = STR("p"), .port = 80};
	struct api_endpoint_port eport = {.name = STR("p"), .port = 8080, .has_port = true};
	struct api_endpoint *ep = arena_array(a, n, sizeof(*ep));
	struct api_service s = {
		.meta = {.ns = STR("default"), .name = str_printf(a, "bench-%06u", i)},
		.ports = &port,
		.n_ports = 1,
		.cluster_addrs = {ip_from_v4(0x0a600000 + i + 1)},
		.n_cluster_addrs = 1,
	};
	struct api_endpoint_slice slice = {
		.endpoints = ep, .n_endpoints = n, .ports = &eport, .n_ports = 1};
	const struct api_endpoint_slice *const slices[] = {&slice};

	for (uint32_t k = 0; k < n; k++)
		ep[k] = (struct api_endpoint){
			.addr = ip_from_v4(0x0b000000 + i * n + k + (k == 0 ? shift : 0)),
			.has_addr = true,
			.ready = true,
			.serving = true,
			.node_name = k ? STR("n2") : STR("n1")};
	return svc_build_entry(c, &s, slices, 1);
}

static struct svc_table *bench_table(struct svc_config *c, uint32_t services, uint32_t endpoints)
{
	struct svc_entry **e = mem_xarray(services, sizeof(*e));
	struct svc_table *t;
	struct arena a;

	arena_init(&a, 0);
	for (uint32_t i = 0; i < services; i++) {
		arena_clear(&a);
		e[i] = bench_entry(c, &a, i, endpoints, 0);
	}
	t = svc_table_new(c, e, services);
	for (uint32_t i = 0; i < services; i++)
		svc_entry_unref(e[i]);
	free(e);
	arena_fini(&a);
	return t;
}

static int bench_change(struct driver *d, uint32_t i, uint32_t endpoints, uint32_t shift,
			struct err *err)
{
	struct svc_change c;
	struct svc_table *t;
	struct arena a;
	int r;

	arena_init(&a, 0);
	c.after = bench_entry(d->config, &a, i, endpoints, shift);
	c.before = svc_table_find(d->state.table, c.after->key);
	t = svc_table_change(d->state.table, &c, 1);
	r = establish(d, t, err);
	svc_entry_unref(c.after);
	arena_fini(&a);
	return r;
}

static int do_bench(struct driver *d, uint32_t services, uint32_t endpoints, struct err *err)
{
	enum {
		CHANGES = 100,
	};
	const struct clock *c = &clock_system;
	int64_t t0 = c->mono_ns(c), t1, t2, t3, t4, t5;
	struct svc_table *t = bench_table(d->config, services, endpoints);
	struct rusage ru;
	int r;

	t1 = c->mono_ns(c);
	r = establish(d, t, err);
	t2 = c->mono_ns(c);
	for (uint32_t i = 0; r == 0 && i < CHANGES; i++)
		r = bench_change(d, i * (services / CHANGES), endpoints, 0x100000, err);
	t3 = c->mono_ns(c);
	for (uint32_t i = 0; r == 0 && i < CHANGES; i++)
		r = bench_change(d, i * (services / CHANGES), endpoints - 1, 0x100000, err);
	t4 = c->mono_ns(c);
	if (r == 0)
		r = do_sync(d, err);
	t5 = c->mono_ns(c);
	getrusage(RUSAGE_SELF, &ru);
	printf("bench services=%u endpoints=%u build_ms=%.1f load_ms=%.1f replace_us=%.1f "
	       "remove_us=%.1f resync_ms=%.1f rss_kib=%ld\n",
	       services, endpoints, (double)(t1 - t0) / 1e6, (double)(t2 - t1) / 1e6,
	       (double)(t3 - t2) / 1e3 / CHANGES, (double)(t4 - t3) / 1e3 / CHANGES,
	       (double)(t5 - t4) / 1e6, ru.ru_maxrss);
	return r;
}

static int run(struct driver *d, struct str line, struct err *err)
{
	struct json *j = NULL;
	struct str verb;
	struct arena a;
	uint64_t n[2] = {1000, 4};
	int r = 0;

	arena_init(&a, 0);
	str_next(&line, ' ', &verb);
	if (str_eq_c(verb, "config") || str_eq_c(verb, "table"))
		r = json_parse(&a, line, 0, &j, err);
	if (r == 0 && str_eq_c(verb, "config"))
		r = do_config(d, j, &a, err);
	else if (r == 0 && str_eq_c(verb, "table"))
		r = do_table(d, j, &a, err);
	else if (str_eq_c(verb, "sync"))
		r = do_sync(d, err);
	else if (str_eq_c(verb, "dump"))
		r = do_dump(d, err);
	else if (str_eq_c(verb, "check"))
		r = do_check(d, err);
	else if (str_eq_c(verb, "reopen"))
		r = do_reopen(d, err);
	else if (str_eq_c(verb, "bench")) {
		for (int i = 0; r == 0 && i < 2 && str_next(&line, ' ', &verb); i++)
			r = str_to_u64(verb, 1, 100000, &n[i], err);
		if (r == 0)
			r = do_bench(d, (uint32_t)n[0], (uint32_t)n[1], err);
	} else if (r == 0)
		r = err_set(err, ERR_USAGE, "unknown command '%.*s'", STR_ARG(verb));
	arena_fini(&a);
	return r;
}

static const struct proxy_mode *find_mode(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (str_eq_c(str_of(name), modes[i]->name))
			return modes[i];
	return NULL;
}

int main(int argc, char **argv)
{
	struct driver d = {.mode = find_mode(argc > 1 ? argv[1] : "nftables")};
	enum proxy_close how = PROXY_KEEP;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	struct err err = {0};
	int r;

	if (!d.mode) {
		printf("error unknown mode '%s'\n", argv[1]);
		return 1;
	}
	r = d.mode->probe(&err);
	if (r == 0)
		r = d.mode->open(&d.backend, &err);
	answer(r, &err);
	if (r < 0)
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct str s = str_trim(str_n(line, (size_t)n));

		how = str_eq_c(s, "purge") ? PROXY_PURGE : PROXY_KEEP;
		if (how == PROXY_PURGE || str_eq_c(s, "quit"))
			break;
		answer(run(&d, s, &err), &err);
	}
	r = proxy_close(d.backend, how, &err);
	answer(r, &err);
	svc_state_fini(&d.state);
	svc_config_unref(d.config);
	free(line);
	return r < 0;
}
