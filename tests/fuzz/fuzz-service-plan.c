/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The plan of a Service's addresses and ports: each line of the input is a spec; the first creates
 * the Service, the others update it, a line that begins with '?' in a dry run. What is planned is
 * claimed, so that later lines meet it, and nothing may be claimed or released twice in one plan.
 */

#include "api/defaults/service.h"
#include "api/kind.h"
#include "apiserver/service/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct arena a;
	struct ip_alloc ips[2];
	struct port_alloc ports;
	struct service_pools pools;
	struct rand rand;
};

static void open_pools(struct fuzz *f)
{
	static const char *const cidrs[] = {"10.0.0.0/28", "2001:db8::/124"};

	*f = (struct fuzz){0};
	arena_init(&f->a, 0);
	rand_seed(&f->rand, 1);
	for (size_t i = 0; i < 2; i++) {
		struct ip_prefix prefix;
		int r = ip_prefix_parse(str_of(cidrs[i]), &prefix, NULL);

		assert(r >= 0);
		ip_alloc_init(&f->ips[i], ip_family(&prefix.addr));
		r = ip_alloc_add_range(&f->ips[i], &prefix, NULL);
		assert(r >= 0);
		f->pools.ips[i] = &f->ips[i];
	}
	f->pools.n_ips = 2;
	port_alloc_init(&f->ports, 30000, 30020);
	f->pools.ports = &f->ports;
}

static void close_pools(struct fuzz *f)
{
	ip_alloc_fini(&f->ips[0]);
	ip_alloc_fini(&f->ips[1]);
	port_alloc_fini(&f->ports);
	arena_fini(&f->a);
}

/* Claims were free, and each is named once. */
static void claim(struct fuzz *f, const struct service_plan *plan)
{
	for (size_t i = 0; i < plan->n_release; i++)
		service_pools_event(&f->pools, service_claim_key(&f->a, &plan->release[i]),
				    (struct str){0}, 1);
	for (size_t i = 0; i < plan->n_add; i++) {
		const struct service_claim *c = &plan->add[i];

		if (c->is_port)
			assert(!port_alloc_has(&f->ports, c->port));
		else
			assert(!ip_alloc_has(&f->ips[ip_family(&c->ip) == IP_V6], &c->ip));
		service_pools_event(&f->pools, service_claim_key(&f->a, c),
				    STR("{\"namespace\":\"d\",\"name\":\"s\"}"), 1);
	}
}

static struct json *service_of(struct fuzz *f, struct str spec)
{
	struct json *o = json_new(&f->a, JSON_OBJECT), *s;

	if (json_parse(&f->a, spec, 0, &s, NULL) < 0)
		return NULL;
	json_set(o, "spec", s);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_n((const char *)data, size), line;
	struct fuzz f;
	struct json *old = NULL;

	open_pools(&f);
	while (str_next(&rest, '\n', &line)) {
		bool is_dry_run = line.len && line.ptr[0] == '?';
		struct json *o = service_of(&f, is_dry_run ? str_skip(line, 1) : line);
		struct service_plan_input in = {.a = &f.a,
						.old = old,
						.object = o,
						.pools = &f.pools,
						.rand = &f.rand,
						.is_dry_run = is_dry_run};
		struct service_plan plan;
		struct api_causes causes;
		struct err err;

		if (!o)
			continue;
		api_causes_init(&causes, &f.a);
		if (service_plan_make(&in, &plan, &causes, &err) < 0 || is_dry_run)
			continue;
		claim(&f, &plan);
		old = o;
		api_default_service_on_read(&f.a, old, IP_V4);
	}
	close_pools(&f);
	return 0;
}
