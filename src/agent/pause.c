/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pause.h"

#include "agent/pause-task.h"
#include "agent/socket.h"
#include "base/fd.h"
#include "base/mount.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- entering the namespaces -------------------------------------------------------------- */

static int make_namespaces(const struct agent_pause_config *c, struct err *err)
{
	int flags = CLONE_NEWIPC | CLONE_NEWPID;

	if (!c->has_host_network)
		flags |= CLONE_NEWNET | CLONE_NEWUTS;
	if (unshare(flags) < 0)
		return err_sys(err, errno, "make namespaces for the Pod");
	if (c->hostname && !c->has_host_network &&
	    sethostname(c->hostname, strlen(c->hostname)) < 0)
		return err_sys(err, errno, "set the host name '%s'", c->hostname);
	return 0;
}

static void mount_over_etc(const char *dir)
{
	static const char *const names[] = {"hosts", "hostname", "resolv.conf"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char from[PATH_MAX], to[PATH_MAX];

		snprintf(from, sizeof(from), "%s/etc/%s", dir, names[i]);
		snprintf(to, sizeof(to), "/etc/%s", names[i]);
		if (access(from, R_OK) < 0)
			continue;
		if (mount(from, to, NULL, MS_BIND, NULL) < 0)
			fprintf(stderr, "fairlead pause: mount %s over %s: %s\n", from, to,
				strerror(errno));
	}
}

/* In the new PID namespace: mounts that only the Pod sees. Going without one of them is survived:
 * not every kernel allows all of it inside a user namespace. */
static int make_mounts(const struct agent_pause_config *c, struct err *err)
{
	int r;

	/* Not before the fork: the caller still needs the /proc that it has. */
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, errno, "make the Pod's mount namespace");
	r = mount_keep_private(err);
	if (r < 0)
		return r;
	if (mount_proc(err) < 0)
		fprintf(stderr, "fairlead pause: %s; the Pod sees the node's\n", err->msg);
	mount_over_etc(c->dir);
	return 0;
}

/* ---- the loop ----------------------------------------------------------------------------- */

struct pause {
	struct agent_tasks tasks;
	int listener, signals;
};

static void accept_agent(struct pause *p)
{
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		agent_tasks_set_agent(&p->tasks, fd);
}

/* A message, and the descriptors that came with it (-1: none). */
static ssize_t receive(int conn, char *msg, size_t max, int fds[3])
{
	union {
		struct cmsghdr align;
		char text[CMSG_SPACE(3 * sizeof(int))];
	} control;
	struct iovec iov = {msg, max};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.text,
			     .msg_controllen = sizeof(control.text)};
	ssize_t n = recvmsg(conn, &hdr, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&hdr);

	fds[0] = fds[1] = fds[2] = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(c), MIN(c->cmsg_len - CMSG_LEN(0), 3 * sizeof(int)));
	return n;
}

static void read_agent(struct pause *p)
{
	static char msg[AGENT_PAUSE_MESSAGE_MAX];
	int fds[3];
	ssize_t n = receive(p->tasks.conn, msg, sizeof(msg), fds);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A message that does not end in NUL is no message of ours. */
	if (n <= 0 || msg[n - 1] != '\0')
		agent_tasks_set_agent(&p->tasks, -1);
	else
		agent_tasks_command(&p->tasks, str_n(msg, (size_t)n), fds);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fd_close(fds[i]);
}

static void reap(struct pause *p)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(p->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM)
			_exit(0);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		agent_tasks_ended(&p->tasks, pid, status);
}

static short agent_events(const struct pause *p)
{
	return agent_socket_queue_is_empty(&p->tasks.queue) ? POLLIN : POLLIN | POLLOUT;
}

_noreturn_ static void serve(struct pause *p)
{
	VEC(struct pollfd) fds = {0};

	for (;;) {
		vec_clear(&fds);
		*vec_push(&fds) = (struct pollfd){.fd = p->signals, .events = POLLIN};
		*vec_push(&fds) = (struct pollfd){.fd = p->listener, .events = POLLIN};
		*vec_push(&fds) = (struct pollfd){.fd = p->tasks.conn, .events = agent_events(p)};
		list_foreach(struct agent_task, t, &p->tasks.list, link)
			for (int i = 0; i < 2; i++)
				if (t->pipe[i] >= 0)
					*vec_push(&fds) =
						(struct pollfd){.fd = t->pipe[i], .events = POLLIN};
		if (poll(fds.ptr, fds.len, -1) < 0)
			continue;
		/* Output before ends: a container's last words are in its log when its end is
		 * told. */
		for (size_t i = 3; i < fds.len; i++)
			if (fds.ptr[i].revents)
				agent_tasks_output(&p->tasks, fds.ptr[i].fd);
		if (fds.ptr[0].revents)
			reap(p);
		if (fds.ptr[2].revents & POLLOUT)
			agent_tasks_flush(&p->tasks);
		if ((fds.ptr[2].revents & ~POLLOUT) && p->tasks.conn >= 0)
			read_agent(p);
		if (fds.ptr[1].revents)
			accept_agent(p);
	}
}

static int watch_signals(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(err, errno, "watch signals") : fd;
}

/* ---- start -------------------------------------------------------------------------------- */

/* `ready` takes a NUL byte or what went wrong; then `go` gives a byte, or ends: whoever started
 * this was killed before its id was written down, and nobody would ever find it. */
_noreturn_ static void run_inside(const struct agent_pause_config *c, int listener, int ready,
				  int go)
{
	struct pause p = {.listener = listener};
	struct err err;
	char byte;
	int r;

	setsid();
	prctl(PR_SET_NAME, "pause");
	r = make_mounts(c, &err);
	if (r == 0)
		r = p.signals = watch_signals(&err);
	if (r < 0) {
		IGNORE(write(ready, err.msg, strlen(err.msg)), "the parent sees the end anyway");
		_exit(1);
	}
	IGNORE(write(ready, "", 1), "the parent sees the end anyway");
	close(ready);
	if (read(go, &byte, 1) != 1)
		_exit(1);
	close(go);
	agent_tasks_init(&p.tasks, c->dir);
	serve(&p);
}

/* Waits until the pause is in its place: one NUL byte, or the text of what went wrong. */
static int wait_ready(int fd, struct err *err)
{
	char text[ERR_MSG_MAX];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	if (n == 1 && text[0] == '\0')
		return 0;
	if (n <= 0)
		return err_set(err, ERR_INTERNAL, "the Pod's first process ended at once");
	text[n] = '\0';
	return err_set(err, ERR_INTERNAL, "%s", text);
}

int agent_pause_run(const struct agent_pause_config *c, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", c->dir);
	_cleanup_(mem_freep) char *pid_file = mem_xprintf("%s/pid", c->dir);
	_cleanup_(fd_closep) int listener = -1;
	int ready[2], go[2], r;
	pid_t pid;

	r = listener = agent_socket_listen(path, err);
	if (r < 0 || (r = make_namespaces(c, err)) < 0)
		return r;
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0) {
		close(ready[0]);
		close(go[1]);
		run_inside(c, listener, ready[1], go[0]);
	}
	close(ready[1]);
	close(go[0]);
	r = wait_ready(ready[0], err);
	close(ready[0]);
	if (r == 0)
		r = process_write(pid_file, pid, 0600, err);
	if (r == 0 && write(go[1], "", 1) != 1)
		r = err_set(err, ERR_INTERNAL, "the Pod's first process ended at once");
	close(go[1]);
	if (r < 0)
		kill(pid, SIGKILL);
	return r;
}
