/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/server.h"

#include "base/fd.h"
#include "base/list.h"
#include "dns/socket.h"
#include "loop/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 32,
	QUERY_MAX = 4096, /* a UDP query; longer ones are cut and found malformed */
	CONTROL_MAX = 128,
	TCP_SCAN_MS = 1000,
};

/* Buffers of one batch; answers are written behind each other as long as they fit. */
struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage from[BATCH];
	char control[BATCH][CONTROL_MAX] __attribute__((aligned(8)));
	uint8_t query[BATCH][QUERY_MAX];
	uint8_t answer[BATCH][DNS_UDP_MAX + DNSWIRE_SLACK];
};

struct dns_server {
	struct loop *loop;
	const struct dns_zone *zone;
	int udp, tcp;
	struct loop_poll *udp_poll, *tcp_poll;
	struct loop_timer *scan;
	struct list_node conns; /* idle longest first */
	size_t n_conns;
	uint32_t turn;
	struct dns_server_stats stats;
	struct udp_batch batch;
	uint8_t answer[DNS_BUFFER]; /* TCP */
};

struct tcp_conn {
	struct dns_server *server;
	struct list_node link;
	struct loop_poll *poll;
	int fd;
	int64_t active_ms;
	struct buf in, out;
};

static void server_count(struct dns_server *s, enum dnswire_rcode rcode)
{
	s->stats.by_rcode[rcode & 0xf]++;
}

static void udp_prepare(struct udp_batch *b)
{
	for (size_t i = 0; i < BATCH; i++) {
		b->in_iov[i] = (struct iovec){b->query[i], QUERY_MAX};
		b->in[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->in_iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = CONTROL_MAX,
		};
	}
}

/* Sends all; what the socket does not take is dropped, as a lost datagram would be. */
static void udp_send(struct dns_server *s, unsigned n)
{
	unsigned at = 0;

	while (at < n) {
		int sent = sendmmsg(s->udp, s->batch.out + at, n - at, MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) { /* the first of them failed: skip it */
			s->stats.dropped++;
			sent = 1;
		}
		at += (unsigned)sent;
	}
}

static void udp_readable(void *ctx, unsigned events _unused_)
{
	struct dns_server *s = ctx;
	struct udp_batch *b = &s->batch;
	unsigned answers = 0;
	int n;

	udp_prepare(b);
	n = recvmmsg(s->udp, b->in, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct msghdr *m = &b->in[i].msg_hdr;
		enum dnswire_rcode rcode;
		size_t len = dns_answer(s->zone, b->query[i], b->in[i].msg_len, false, s->turn++,
					b->answer[answers], &rcode);

		if (len == 0) {
			s->stats.dropped++;
			continue;
		}
		s->stats.udp_queries++;
		server_count(s, rcode);
		dns_socket_reply_from(m);
		b->out_iov[answers] = (struct iovec){b->answer[answers], len};
		b->out[answers].msg_hdr = *m;
		b->out[answers].msg_hdr.msg_iov = &b->out_iov[answers];
		answers++;
	}
	udp_send(s, answers);
}

static void tcp_close(struct tcp_conn *c)
{
	list_remove(&c->link);
	c->server->n_conns--;
	loop_poll_close(c->poll);
	fd_close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
}

/* Writes what is queued; false when the connection is broken. */
static bool tcp_flush(struct tcp_conn *c)
{
	size_t done = 0;

	while (done < c->out.len) {
		ssize_t n = send(c->fd, c->out.ptr + done, c->out.len - done, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN))
			break;
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	buf_consume(&c->out, done);
	return true;
}

/* Answers every whole query that has come in (RFC 1035 section 4.2.2: two bytes of length first).
 */
static void tcp_answer(struct tcp_conn *c)
{
	struct dns_server *s = c->server;
	size_t at = 0;

	while (c->in.len - at >= 2 && c->out.len < DNS_TCP_PENDING_MAX) {
		const uint8_t *p = (const uint8_t *)c->in.ptr + at;
		size_t want = (size_t)(p[0] << 8 | p[1]), len;
		enum dnswire_rcode rcode;

		if (c->in.len - at < want + 2)
			break;
		len = dns_answer(s->zone, p + 2, want, true, s->turn++, s->answer, &rcode);
		at += want + 2;
		if (len == 0) {
			s->stats.dropped++;
			continue;
		}
		s->stats.tcp_queries++;
		server_count(s, rcode);
		buf_add_byte(&c->out, (char)(len >> 8));
		buf_add_byte(&c->out, (char)len);
		buf_add(&c->out, s->answer, len);
	}
	buf_consume(&c->in, at);
}

