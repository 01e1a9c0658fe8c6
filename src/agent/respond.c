/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/respond.h"

#include "base/fd.h"
#include "base/ip.h"
#include "base/vec.h"
#include "http/server.h"
#include "loop/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DATAGRAM_MAX = 2048,   /* of a question; what it says does not matter */
	DATAGRAMS_A_TURN = 64, /* then others get their turn */
};

struct port {
	struct respond *respond;
	uint16_t number;
	struct http_server *server; /* TCP */
	int sock;                   /* UDP */
	struct loop_poll *poll;
};

struct respond {
	char *pod, *node;
	bool is_failing;
	size_t n;
	struct port ports[];
};

/* ---- what it says --------------------------------------------------------------------------- */

static void add_endpoint(struct buf *b, const struct ip_addr *a, uint16_t port)
{
	bool is_v6 = ip_family(a) == IP_V6;

	buf_add_c(b, is_v6 ? "[" : "");
	ip_add(b, a);
	buf_printf(b, "%s:%u", is_v6 ? "]" : "", port);
}

static void add_line(struct buf *b, const struct port *p, const struct ip_addr *from,
		     uint16_t from_port)
{
	buf_printf(b, "pod=%s node=%s from=", p->respond->pod, p->respond->node);
	add_endpoint(b, from, from_port);
	buf_printf(b, " port=%u\n", p->number);
}

/* Names of Pods and nodes have no character that JSON escapes. */
static void add_json(struct buf *b, const struct port *p, const struct http_peer *peer)
{
	buf_printf(b, "{\"pod\":\"%s\",\"node\":\"%s\",\"client\":\"", p->respond->pod,
		   p->respond->node);
	ip_add(b, &peer->addr);
	buf_printf(b, "\",\"clientPort\":%u,\"port\":%u}\n", peer->port, p->number);
}

/* ---- HTTP ----------------------------------------------------------------------------------- */

static void on_request(void *ctx, struct http_exchange *x)
{
	const struct port *p = ctx;
	struct respond *r = p->respond;
	struct str path = x->req.path;
	struct buf b = BUF_INIT;
	struct bytes *body;
	int status = 200;

	if (str_eq_c(path, "/fail"))
		r->is_failing = true;
	else if (str_eq_c(path, "/ok"))
		r->is_failing = false;
	if (str_eq_c(path, "/healthz")) {
		status = r->is_failing ? 500 : 200;
		buf_add_c(&b, r->is_failing ? "failing\n" : "ok\n");
	} else if (str_eq_c(path, "/json")) {
		add_json(&b, p, x->req.peer);
	} else {
		add_line(&b, p, &x->req.peer->addr, x->req.peer->port);
	}
	body = bytes_dup(buf_str(&b));
	http_reply(x, status, str_eq_c(path, "/json") ? "application/json" : "text/plain", body);
	bytes_unref(body);
	buf_fini(&b);
}

static int open_tcp(struct loop *l, struct port *p, struct err *err)
{
	struct ip_addr any6 = {0}, any4 = ip_from_v4(0);
	int r = http_server_new(l, NULL, on_request, p, &p->server, err);

	if (r < 0)
		return r;
	r = http_server_listen(p->server, &any4, p->number, NULL, err);
	/* A machine without IPv6 answers IPv4 alone. */
	if (r == 0)
		IGNORE(http_server_listen(p->server, &any6, p->number, NULL, NULL), "see above");
	return r;
}

/* ---- UDP ------------------------------------------------------------------------------------ */

/* The answer must come from the address that was asked: it is taken along as control data. */
static void answer_one(struct port *p, struct msghdr *m, const struct sockaddr_in6 *peer)
{
	struct ip_addr from = ip_from_bytes(&peer->sin6_addr, IP_V6);
	struct buf b = BUF_INIT;
	struct iovec io;

	add_line(&b, p, &from, ntohs(peer->sin6_port));
	io = (struct iovec){.iov_base = b.ptr, .iov_len = b.len};
	m->msg_iov = &io;
	m->msg_iovlen = 1;
	IGNORE(sendmsg(p->sock, m, MSG_DONTWAIT | MSG_NOSIGNAL), "a datagram may be lost");
	buf_fini(&b);
}

static void on_datagrams(void *ctx, unsigned events)
{
	struct port *p = ctx;
	char data[DATAGRAM_MAX], control[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	struct sockaddr_in6 peer;

	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		struct iovec io = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr m = {.msg_name = &peer,
				   .msg_namelen = sizeof(peer),
				   .msg_iov = &io,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof(control)};

		if (recvmsg(p->sock, &m, MSG_DONTWAIT) < 0)
			return;
		answer_one(p, &m, &peer);
	}
}

static int open_udp(struct loop *l, struct port *p, struct err *err)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(p->number)};
	int on = 1, off = 0;

	p->sock = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->sock < 0)
		return err_sys(err, errno, "make a UDP socket");
	if (setsockopt(p->sock, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(p->sock, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return err_sys(err, errno, "prepare a UDP socket");
	if (bind(p->sock, (struct sockaddr *)&any, sizeof(any)) < 0)
		return err_sys(err, errno, "listen on port %u/udp", p->number);
	return loop_poll_new(l, p->sock, LOOP_READ, on_datagrams, p, &p->poll, err);
}

/* ---- life ----------------------------------------------------------------------------------- */

static char *name_of(const char *variable)
{
	char host[256] = "unknown";
	const char *s = getenv(variable);

	if (s && *s)
		return mem_xstrdup(s);
	IGNORE(gethostname(host, sizeof(host) - 1), "a name is there");
	return mem_xstrdup(host);
}

int respond_new(struct loop *l, const struct respond_port *ports, size_t n, struct respond **ret,
		struct err *err)
{
	struct respond *r = mem_xzalloc(sizeof(*r) + n * sizeof(r->ports[0]));

	r->pod = name_of("POD_NAME");
	r->node = name_of("NODE_NAME");
	r->n = n;
	for (size_t i = 0; i < n; i++)
		r->ports[i] = (struct port){.respond = r, .number = ports[i].number, .sock = -1};
	for (size_t i = 0; i < n; i++) {
		int e = ports[i].is_udp ? open_udp(l, &r->ports[i], err)
					: open_tcp(l, &r->ports[i], err);

		if (e < 0) {
			respond_free(r);
			return e;
		}
	}
	*ret = r;
	return 0;
}

void respond_free(struct respond *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++) {
		if (r->ports[i].server)
			http_server_free(r->ports[i].server);
		if (r->ports[i].poll)
			loop_poll_close(r->ports[i].poll);
		fd_close(r->ports[i].sock);
	}
	free(r->pod);
	free(r->node);
	free(r);
}
