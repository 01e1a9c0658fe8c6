/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A cluster's pools and a way to plan Services written as JSON with ' for ". */

#include "api/defaults/defaults.h"
#include "api/defaults/service.h"
#include "api/kind.h"
#include "apiserver/service/plan.h"
#include "tests/harness/test.h"

struct plan_fixture {
	struct arena a;
	struct ip_alloc ips[2];
	struct port_alloc ports;
	struct service_pools pools;
	struct rand rand;
	struct service_plan plan;
	struct api_causes causes;
	struct err err;
	struct json *object; /* of the last plan */
};

static inline void plan_fixture_init(struct plan_fixture *f, const char *cidr, const char *cidr2)
{
	const char *cidrs[] = {cidr, cidr2};
	struct err err;

	*f = (struct plan_fixture){0};
	arena_init(&f->a, 0);
	rand_seed(&f->rand, 42);
	for (size_t i = 0; i < 2 && cidrs[i]; i++) {
		struct ip_prefix prefix;

		ASSERT_OK(ip_prefix_parse(str_of(cidrs[i]), &prefix, &err));
		ip_alloc_init(&f->ips[i], ip_family(&prefix.addr));
		ASSERT_OK(ip_alloc_add_range(&f->ips[i], &prefix, &err));
		f->pools.ips[f->pools.n_ips++] = &f->ips[i];
	}
	port_alloc_init(&f->ports, 30000, 32767);
	f->pools.ports = &f->ports;
}

static inline void plan_fixture_fini(struct plan_fixture *f)
{
	for (size_t i = 0; i < f->pools.n_ips; i++)
		ip_alloc_fini(&f->ips[i]);
	port_alloc_fini(&f->ports);
	arena_fini(&f->a);
}

static inline struct json *plan_parse(struct plan_fixture *f, const char *text)
{
	char *s = arena_strdup(&f->a, text);
	struct json *o = NULL;
	struct err err;

	for (char *p = s; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	ASSERT_OK(json_parse(&f->a, str_of(s), 0, &o, &err));
	return o;
}

/* A whole Service, defaulted, of a spec. */
static inline struct json *plan_service(struct plan_fixture *f, const char *name, const char *spec)
{
	const struct api_kind *kind = api_kind_of("Service");
	struct json *o = plan_parse(f, "{'kind':'Service','apiVersion':'v1','metadata':{"
				       "'namespace':'default','uid':'u-1'},'status':{}}");

	json_set(json_get(o, "metadata"), "name", json_new_string(&f->a, str_of(name)));
	json_set(o, "spec", plan_parse(f, spec));
	api_defaults(&f->a, kind, o);
	return o;
}

static inline int plan_make(struct plan_fixture *f, const struct json *old, struct json *object,
			    bool is_dry_run)
{
	struct service_plan_input in = {
		.a = &f->a,
		.old = old,
		.object = object,
		.pools = &f->pools,
		.rand = &f->rand,
		.is_dry_run = is_dry_run,
	};

	api_causes_init(&f->causes, &f->a);
	f->err = (struct err){0};
	f->object = object;
	return service_plan_make(&in, &f->plan, &f->causes, &f->err);
}

/* What the store's watch would say once the plan's transaction is through. */
static inline void plan_commit(struct plan_fixture *f, const struct json *service)
{
	for (size_t i = 0; i < f->plan.n_add; i++) {
		struct buf b = BUF_INIT;

		json_write(&b, service_claim_value(&f->a, &f->plan.add[i], service, 0));
		service_pools_event(&f->pools, service_claim_key(&f->a, &f->plan.add[i]),
				    buf_str(&b), 1);
		buf_fini(&b);
	}
	for (size_t i = 0; i < f->plan.n_release; i++)
		service_pools_event(&f->pools, service_claim_key(&f->a, &f->plan.release[i]),
				    (struct str){0}, 1);
}
