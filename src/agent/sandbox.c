/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox.h"

#include "base/dir.h"
#include "base/fd.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	RECORD_MAX = 4096, /* bytes of the record file */
};

/* The node's end of every Pod's wire: never seen by anyone but the Pod. */
static const uint8_t gateway_mac[LINK_MAC_LEN] = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee};

struct agent_sandbox *agent_sandbox_new(const char *state_dir, struct str uid, struct str ns,
					struct str name)
{
	struct agent_sandbox *s = mem_xnew(struct agent_sandbox);

	s->dir = mem_xprintf("%s/pods/%.*s", state_dir, STR_ARG(uid));
	s->uid = mem_xstrndup(uid.ptr, uid.len);
	s->ns = mem_xstrndup(ns.ptr, ns.len);
	s->name = mem_xstrndup(name.ptr, name.len);
	return s;
}

void agent_sandbox_free(struct agent_sandbox *s)
{
	if (!s)
		return;
	free(s->dir);
	free(s->uid);
	free(s->ns);
	free(s->name);
	free(s);
}

/* ---- the directory ------------------------------------------------------------------------ */

int agent_sandbox_save(const struct agent_sandbox *s, struct err *err)
{
	static const char *const folders[] = {"container", "etc", "log"};
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/record", s->dir);
	char text[IP_TEXT_MAX];
	struct buf b = BUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++) {
		_cleanup_(mem_freep) char *folder = mem_xprintf("%s/%s", s->dir, folders[i]);

		r = dir_make_all(folder, err);
	}
	buf_printf(&b, "ns %s\nname %s\nstarted %lld\nhostNetwork %d\n", s->ns, s->name,
		   (long long)s->started_ns, s->has_host_network);
	for (size_t i = 0; i < s->n_addrs; i++)
		buf_printf(&b, "addr %.*s\n", STR_ARG(ip_format(&s->addrs[i], text)));
	if (r == 0)
		r = fd_write_file(path, buf_str(&b), 0600, err);
	buf_fini(&b);
	return r;
}

static void replace(char **at, struct str s)
{
	free(*at);
	*at = mem_xstrndup(s.ptr, s.len);
}

static int read_entry(struct agent_sandbox *s, struct str key, struct str value, struct err *err)
{
	if (str_eq_c(key, "ns"))
		replace(&s->ns, value);
	else if (str_eq_c(key, "name"))
		replace(&s->name, value);
	else if (str_eq_c(key, "started"))
		return str_to_i64(value, 0, INT64_MAX, &s->started_ns, err);
	else if (str_eq_c(key, "hostNetwork"))
		s->has_host_network = str_eq_c(value, "1");
	else if (str_eq_c(key, "addr") && s->n_addrs < AGENT_SANDBOX_ADDRS)
		return ip_parse(value, &s->addrs[s->n_addrs++], err);
	return 0;
}

static void find_pause(struct agent_sandbox *s)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pid", s->dir);

	if (process_read(path, &s->pid, &s->pid_start, NULL) < 0 ||
	    !process_is(s->pid, s->pid_start))
		s->pid = 0;
}

int agent_sandbox_load(const char *state_dir, const char *uid, struct agent_sandbox **ret,
		       struct err *err)
{
	struct agent_sandbox *s = agent_sandbox_new(state_dir, str_of(uid), STR(""), STR(""));
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/record", s->dir);
	_cleanup_(mem_freep) char *wired = mem_xprintf("%s/wired", s->dir);
	struct buf b = BUF_INIT;
	struct str rest, line, key;
	int r = fd_read_file(path, RECORD_MAX, &b, err);

	rest = buf_str(&b);
	while (r == 0 && str_next(&rest, '\n', &line))
		if (str_next(&line, ' ', &key) && str_is_set(line))
			r = read_entry(s, key, line, err);
	buf_fini(&b);
	if (r < 0) {
		agent_sandbox_free(s);
		return err_wrap(err, r, "%s", path);
	}
	find_pause(s);
	s->is_wired = s->pid && access(wired, F_OK) == 0;
	*ret = s;
	return 0;
}

int agent_sandbox_write_etc(const struct agent_sandbox *s, const char *name, struct str text,
			    struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/etc/%s", s->dir, name);

	return fd_write_file(path, text, 0644, err);
}

int agent_sandbox_remove(struct agent_sandbox *s, struct err *err)
{
	return dir_remove_tree(s->dir, err);
}

/* ---- the namespaces ----------------------------------------------------------------------- */

