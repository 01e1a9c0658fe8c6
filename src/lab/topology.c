/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/topology.h"

#include "base/fd.h"
#include "netlink/link.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- namespaces --------------------------------------------------------------------------- */

static int open_ns(pid_t pid, const char *kind, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%d/ns/%s", pid, kind);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "open '%s'", path) : fd;
}

_noreturn_ static void hold(const char *name, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, name);
	if (unshare(CLONE_NEWNET | CLONE_NEWUTS) < 0 || sethostname(name, strlen(name)) < 0)
		_exit(1);
	IGNORE(write(ready, "", 1), "the parent sees the end anyway");
	close(ready);
	for (;;)
		pause();
}

static int make_space(struct lab_spaces *s, const char *name, struct err *err)
{
	struct lab_space *sp = vec_push(&s->all);
	int ready[2], r;
	char byte;

	snprintf(sp->name, sizeof(sp->name), "%s", name);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	sp->pid = fork();
	if (sp->pid == 0) {
		close(ready[0]);
		hold(name, ready[1]);
	}
	close(ready[1]);
	r = sp->pid < 0 || read(ready[0], &byte, 1) != 1
		    ? err_set(err, ERR_UNSUPPORTED,
			      "no network namespace for '%s': this needs root, or a kernel that "
			      "allows user namespaces ('unshare -Urn')",
			      name)
		    : 0;
	close(ready[0]);
	if (r == 0)
		r = sp->netns = open_ns(sp->pid, "net", err);
	if (r >= 0)
		r = sp->uts = open_ns(sp->pid, "uts", err);
	return r < 0 ? r : 0;
}

static int take_router(struct lab_spaces *s, struct err *err)
{
	struct lab_space *sp = vec_push(&s->all);
	int r;

	snprintf(sp->name, sizeof(sp->name), "router");
	sp->pid = getpid();
	IGNORE(sethostname("router", 6), "only for people");
	r = sp->netns = open_ns(sp->pid, "net", err);
	if (r >= 0)
		r = sp->uts = open_ns(sp->pid, "uts", err);
	return r < 0 ? r : 0;
}

struct lab_space *lab_topology_find(struct lab_spaces *s, const char *name)
{
	vec_foreach(sp, &s->all)
		if (!strcmp(sp->name, name))
			return sp;
	return NULL;
}

/* ---- sysctls ------------------------------------------------------------------------------- */

/* In the namespace of the caller: /proc/sys/net shows that of who opens it. Replies may come back
 * by another network than requests went, so no reverse path filter. */
static int set_sysctls(void *ctx, struct err *err)
{
	static const char *const entries[][2] = {
		{"ipv4/conf/all/rp_filter", "0"},
		{"ipv4/conf/default/rp_filter", "0"},
		{"ipv4/conf/all/send_redirects", "0"},
		{"ipv4/conf/default/send_redirects", "0"},
		{"ipv6/conf/all/accept_dad", "0"},
		{"ipv6/conf/default/accept_dad", "0"},
		{"ipv6/conf/all/accept_ra", "0"},
		{"ipv6/conf/default/accept_ra", "0"},
		{"ipv4/ip_forward", "1"},
		{"ipv6/conf/all/forwarding", "1"},
	};
	const struct lab_space *sp = ctx;
	bool is_router = !strcmp(sp->name, "router");

	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		_cleanup_(mem_freep) char *path = mem_xprintf("/proc/sys/net/%s", entries[i][0]);
		_cleanup_(fd_closep) int fd = -1;

		/* Nodes are told to forward by their agents. */
		if (!is_router && strstr(path, "forward"))
			continue;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, entries[i][1], 1) != 1)
			fprintf(stderr, "lab: %s: %s cannot be set (%s); going on\n", sp->name,
				path, strerror(errno));
	}
	return 0;
}

/* ---- wires --------------------------------------------------------------------------------- */

static const enum ip_family families[] = {IP_V4, IP_V6};

static int add_addrs(const struct lab_spaces *s, struct link_sock *l, const char *dev,
		     enum lab_net net, unsigned host, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < (s->has_v6 ? 2 : 1); i++) {
		struct ip_prefix addr = lab_plan_addr(net, families[i], host);

		r = link_add_addr(l, dev, &addr, err);
	}
	return r == 0 ? link_set_up(l, dev, err) : r;
}

/* A route to everything, through the router on that network. */
static int add_default(const struct lab_spaces *s, struct link_sock *l, enum lab_net net,
		       struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < (s->has_v6 ? 2 : 1); i++) {
		struct link_route route = {.has_via = true};

		route.to.addr = families[i] == IP_V4 ? ip_from_v4(0) : (struct ip_addr){0};
		route.via = lab_plan_addr(net, families[i], LAB_ROUTER).addr;
		r = link_set_route(l, &route, err);
	}
	return r;
}

