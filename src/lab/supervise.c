/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/lab.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/mount.h"
#include "lab/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TICK_MS = 20, /* how often files that parts wait for are looked at, until all run */
};

struct supervisor {
	const struct lab_config *config;
	struct lab_spaces spaces;
	VEC(struct lab_part) parts;
	struct arena arena; /* arguments */
	int signals, ready; /* ready: to `lab up`; -1: told */
	bool is_ready;
};

/* ---- parts --------------------------------------------------------------------------------- */

static struct lab_part *add_part(struct supervisor *s, const char *name, const char *space)
{
	struct lab_part *p = vec_push(&s->parts);

	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(p->space, sizeof(p->space), "%s", space);
	p->listener = -1;
	p->argv[0] = s->config->program;
	p->backoff_max_ms = s->config->restart_max_ms;
	return p;
}

static void arg(struct lab_part *p, const char *text)
{
	size_t n = 0;

	while (p->argv[n])
		n++;
	assert(n + 1 < LAB_PART_ARGS_MAX);
	p->argv[n] = text;
}

static void option(struct supervisor *s, struct lab_part *p, const char *name, struct str value)
{
	arg(p, name);
	arg(p, str_cstr(&s->arena, value));
}

static struct str in_state(struct supervisor *s, const char *name)
{
	return str_printf(&s->arena, "%s/%s", s->config->state_dir, name);
}

/* The first range alone where there is no IPv6. */
static struct str cidrs(const struct supervisor *s, const char *both)
{
	struct str rest = str_of(both), one = rest;

	if (!s->spaces.has_v6)
		IGNORE(str_next(&rest, ',', &one), "there is one");
	return one;
}

static void add_server(struct supervisor *s)
{
	struct lab_part *p = add_part(s, "server", "server");
	struct ip_prefix addr = lab_plan_addr(LAB_INTERNAL, IP_V4, LAB_GUEST);
	char text[IP_TEXT_MAX];

	arg(p, "server");
	option(s, p, "--data-dir", in_state(s, "data"));
	option(s, p, "--bind-address", ip_format(&addr.addr, text));
	option(s, p, "--secure-port", str_printf(&s->arena, "%d", LAB_API_PORT));
	option(s, p, "--service-cluster-ip-range", cidrs(s, LAB_SERVICE_CIDRS));
	option(s, p, "--write-kubeconfig", in_state(s, "admin.kubeconfig"));
	p->listener = s->config->listener;
}

static void add_dns(struct supervisor *s)
{
	struct lab_part *p = add_part(s, "dns", "server");

	arg(p, "dns");
	option(s, p, "--kubeconfig", in_state(s, "data/pki/dns.kubeconfig"));
	p->wait_for = in_state(s, "data/pki/dns.kubeconfig").ptr;
}

static bool has_proxy(const struct supervisor *s)
{
	return strcmp(s->config->proxy_mode, "none") != 0;
}

