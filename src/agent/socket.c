/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* sun_path has room for 107 bytes only; through the folder's descriptor any path fits. */
static int address(const char *path, struct sockaddr_un *sa, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(mem_freep) char *dir =
		slash ? mem_xstrndup(path, (size_t)(slash - path)) : mem_xstrdup(".");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), n;

	if (fd < 0)
		return err_sys(err, errno, "open folder '%s'", dir);
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", fd,
		     slash ? slash + 1 : path);
	if (n >= (int)sizeof(sa->sun_path)) {
		close(fd);
		return err_set(err, ERR_INVALID, "socket name '%s' is too long", path);
	}
	return fd;
}

int agent_socket_listen(const char *path, struct err *err)
{
	_cleanup_(fd_closep) int sock = -1, dir = -1;
	struct sockaddr_un sa;

	if ((dir = address(path, &sa, err)) < 0)
		return dir;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(err, errno, "make a local socket");
	unlink(path);
	if (bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(sock, 8) < 0)
		return err_sys(err, errno, "listen on '%s'", path);
	return TAKE_FD(sock);
}

int agent_socket_connect(const char *path, struct err *err)
{
	_cleanup_(fd_closep) int sock = -1, dir = -1;
	struct sockaddr_un sa;

	if ((dir = address(path, &sa, err)) < 0)
		return dir;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return err_sys(err, errno, "make a local socket");
	if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, errno, "connect to '%s'", path);
	return TAKE_FD(sock);
}

/* ---- packets that wait ---------------------------------------------------------------------- */

struct packet {
	struct list_node link;
	int fds[AGENT_SOCKET_FDS]; /* -1: none */
	size_t len;
	char data[];
};

void agent_socket_queue_init(struct agent_socket_queue *q)
{
	*q = (struct agent_socket_queue){0};
	list_init(&q->packets);
}

bool agent_socket_queue_is_empty(const struct agent_socket_queue *q)
{
	return q->n == 0;
}

static void packet_free(struct agent_socket_queue *q, struct packet *p)
{
	list_remove(&p->link);
	q->n--;
	q->bytes -= p->len;
	for (size_t i = 0; i < ARRAY_LEN(p->fds); i++)
		fd_close(p->fds[i]);
	free(p);
}

void agent_socket_queue_fini(struct agent_socket_queue *q)
{
	struct packet *p;

	while ((p = list_first(struct packet, &q->packets, link)))
		packet_free(q, p);
}

/* 0, or negative errno; -EAGAIN: no room. */
static int send_now(int sock, struct str packet, const int *fds)
{
	union {
		struct cmsghdr align;
		char text[CMSG_SPACE(AGENT_SOCKET_FDS * sizeof(int))];
	} control = {0};
	struct iovec iov = {(char *)(uintptr_t)packet.ptr, packet.len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (fds) {
		msg.msg_control = control.text;
		msg.msg_controllen = sizeof(control.text);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(AGENT_SOCKET_FDS * sizeof(int));
		memcpy(CMSG_DATA(c), fds, AGENT_SOCKET_FDS * sizeof(int));
	}
	while (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int keep(struct agent_socket_queue *q, struct str packet, const int *fds, struct err *err)
{
	struct packet *p;

	if (q->n >= AGENT_SOCKET_QUEUE_PACKETS || q->bytes + packet.len > AGENT_SOCKET_QUEUE_BYTES)
		return err_set(err, ERR_LIMIT,
			       "%zu messages (%zu bytes) wait already and none is taken", q->n,
			       q->bytes);
	p = mem_xzalloc(sizeof(*p) + packet.len);
	p->len = packet.len;
	memcpy(p->data, packet.ptr, packet.len);
	list_append(&q->packets, &p->link);
	q->n++;
	q->bytes += p->len;
	for (int i = 0; i < AGENT_SOCKET_FDS; i++)
		p->fds[i] = -1;
	for (int i = 0; fds && i < AGENT_SOCKET_FDS; i++) {
		p->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (p->fds[i] < 0) {
			int sys = errno;

			packet_free(q, p);
			return err_sys(err, sys, "keep a descriptor that is to be sent");
		}
	}
	return 0;
}

int agent_socket_send(struct agent_socket_queue *q, int sock, struct str packet, const int *fds,
		      struct err *err)
{
	int r = q->n ? -EAGAIN : send_now(sock, packet, fds);

	if (r == -EAGAIN)
		return keep(q, packet, fds, err);
	return r < 0 ? err_sys(err, -r, "send a message") : 0;
}

int agent_socket_flush(struct agent_socket_queue *q, int sock, struct err *err)
{
	struct packet *p;

	while ((p = list_first(struct packet, &q->packets, link))) {
		int r = send_now(sock, str_n(p->data, p->len), p->fds[0] < 0 ? NULL : p->fds);

		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return err_sys(err, -r, "send a message");
		packet_free(q, p);
	}
	return 0;
}