int agent_sandbox_spawn(const struct agent_sandbox *s, const char *program, const char *hostname,
			pid_t *ret, struct err *err)
{
	const char *argv[] = {program,      "pause",  "--dir", s->dir,
			      "--hostname", hostname, NULL,    NULL};
	_cleanup_(mem_freep) char *pid_file = mem_xprintf("%s/pid", s->dir);
	_cleanup_(mem_freep) char *wired = mem_xprintf("%s/wired", s->dir);
	pid_t pid, parent = getpid();

	if (s->has_host_network)
		argv[6] = "--host-network";
	unlink(pid_file);
	unlink(wired);
	pid = vfork();
	if (pid == 0) {
		/* A pause that it made behind the back of the next agent would never be found. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(127);
		execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0)
		return err_sys(err, errno, "start '%s pause'", program);
	*ret = pid;
	return 0;
}

/* The first twelve digits of the Pod's uid: an interface's name has 15 characters. */
static void wire_name(const struct agent_sandbox *s, char name[LINK_NAME_MAX])
{
	snprintf(name, LINK_NAME_MAX, "fl%.8s%.4s", s->uid, strlen(s->uid) > 13 ? s->uid + 9 : "");
}

void agent_sandbox_kill(struct agent_sandbox *s, struct link_sock *node)
{
	char name[LINK_NAME_MAX];

	/* One that was made and not wired is known by its file alone. */
	find_pause(s);
	if (s->pid)
		kill(s->pid, SIGKILL);
	s->pid = 0;
	s->is_wired = false;
	if (s->has_host_network)
		return;
	/* The kernel would take it away too, some time after the last process is gone. */
	wire_name(s, name);
	IGNORE(link_delete(node, name, NULL), "see above");
}

/* ---- the wire ----------------------------------------------------------------------------- */

static struct ip_prefix host_prefix(const struct ip_addr *a)
{
	return (struct ip_prefix){.addr = *a, .len = ip_family(a) == IP_V4 ? 32 : 128};
}

static struct ip_addr gateway(enum ip_family family)
{
	static const uint8_t v6[16] = {0xfe, 0x80, [15] = 1};

	return family == IP_V4 ? ip_from_v4(0xa9fe0101) : ip_from_bytes(v6, IP_V6);
}

/* Locally administered, from the address: the same Pod address always has the same MAC. */
static void pod_mac(const struct ip_addr *a, uint8_t mac[LINK_MAC_LEN])
{
	mac[0] = 0x0a;
	mac[1] = 0x58;
	memcpy(mac + 2, a->b + 12, 4);
}

static int wire_pod_end(struct link_sock *pod, const struct agent_sandbox *s, struct err *err)
{
	int r = link_set_up(pod, "lo", err);

	if (r == 0)
		r = link_set_up(pod, "eth0", err);
	for (size_t i = 0; r == 0 && i < s->n_addrs; i++) {
		struct ip_prefix own = host_prefix(&s->addrs[i]);
		enum ip_family family = ip_family(&s->addrs[i]);
		struct link_route out = {.dev = "eth0", .via = gateway(family), .has_via = true};

		out.is_onlink = true;
		out.to.addr = family == IP_V4 ? ip_from_v4(0) : (struct ip_addr){0};
		r = link_add_addr(pod, "eth0", &own, err);
		if (r == 0)
			r = link_set_neighbour(pod, "eth0", &out.via, gateway_mac, err);
		if (r == 0)
			r = link_set_route(pod, &out, err);
	}
	return r;
}

static int wire_node_end(struct link_sock *node, const char *name, const struct agent_sandbox *s,
			 const uint8_t *mac, const struct ip_addr *sources, size_t n_sources,
			 struct err *err)
{
	int r = link_set_up(node, name, err);

	for (size_t i = 0; r == 0 && i < s->n_addrs; i++) {
		struct link_route in = {.to = host_prefix(&s->addrs[i]), .dev = name};

		for (size_t k = 0; k < n_sources && !in.has_source; k++)
			if (ip_family(&sources[k]) == ip_family(&s->addrs[i])) {
				in.source = sources[k];
				in.has_source = true;
			}
		r = link_set_neighbour(node, name, &s->addrs[i], mac, err);
		if (r == 0)
			r = link_set_route(node, &in, err);
	}
	return r;
}

static int open_netns(pid_t pid, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%d/ns/net", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, errno, "open '%s'", path) : fd;
}

int agent_sandbox_socket(const struct agent_sandbox *s, int family, struct err *err)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	_cleanup_(fd_closep) int own = -1, netns = -1;
	int sock, sys;

	if (s->has_host_network) {
		sock = socket(family, type, 0);
		return sock < 0 ? err_sys(err, errno, "make a socket") : sock;
	}
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return err_sys(err, errno, "open the node's network namespace");
	if (!s->pid || !process_is(s->pid, s->pid_start))
		return err_sys(err, ESRCH, "Pod %s/%s", s->ns, s->name);
	netns = open_netns(s->pid, err);
	if (netns < 0)
		return netns;
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the network of Pod %s/%s", s->ns, s->name);
	sock = socket(family, type, 0);
	sys = errno;
	/* In another's network nothing of this process would work any more. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return sock < 0 ? err_sys(err, sys, "make a socket") : sock;
}

static int wire(struct agent_sandbox *s, struct link_sock *node, const struct ip_addr *sources,
		size_t n_sources, struct err *err)
{
	_cleanup_(link_closep) struct link_sock *pod = NULL;
	_cleanup_(fd_closep) int netns = -1;
	uint8_t mac[LINK_MAC_LEN];
	char name[LINK_NAME_MAX];
	int r;

	wire_name(s, name);
	pod_mac(&s->addrs[0], mac);
	r = netns = open_netns(s->pid, err);
	if (r >= 0)
		r = link_open(netns, &pod, err);
	if (r == 0)
		r = link_delete(node, name, err);
	if (r == 0)
		r = link_add_veth(node, &(struct link_veth_end){name, gateway_mac, -1},
				  &(struct link_veth_end){"eth0", mac, netns}, err);
	if (r == 0)
		r = wire_pod_end(pod, s, err);
	if (r == 0)
		r = wire_node_end(node, name, s, mac, sources, n_sources, err);
	return r < 0 ? err_wrap(err, r, "network of Pod %s/%s", s->ns, s->name) : 0;
}

int agent_sandbox_wire(struct agent_sandbox *s, struct link_sock *node,
		       const struct ip_addr *sources, size_t n_sources, struct err *err)
{
	_cleanup_(mem_freep) char *pid_file = mem_xprintf("%s/pid", s->dir);
	_cleanup_(mem_freep) char *wired = mem_xprintf("%s/wired", s->dir);
	int r = process_read(pid_file, &s->pid, &s->pid_start, err);

	if (r == 0 && !s->has_host_network && s->n_addrs)
		r = wire(s, node, sources, n_sources, err);
	if (r == 0)
		r = fd_write_file(wired, STR(""), 0600, err);
	s->is_wired = r == 0;
	return r;
}