static void add_node(struct supervisor *s, unsigned n)
{
	const char *node = str_printf(&s->arena, "node%u", n).ptr;
	const char *own =
		str_printf(&s->arena, "%s/data/pki/nodes/%s", s->config->state_dir, node).ptr;
	struct arena *a = &s->arena;
	bool has_v6 = s->spaces.has_v6;
	struct lab_part *p = add_part(s, str_printf(a, "agent-%s", node).ptr, node);

	arg(p, "agent");
	option(s, p, "--kubeconfig", str_printf(a, "%s/kubeconfig", own));
	option(s, p, "--hostname-override", str_of(node));
	option(s, p, "--state-dir", in_state(s, node));
	option(s, p, "--node-ip", lab_plan_addrs(a, LAB_INTERNAL, LAB_NODE0 + n, has_v6));
	option(s, p, "--node-external-ip", lab_plan_addrs(a, LAB_EXTERNAL, LAB_NODE0 + n, has_v6));
	option(s, p, "--pod-cidr", lab_plan_pod_cidrs(a, n, has_v6));
	option(s, p, "--zone", str_printf(a, "zone-%c", 'a' + (int)((n - 1) % 3)));
	option(s, p, "--cluster-dns", STR(LAB_DNS_VIP));
	option(s, p, "--tls-cert-file", str_printf(a, "%s/server.crt", own));
	option(s, p, "--tls-private-key-file", str_printf(a, "%s/server.key", own));
	option(s, p, "--client-ca-file", str_printf(a, "%s/ca.crt", own));
	/* Made by the setup, this last. */
	p->wait_for = str_printf(a, "%s/kubeconfig", own).ptr;
	if (!has_proxy(s))
		return;
	p = add_part(s, str_printf(a, "proxy-%s", node).ptr, node);
	arg(p, "proxy");
	option(s, p, "--kubeconfig", in_state(s, "data/pki/proxy.kubeconfig"));
	option(s, p, "--hostname-override", str_of(node));
	option(s, p, "--cluster-cidr", cidrs(s, LAB_CLUSTER_CIDRS));
	option(s, p, "--proxy-mode", str_of(s->config->proxy_mode));
	/* The lab shows node ports on every address of a node, not only on its internal one. */
	option(s, p, "--nodeport-addresses", STR("0.0.0.0/0,::/0"));
	p->wait_for = in_state(s, "data/pki/proxy.kubeconfig").ptr;
}

static void add_setup(struct supervisor *s)
{
	struct lab_part *p = add_part(s, "setup", "server");

	arg(p, "lab");
	arg(p, "setup");
	option(s, p, "--state-dir", str_of(s->config->state_dir));
	option(s, p, "--api-port", str_printf(&s->arena, "%u", s->config->api_port));
	option(s, p, "--nodes", str_printf(&s->arena, "%u", s->config->nodes));
	if (!has_proxy(s)) {
		struct ip_prefix addr = lab_plan_addr(LAB_INTERNAL, IP_V4, LAB_GUEST);
		char text[IP_TEXT_MAX];

		option(s, p, "--resolver", ip_format(&addr.addr, text));
	}
	p->is_once = true;
	p->wait_for = in_state(s, "admin.kubeconfig").ptr;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
	return clock_mono_ms(&clock_system);
}

static void write_state(struct supervisor *s)
{
	struct err err;

	if (lab_state_write(s->config, &s->spaces, s->parts.ptr, s->parts.len, s->is_ready, &err) <
	    0)
		fprintf(stderr, "lab: %s\n", err.msg);
}

static void tell(struct supervisor *s, struct str text)
{
	if (s->ready < 0)
		return;
	IGNORE(write(s->ready, text.ptr, text.len), "nobody waits any more");
	close(s->ready);
	s->ready = -1;
}

