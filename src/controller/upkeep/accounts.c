/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "controller"
#include "base/log.h"
#include "base/map.h"
#include "client/queue.h"
#include "controller/upkeep/drivers.h"

/*
 * What every namespace has: the ServiceAccount "default", and the ConfigMap "kube-root-ca.crt" with
 * the CA of the API server, by which Pods know it. What is missing is made, what was changed is put
 * right, also once at start: the CA may be another one.
 */

#define ACCOUNT    "default"
#define CONFIG_MAP "kube-root-ca.crt"

enum {
	ACCOUNTS_WORKERS = 16,
};

struct controller_accounts {
	struct controllers *c;
	struct client_queue *queue; /* namespaces */
	struct map checked;         /* namespaces whose ConfigMap is as we want it */
};

struct accounts_run {
	struct controller_accounts *a;
	char ns[];
};

static struct json *object(struct arena *a, const char *kind, const char *name)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set_string(a, obj, "apiVersion", STR("v1"));
	json_set_string(a, obj, "kind", str_of(kind));
	json_set_string(a, json_object_at(a, obj, "metadata"), "name", str_of(name));
	return obj;
}

static void add_config_map(struct controller_accounts *g, struct arena *a, bool is_there,
			   struct controller_writes *w)
{
	struct json *obj = is_there ? json_new(a, JSON_OBJECT) : object(a, "ConfigMap", CONFIG_MAP);

	json_set_string(a, json_object_at(a, obj, "data"), "ca.crt", g->c->config.root_ca);
	if (is_there) {
		controller_writes_merge(w, api_kind_of("ConfigMap"), STR(CONFIG_MAP), NULL, obj);
		return;
	}
	controller_writes_add(w, HTTP_POST, (struct str){0}, NULL, obj);
	controller_writes_kind(w, api_kind_of("ConfigMap"));
}

static void run_ended(void *ctx, const struct controller_written *w)
{
	struct accounts_run *run = ctx;
	struct controller_accounts *g = run->a;
	bool is_ok = w->r == 0 || w->r == ERR_NOT_FOUND;

	/* What exists already is not in the cache yet: the next try sees it. */
	if (!is_ok && w->r != ERR_EXISTS)
		log_warning("accounts: writing failed namespace=%s error=\"%s\"", run->ns,
			    w->err->msg);
	if (is_ok && !map_get(&g->checked, str_of(run->ns)))
		map_put(&g->checked, str_of(run->ns), g);
	client_queue_done(g->queue, str_of(run->ns), is_ok);
}

static void accounts_work(void *ctx, struct str ns)
{
	struct controller_accounts *g = ctx;
	struct client_object *o = client_reflector_get(g->c->namespaces, (struct str){0}, ns);
	bool has_map = client_reflector_get(g->c->config_maps, ns, STR(CONFIG_MAP)) != NULL;
	struct controller_writes *w;
	struct accounts_run *run;
	struct arena a;

	if (!o || o->meta->deleted_ns || g->c->config.has_no_accounts) {
		map_remove(&g->checked, ns);
		client_queue_done(g->queue, ns, true);
		return;
	}
	w = controller_writes_new(g->c, api_kind_of("ServiceAccount"), ns);
	arena_init(&a, 4096);
	if (g->c->config.root_ca.len && (!has_map || !map_get(&g->checked, ns)))
		add_config_map(g, &a, has_map, w);
	if (!client_reflector_get(g->c->accounts, ns, STR(ACCOUNT)))
		controller_writes_add(w, HTTP_POST, (struct str){0}, NULL,
				      object(&a, "ServiceAccount", ACCOUNT));
	arena_fini(&a);
	run = controller_writes_alloc(w, sizeof(*run) + ns.len + 1);
	run->a = g;
	memcpy(run->ns, ns.ptr, ns.len);
	run->ns[ns.len] = '\0';
	controller_writes_run(w, run_ended, run);
}

void controller_accounts_namespace(struct controller_accounts *g, const struct api_meta *meta)
{
	client_queue_add(g->queue, meta->name);
}

void controller_accounts_object(struct controller_accounts *g, const struct client_object *before,
				const struct client_object *after)
{
	const struct api_meta *meta = after ? after->meta : before->meta;
	bool is_map = str_eq_c(meta->name, CONFIG_MAP);

	if (!before || (!is_map && !(str_eq_c(meta->name, ACCOUNT) && !after)))
		return;
	if (is_map)
		map_remove(&g->checked, meta->ns);
	client_queue_add(g->queue, meta->ns);
}

struct controller_accounts *controller_accounts_new(struct controllers *c)
{
	static const struct client_queue_config config = {
		.name = "serviceaccount",
		.base_ms = 100,
		.max_ms = 60000,
		.workers = ACCOUNTS_WORKERS,
	};
	struct controller_accounts *g = mem_xnew(struct controller_accounts);

	g->c = c;
	g->queue = client_queue_new(c->loop, &config, accounts_work, g);
	return g;
}

void controller_accounts_free(struct controller_accounts *g)
{
	if (!g)
		return;
	client_queue_free(g->queue);
	map_fini(&g->checked);
	free(g);
}
