/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/agent.h"

#include "agent/endpoint.h"
#include "agent/node.h"
#include "agent/pod.h"
#include "agent/state.h"
#include "base/dir.h"
#include "base/fd.h"
#include "base/log.h"
#include "client/reflector.h"
#include "netlink/link.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

/* ---- what an earlier agent left ------------------------------------------------------------ */

static void find_one(struct agent *a, const char *uid)
{
	struct agent_sandbox *s;
	struct err err;

	if (agent_sandbox_load(a->config.state_dir, uid, &s, &err) < 0) {
		_cleanup_(mem_freep) char *dir =
			mem_xprintf("%s/pods/%s", a->config.state_dir, uid);

		log_warning("a Pod's record cannot be read, removing it error=%s", err.msg);
		IGNORE(dir_remove_tree(dir, NULL), "it was said");
		return;
	}
	map_put(&a->found, str_of(uid), s);
}

static int find_all(struct agent *a, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pods", a->config.state_dir);
	struct dirent *e;
	int r = dir_make_all(path, err);
	DIR *d;

	if (r < 0)
		return r;
	d = opendir(path);
	if (!d)
		return err_sys(err, errno, "open folder '%s'", path);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			find_one(a, e->d_name);
	closedir(d);
	return 0;
}

static void reserve(struct agent *a, const struct agent_sandbox *s)
{
	struct err err;

	for (size_t i = 0; i < s->n_addrs; i++)
		for (size_t k = 0; k < a->n_ipam; k++)
			if (ip_family(&s->addrs[i]) == ip_family(&a->ipam[k].range.addr) &&
			    agent_ipam_take(&a->ipam[k], &s->addrs[i], &err) < 0)
				log_warning("address of a Pod found here pod=%s/%s error=%s", s->ns,
					    s->name, err.msg);
}

/* Pods that are not in the API any more. */
static void remove_unclaimed(struct agent *a)
{
	map_foreach(e, &a->found) {
		struct agent_sandbox *s = e->value;
		struct err err;

		log_info("a Pod that is gone from the API is ended pod=%s/%s", s->ns, s->name);
		agent_sandbox_kill(s, a->links);
		for (size_t i = 0; i < s->n_addrs; i++)
			for (size_t k = 0; k < a->n_ipam; k++)
				agent_ipam_release(&a->ipam[k], &s->addrs[i]);
		if (agent_sandbox_remove(s, &err) < 0)
			log_warning("a Pod's files stay behind error=%s", err.msg);
		map_remove(&a->found, map_key(e));
		agent_sandbox_free(s);
	}
}

/* ---- the watches --------------------------------------------------------------------------- */

static void sync_all(struct agent *a)
{
	map_foreach(e, &a->by_uid)
		agent_pod_sync(e->value);
}

static void on_pod(void *ctx, struct client_object *before, struct client_object *after)
{
	struct agent *a = ctx;
	struct agent_pod *p;

	if (before && (!after || !str_eq(before->meta->uid, after->meta->uid))) {
		p = map_remove(&a->by_uid, before->meta->uid);
		if (p)
			agent_pod_free(p, false);
	}
	if (!after)
		return;
	p = map_get(&a->by_uid, after->meta->uid);
	if (p) {
		agent_pod_update(p, after);
		return;
	}
	p = agent_pod_new(a, after);
	map_put(&a->by_uid, after->meta->uid, p);
	agent_pod_sync(p);
}

static void on_pods(void *ctx)
{
	struct agent *a = ctx;

	a->has_pods = true;
	log_info("Pods are known count=%zu", client_reflector_len(a->pods));
	remove_unclaimed(a);
	sync_all(a);
}

static void ignore_change(void *ctx, struct client_object *before, struct client_object *after)
{
}

static void on_services(void *ctx)
{
	struct agent *a = ctx;

	a->has_services = true;
	sync_all(a);
}

/* The ranges are known (config or Node object): Pods may get addresses. */
static void on_ranges(struct agent *a)
{
	struct err err;

	for (size_t i = 0; i < a->config.n_pod_cidrs; i++)
		if (agent_ipam_init(&a->ipam[a->n_ipam], &a->config.pod_cidrs[i], &err) < 0)
			log_error("the node's range cannot be used error=%s", err.msg);
		else
			a->n_ipam++;
	map_foreach(e, &a->found)
		reserve(a, e->value);
	map_foreach(e, &a->by_uid) {
		struct agent_pod *p = e->value;

		if (p->place.box)
			reserve(a, p->place.box);
	}
	sync_all(a);
}

static void watch(struct agent *a)
{
	_cleanup_(mem_freep) char *mine = mem_xprintf("spec.nodeName=%s", a->config.node_name);
	struct client_selection pods = {.field_selector = str_of(mine)};
	struct client_selection all = {0};

	a->pods = client_reflector_new(a->loop, a->client, api_kind_of("Pod"), &pods);
	client_reflector_add(a->pods, &(struct client_handler){
					      .on_change = on_pod, .on_synced = on_pods, .ctx = a});
	a->services = client_reflector_new(a->loop, a->client, api_kind_of("Service"), &all);
	client_reflector_add(a->services, &(struct client_handler){.on_change = ignore_change,
								   .on_synced = on_services,
								   .ctx = a});
}

/* ---- the node's kernel --------------------------------------------------------------------- */

/* Pods reach each other and the world through this node's IP stack. */
static void set_sysctls(void)
{
	static const char *const entries[][2] = {
		{"/proc/sys/net/ipv4/ip_forward", "1"},
		{"/proc/sys/net/ipv6/conf/all/forwarding", "1"},
		{"/proc/sys/net/ipv4/conf/all/send_redirects", "0"},
		{"/proc/sys/net/ipv4/conf/default/send_redirects", "0"},
	};

	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		FILE *f = fopen(entries[i][0], "we");
		bool is_written = f && fputs(entries[i][1], f) >= 0;

		if (f)
			is_written &= fclose(f) == 0;
		if (!is_written)
			log_warning("cannot be set, Pods may not be reached from elsewhere "
				    "sysctl=%s value=%s error=%s",
				    entries[i][0], entries[i][1], strerror(errno));
	}
}

int agent_new(struct loop *l, struct client *c, const struct agent_config *config,
	      struct agent **ret, struct err *err)
{
	struct agent *a = mem_xnew(struct agent);
	int r;

	a->config = *config;
	a->loop = l;
	a->client = c;
	r = link_open(-1, &a->links, err);
	if (r == 0)
		r = find_all(a, err);
	if (r == 0 && config->port)
		r = agent_endpoint_new(a, &a->endpoint, err);
	if (r < 0) {
		agent_free(a);
		return r;
	}
	set_sysctls();
	if (config->n_pod_cidrs)
		on_ranges(a);
	a->node = agent_node_new(a, on_ranges);
	watch(a);
	*ret = a;
	return 0;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	agent_endpoint_free(a->endpoint);
	client_reflector_free(a->pods);
	map_foreach(e, &a->by_uid)
		agent_pod_free(e->value, true);
	map_fini(&a->by_uid);
	map_foreach(e, &a->found)
		agent_sandbox_free(e->value);
	map_fini(&a->found);
	client_reflector_free(a->services);
	agent_node_free(a->node);
	for (size_t i = 0; i < a->n_ipam; i++)
		agent_ipam_fini(&a->ipam[i]);
	link_close(a->links);
	free(a);
}