/* One wire from the router to a space. `bridge` NULL: the router's end has the address itself. */
static int add_wire(const struct lab_spaces *s, struct link_sock *router, struct link_sock *there,
		    const struct lab_space *sp, const char *dev, const char *bridge,
		    enum lab_net net, unsigned host, struct err *err)
{
	char name[LINK_NAME_MAX];
	int r;

	snprintf(name, sizeof(name), "%.9s-%s", sp->name, dev);
	r = link_add_veth(router, &(struct link_veth_end){name, NULL, -1},
			  &(struct link_veth_end){dev, NULL, sp->netns}, err);
	if (r == 0 && bridge)
		r = link_set_master(router, name, bridge, err);
	if (r == 0)
		r = bridge ? link_set_up(router, name, err)
			   : add_addrs(s, router, name, net, LAB_ROUTER, err);
	return r == 0 ? add_addrs(s, there, dev, net, host, err) : r;
}

static int wire_space(const struct lab_spaces *s, struct link_sock *router,
		      const struct lab_space *sp, unsigned node, struct err *err)
{
	_cleanup_(link_closep) struct link_sock *there = NULL;
	bool is_client = !strcmp(sp->name, "client");
	unsigned host = node ? LAB_NODE0 + node : LAB_GUEST;
	int r = link_open(sp->netns, &there, err);

	if (r == 0)
		r = link_set_up(there, "lo", err);
	if (r == 0 && is_client)
		r = add_wire(s, router, there, sp, "eth0", NULL, LAB_OUTSIDE, host, err);
	else if (r == 0)
		r = add_wire(s, router, there, sp, "eth0", "internal", LAB_INTERNAL, host, err);
	if (r == 0 && node)
		r = add_wire(s, router, there, sp, "eth1", "external", LAB_EXTERNAL, host, err);
	if (r == 0)
		r = add_default(s, there,
				node        ? LAB_EXTERNAL
				: is_client ? LAB_OUTSIDE
					    : LAB_INTERNAL,
				err);
	return r < 0 ? err_wrap(err, r, "wiring '%s'", sp->name) : 0;
}

/* The router knows the way to every node's Pods, as a cloud's route table does. */
static int add_pod_routes(const struct lab_spaces *s, struct link_sock *router, unsigned node,
			  struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < (s->has_v6 ? 2 : 1); i++) {
		struct link_route route = {.to = lab_plan_pods(families[i], node), .has_via = true};

		route.via = lab_plan_addr(LAB_INTERNAL, families[i], LAB_NODE0 + node).addr;
		r = link_set_route(router, &route, err);
	}
	return r;
}

static int make_router(const struct lab_spaces *s, struct link_sock *l, struct err *err)
{
	int r = link_set_up(l, "lo", err);

	if (r == 0)
		r = link_add_bridge(l, "internal", err);
	if (r == 0)
		r = link_add_bridge(l, "external", err);
	if (r == 0)
		r = add_addrs(s, l, "internal", LAB_INTERNAL, LAB_ROUTER, err);
	if (r == 0)
		r = add_addrs(s, l, "external", LAB_EXTERNAL, LAB_ROUTER, err);
	return r;
}

static int make_spaces(struct lab_spaces *s, unsigned nodes, struct err *err)
{
	int r = take_router(s, err);

	if (r == 0)
		r = make_space(s, "server", err);
	if (r == 0)
		r = make_space(s, "client", err);
	for (unsigned n = 1; r == 0 && n <= nodes; n++) {
		char name[LAB_NAME_MAX];

		snprintf(name, sizeof(name), "node%u", n);
		r = make_space(s, name, err);
	}
	vec_foreach(sp, &s->all)
		if (r == 0)
			r = link_in_netns(sp->netns, set_sysctls, sp, err);
	return r;
}

int lab_topology_make(struct lab_spaces *s, unsigned nodes, struct err *err)
{
	_cleanup_(link_closep) struct link_sock *router = NULL;
	int r;

	*s = (struct lab_spaces){.has_v6 = access("/proc/sys/net/ipv6", F_OK) == 0};
	r = make_spaces(s, nodes, err);
	if (r == 0)
		r = link_open(-1, &router, err);
	if (r == 0)
		r = make_router(s, router, err);
	for (size_t i = 1; r == 0 && i < s->all.len; i++)
		r = wire_space(s, router, &s->all.ptr[i], i < 3 ? 0 : (unsigned)i - 2, err);
	for (unsigned n = 1; r == 0 && n <= nodes; n++)
		r = add_pod_routes(s, router, n, err);
	return r;
}