static void on_ended(struct supervisor *s, pid_t pid, int status)
{
	vec_foreach(p, &s->parts) {
		if (p->pid != pid)
			continue;
		lab_part_ended(p, status, now_ms());
		fprintf(stderr, "lab: %s ended with %d\n", p->name,
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		if (p->is_done && !s->is_ready) {
			s->is_ready = true;
			write_state(s);
			tell(s, str_n("", 1));
		}
		return;
	}
	/* Without its holder a place cannot be entered any more. */
	vec_foreach(sp, &s->spaces.all)
		if (sp->pid == pid)
			fprintf(stderr, "lab: the holder of '%s' is gone\n", sp->name);
}

/* As process 1 this reaps what nobody else does: every Pod's processes whose agent is gone. */
static void reap(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
			_exit(0);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		on_ended(s, pid, status);
}

/* Starts what is due. How long to wait until the next is; -1: nothing to wait for. */
static int start_due(struct supervisor *s)
{
	bool is_changed = false, is_waiting = false;
	struct err err;

	vec_foreach(p, &s->parts) {
		if (!lab_part_is_due(p, now_ms())) {
			is_waiting |= !p->pid && !p->is_done;
			continue;
		}
		if (lab_part_start(p, lab_topology_find(&s->spaces, p->space), s->config->state_dir,
				   now_ms(), &err) < 0) {
			fprintf(stderr, "lab: %s: %s\n", p->name, err.msg);
			p->due_ms = now_ms() + LAB_PART_BACKOFF_MAX_MS;
			is_waiting = true;
		}
		is_changed = true;
	}
	if (is_changed)
		write_state(s);
	return is_waiting ? TICK_MS : -1;
}

_noreturn_ static void serve(struct supervisor *s)
{
	for (;;) {
		struct pollfd fd = {.fd = s->signals, .events = POLLIN};

		poll(&fd, 1, start_due(s));
		reap(s);
	}
}

/* ---- start --------------------------------------------------------------------------------- */

static int prepare(struct supervisor *s, struct err *err)
{
	_cleanup_(mem_freep) char *log = mem_xprintf("%s/log/supervisor.log", s->config->state_dir);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), out, r;
	sigset_t set;

	setsid();
	prctl(PR_SET_NAME, "fairlead-lab");
	r = mount_keep_private(err);
	if (r == 0)
		r = mount_proc(err);
	if (r < 0)
		return r;
	out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (out < 0)
		return err_sys(err, errno, "open '%s'", log);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close(out);
	close(null);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? err_sys(err, errno, "watch signals") : 0;
}

void lab_supervise(const struct lab_config *c, int ready)
{
	struct supervisor s = {.config = c, .ready = ready};
	struct err err;
	int r;

	arena_init(&s.arena, 0);
	r = prepare(&s, &err);
	if (r == 0)
		r = lab_topology_make(&s.spaces, c->nodes, &err);
	if (r < 0) {
		fprintf(stderr, "lab: %s\n", err.msg);
		tell(&s, str_of(err.msg));
		_exit(1);
	}
	add_server(&s);
	add_dns(&s);
	for (unsigned n = 1; n <= c->nodes; n++)
		add_node(&s, n);
	add_setup(&s);
	serve(&s);
}

/* In the child: unshares, forks again (only a child gets into the new PID namespace), and tells the
 * pid of process 1 as seen from outside. */
_noreturn_ static void fork_supervisor(const struct lab_config *c, int ready, int tell_pid)
{
	pid_t pid;
	struct err err;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
		err_sys(&err, errno,
			"make namespaces: this needs root, or a kernel that allows user "
			"namespaces ('unshare -Urn fairlead lab up')");
		IGNORE(write(ready, err.msg, strlen(err.msg)), "the exit status tells as well");
		_exit(1);
	}
	pid = fork();
	if (pid == 0) {
		close(tell_pid);
		lab_supervise(c, ready);
	}
	IGNORE(write(tell_pid, &pid, sizeof(pid)), "the parent sees the end anyway");
	_exit(0);
}

int lab_start(const struct lab_config *c, pid_t *ret_pid, int *ret_ready, struct err *err)
{
	int ready[2], tell_pid[2], r = 0;
	pid_t child, pid = -1;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	if (pipe2(tell_pid, O_CLOEXEC) < 0) {
		close(ready[0]);
		close(ready[1]);
		return err_sys(err, errno, "make a pipe");
	}
	child = fork();
	if (child == 0) {
		close(ready[0]);
		close(tell_pid[0]);
		fork_supervisor(c, ready[1], tell_pid[1]);
	}
	close(ready[1]);
	close(tell_pid[1]);
	if (read(tell_pid[0], &pid, sizeof(pid)) != sizeof(pid) || pid < 0) {
		char text[ERR_MSG_MAX];
		ssize_t n = read(ready[0], text, sizeof(text) - 1);

		text[MAX(n, 0)] = '\0';
		r = err_set(err, ERR_UNSUPPORTED, "%s", text);
	}
	close(tell_pid[0]);
	waitpid(child, NULL, 0);
	if (r < 0) {
		close(ready[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_ready = ready[0];
	return 0;
}