static bool tcp_read(struct tcp_conn *c)
{
	ssize_t n;

	buf_reserve(&c->in, DNSWIRE_MESSAGE_MAX + 2);
	n = recv(c->fd, c->in.ptr + c->in.len, DNSWIRE_MESSAGE_MAX + 2, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	buf_set_len(&c->in, c->in.len + (size_t)n);
	return true;
}

static void tcp_event(void *ctx, unsigned events)
{
	struct tcp_conn *c = ctx;
	struct dns_server *s = c->server;
	bool is_full = c->out.len >= DNS_TCP_PENDING_MAX;

	if ((events & (LOOP_READ | LOOP_HANGUP)) && !is_full && !tcp_read(c)) {
		tcp_close(c);
		return;
	}
	tcp_answer(c);
	if (!tcp_flush(c)) {
		tcp_close(c);
		return;
	}
	tcp_answer(c); /* what waited for room */
	c->active_ms = clock_mono_ms(loop_clock(s->loop));
	list_remove(&c->link);
	list_append(&s->conns, &c->link);
	is_full = c->out.len >= DNS_TCP_PENDING_MAX;
	loop_poll_set(c->poll, (is_full ? 0 : LOOP_READ) | (c->out.len ? LOOP_WRITE : 0));
}

/* No descriptor is left, and the listener stays readable: without this the loop would spin. The
 * next turn accepts, or, when there is no connection to give up, the next scan. */
static void tcp_make_room(struct dns_server *s)
{
	if (s->n_conns > 0)
		tcp_close(list_first(struct tcp_conn, &s->conns, link));
	else
		loop_poll_set(s->tcp_poll, 0);
}

static void tcp_accept(void *ctx, unsigned events _unused_)
{
	struct dns_server *s = ctx;
	struct tcp_conn *c;
	int fd = accept4(s->tcp, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE)
			tcp_make_room(s);
		return; /* or gone already */
	}
	if (s->n_conns >= DNS_TCP_MAX)
		tcp_close(list_first(struct tcp_conn, &s->conns, link));
	c = mem_xnew(struct tcp_conn);
	*c = (struct tcp_conn){.server = s, .fd = fd, .in = BUF_INIT, .out = BUF_INIT};
	c->active_ms = clock_mono_ms(loop_clock(s->loop));
	if (loop_poll_new(s->loop, fd, LOOP_READ, tcp_event, c, &c->poll, NULL) < 0) {
		fd_close(fd);
		free(c);
		return;
	}
	list_append(&s->conns, &c->link);
	s->n_conns++;
	s->stats.tcp_connections++;
}

static void tcp_scan(void *ctx)
{
	struct dns_server *s = ctx;
	int64_t now = clock_mono_ms(loop_clock(s->loop));

	list_foreach(struct tcp_conn, c, &s->conns, link) {
		if (now - c->active_ms < DNS_TCP_IDLE_MS)
			break;
		tcp_close(c);
	}
	loop_poll_set(s->tcp_poll, LOOP_READ);
}

static int server_open(struct dns_server *s, const struct ip_addr *addr, uint16_t port,
		       struct err *err)
{
	int r;

	s->tcp = dns_socket_open(addr, port, SOCK_STREAM, err);
	if (s->tcp < 0)
		return s->tcp;
	s->udp = dns_socket_open(addr, dns_socket_port(s->tcp), SOCK_DGRAM, err);
	if (s->udp < 0)
		return s->udp;
	r = loop_poll_new(s->loop, s->udp, LOOP_READ, udp_readable, s, &s->udp_poll, err);
	if (r == 0)
		r = loop_poll_new(s->loop, s->tcp, LOOP_READ, tcp_accept, s, &s->tcp_poll, err);
	return r;
}

int dns_server_new(struct loop *l, const struct dns_zone *z, const struct ip_addr *addr,
		   uint16_t port, struct dns_server **ret, uint16_t *ret_port, struct err *err)
{
	struct dns_server *s = mem_xnew(struct dns_server);
	int r;

	s->loop = l;
	s->zone = z;
	s->udp = s->tcp = -1;
	list_init(&s->conns);
	r = server_open(s, addr, port, err);
	if (r < 0) {
		dns_server_free(s);
		return r;
	}
	s->scan = loop_timer_new(l, tcp_scan, s);
	loop_timer_start(s->scan, TCP_SCAN_MS, TCP_SCAN_MS);
	if (ret_port)
		*ret_port = dns_socket_port(s->tcp);
	*ret = s;
	return 0;
}

void dns_server_free(struct dns_server *s)
{
	if (!s)
		return;
	list_foreach(struct tcp_conn, c, &s->conns, link)
		tcp_close(c);
	if (s->scan)
		loop_timer_close(s->scan);
	if (s->udp_poll)
		loop_poll_close(s->udp_poll);
	if (s->tcp_poll)
		loop_poll_close(s->tcp_poll);
	fd_close(s->udp);
	fd_close(s->tcp);
	free(s);
}

void dns_server_stats(const struct dns_server *s, struct dns_server_stats *ret)
{
	*ret = s->stats;
}
