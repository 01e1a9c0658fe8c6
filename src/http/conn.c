/* SPDX-License-Identifier: Apache-2.0 */
#include "http/conn.h"

#include "base/fd.h"
#include "http/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	HTTP_CONN_IOV = 64,
	HTTP_CONN_RECORD = 16 * 1024, /* the most that one TLS record holds */
	HTTP_CONN_CHUNK = 4 * 1024,   /* first block of copied pieces; then the one below */
	HTTP_CONN_CHUNK_BIG = 16 * 1024,
	HTTP_CONN_CHUNK_TAIL = 64, /* behind a piece by reference: often only framing */
};

/* Both are filled and emptied within one call, by whichever connection of the thread has its turn.
 */
static _Thread_local char http_conn_in[HTTP_CONN_READ];
static _Thread_local char http_conn_out[HTTP_CONN_RECORD];

static void http_conn_pump(struct http_conn *c);

static void http_conn_drop_queue(struct http_conn *c)
{
	for (size_t i = c->queue_head; i < c->queue.len; i++)
		bytes_unref(c->queue.ptr[i].bytes);
	vec_fini(&c->queue);
	c->queue_head = c->queued = c->tail_room = 0;
}

static void http_conn_freed(void *ctx)
{
	struct http_conn *c = ctx;

	c->ops->free(c);
}

void http_conn_close(struct http_conn *c)
{
	if (c->state == HTTP_CONN_DEAD)
		return;
	c->state = HTTP_CONN_DEAD;
	loop_poll_close(c->poll);
	c->poll = NULL;
	if (c->ssl) {
		ERR_clear_error();
		/* One try: a peer that does not read does not get the farewell. */
		if (SSL_is_init_finished(c->ssl))
			SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
		ERR_clear_error();
	}
	fd_close(c->fd);
	c->fd = -1;
	http_conn_drop_queue(c);
	loop_post(c->loop, http_conn_freed, c); /* after a kick that is posted already */
}

static void http_conn_break(struct http_conn *c, int r, const struct err *err)
{
	if (c->state == HTTP_CONN_DEAD)
		return;
	http_conn_close(c);
	c->ops->broken(c, r, err);
}

static void http_conn_break_sys(struct http_conn *c, int sys, const char *what)
{
	struct err err;

	if (sys == 0 || sys == EPIPE || sys == ECONNRESET)
		err_set(&err, ERR_UNAVAILABLE, "%s: the peer has closed the connection", what);
	else
		err_set(&err, ERR_UNAVAILABLE, "%s: %s", what, strerrordesc_np(sys));
	http_conn_break(c, ERR_UNAVAILABLE, &err);
}

static void http_conn_break_tls(struct http_conn *c, const char *what)
{
	long verify = SSL_get_verify_result(c->ssl);
	struct err err;

	if (verify != X509_V_OK && c->state == HTTP_CONN_GREETING) {
		ERR_clear_error();
		err_set(&err, ERR_UNAVAILABLE, "%s: the peer's certificate: %s", what,
			X509_verify_cert_error_string(verify));
	} else {
		http_tls_error(&err, what);
	}
	http_conn_break(c, ERR_UNAVAILABLE, &err);
}

/* What the descriptor is to be watched for now. */
static void http_conn_watch(struct http_conn *c)
{
	unsigned events = 0;

	if (c->state == HTTP_CONN_DEAD)
		return;
	if (!c->is_paused && !c->is_eof)
		events |= LOOP_READ;
	if (c->is_write_blocked || c->is_read_blocked_on_write || c->state == HTTP_CONN_CONNECTING)
		events |= LOOP_WRITE;
	loop_poll_set(c->poll, events);
}

static void http_conn_opened(struct http_conn *c)
{
	c->state = HTTP_CONN_OPEN;
	c->heard_ms = clock_mono_ms(loop_clock(c->loop));
	c->ops->ready(c);
	if (c->state == HTTP_CONN_OPEN)
		http_conn_kick(c);
}

static void http_conn_greet(struct http_conn *c)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(c->ssl);
	if (r == 1) {
		c->is_read_blocked_on_write = false;
		http_conn_opened(c);
		return;
	}
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		c->is_read_blocked_on_write = false;
		return;
	case SSL_ERROR_WANT_WRITE:
		c->is_read_blocked_on_write = true;
		return;
	case SSL_ERROR_SYSCALL:
		http_conn_break_sys(c, errno, "TLS handshake");
		return;
	default:
		http_conn_break_tls(c, "TLS handshake");
	}
}

static void http_conn_connected(struct http_conn *c)
{
	socklen_t len = sizeof(int);
	int sys = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0)
		sys = errno;
	if (sys) {
		http_conn_break_sys(c, sys, "connect");
		return;
	}
	if (c->ssl) {
		c->state = HTTP_CONN_GREETING;
		http_conn_greet(c);
	} else {
		http_conn_opened(c);
	}
}

/* Bytes read, 0 at the end, -1 when there is nothing now or the connection broke (then dead). */
static ssize_t http_conn_read_tls(struct http_conn *c)
{
	int n;

	ERR_clear_error();
	n = SSL_read(c->ssl, http_conn_in, sizeof(http_conn_in));
	c->is_read_blocked_on_write = false;
	if (n > 0)
		return n;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_WANT_WRITE: /* a key update to be answered first */
		c->is_read_blocked_on_write = true;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		http_conn_break_sys(c, errno, "read");
		return -1;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			http_conn_break_sys(c, 0, "read");
		else
			http_conn_break_tls(c, "read");
		return -1;
	}
}

static ssize_t http_conn_read(struct http_conn *c)
{
	ssize_t n;

	if (c->ssl)
		return http_conn_read_tls(c);
	do
		n = recv(c->fd, http_conn_in, sizeof(http_conn_in), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		http_conn_break_sys(c, errno, "read");
	return n;
}

/* A record that OpenSSL holds in part raises no event: reading stops only when none is left. */
static void http_conn_take_input(struct http_conn *c)
{
	size_t total = 0;

	while (c->state == HTTP_CONN_OPEN && !c->is_paused && !c->is_eof) {
		ssize_t n;

		if (total >= HTTP_CONN_TURN && !(c->ssl && SSL_pending(c->ssl) > 0))
			break;
		n = http_conn_read(c);
		if (n < 0)
			break;
		if (n == 0) {
			c->is_eof = true;
			c->ops->eof(c);
			break;
		}
		if (total == 0)
			c->heard_ms = clock_mono_ms(loop_clock(c->loop));
		total += (size_t)n;
		c->ops->input(c, str_n(http_conn_in, (size_t)n));
		/* A short read of a clear socket has emptied it: the poll tells of more. */
		if (!c->ssl && (size_t)n < sizeof(http_conn_in))
			break;
	}
}

static void http_conn_polled(void *ctx, unsigned events)
{
	struct http_conn *c = ctx;

	if (c->state == HTTP_CONN_CONNECTING)
		http_conn_connected(c);
	else if (c->state == HTTP_CONN_GREETING)
		http_conn_greet(c);
	if (c->state == HTTP_CONN_OPEN) {
		bool can_read = events & (LOOP_READ | LOOP_HANGUP) || c->is_read_blocked_on_write;

		if (events & LOOP_WRITE && c->is_write_blocked) {
			c->is_write_blocked = false;
			http_conn_kick(c);
		}
		if (can_read)
			http_conn_take_input(c);
		/* Nobody reads (paused, or at the end) and the descriptor failed: it would be
		 * reported for ever. */
		if (c->state == HTTP_CONN_OPEN && events & LOOP_HANGUP &&
		    (c->is_paused || c->is_eof) && !(events & LOOP_READ))
			http_conn_break_sys(c, ECONNRESET, "read");
	}
	http_conn_watch(c);
}

int http_conn_init(struct http_conn *c, struct loop *l, int fd, SSL *ssl, bool is_connecting,
		   const struct http_conn_ops *ops, struct err *err)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->loop = l;
	c->fd = fd;
	c->ssl = ssl;
	c->state = is_connecting ? HTTP_CONN_CONNECTING : ssl ? HTTP_CONN_GREETING : HTTP_CONN_OPEN;
	r = loop_poll_new(l, fd, is_connecting ? LOOP_WRITE : LOOP_READ, http_conn_polled, c,
			  &c->poll, err);
	if (r < 0)
		return r;
	if (ssl)
		SSL_set_fd(ssl, fd);
	c->heard_ms = clock_mono_ms(loop_clock(l));
	return 0;
}

void http_conn_shutdown(struct http_conn *c)
{
	if (c->state != HTTP_CONN_OPEN)
		return;
	if (c->ssl) {
		ERR_clear_error();
		SSL_shutdown(c->ssl);
		ERR_clear_error();
	}
	shutdown(c->fd, SHUT_WR);
}

bool http_conn_is_h2(const struct http_conn *c)
{
	const unsigned char *p = NULL;
	unsigned n = 0;

	if (c->ssl)
		SSL_get0_alpn_selected(c->ssl, &p, &n);
	return n == 2 && memcmp(p, "h2", 2) == 0;
}

static void http_conn_resumed(void *ctx)
{
	struct http_conn *c = ctx;

	if (c->state != HTTP_CONN_OPEN)
		return;
	http_conn_take_input(c);
	http_conn_watch(c);
}

void http_conn_pause(struct http_conn *c, bool is_paused)
{
	if (c->is_paused == is_paused || c->state == HTTP_CONN_DEAD)
		return;
	c->is_paused = is_paused;
	http_conn_watch(c);
	if (!is_paused && c->ssl)
		loop_post(c->loop, http_conn_resumed, c); /* OpenSSL may hold bytes */
}

static void http_conn_kicked(void *ctx)
{
	struct http_conn *c = ctx;

	c->is_kicked = false;
	if (c->state != HTTP_CONN_OPEN)
		return;
	c->is_pumping = true; /* what is added now is seen by the pump itself */
	http_conn_pump(c);
	c->is_pumping = false;
	if (c->state == HTTP_CONN_OPEN && c->queued && !c->is_write_blocked)
		http_conn_kick(c); /* it had its share of this turn */
	http_conn_watch(c);
}

void http_conn_kick(struct http_conn *c)
{
	if (c->is_kicked || c->is_pumping || c->state != HTTP_CONN_OPEN)
		return;
	c->is_kicked = true;
	loop_post(c->loop, http_conn_kicked, c);
}

/* Bytes of the next block of copied pieces. */
static size_t http_conn_room(const struct http_conn *c, size_t n)
{
	if (c->queue.len == c->queue_head)
		return HTTP_CONN_CHUNK;
	return c->is_tail_shared && n <= HTTP_CONN_CHUNK_TAIL ? HTTP_CONN_CHUNK_TAIL
							      : HTTP_CONN_CHUNK_BIG;
}

void http_conn_add(struct http_conn *c, const void *p, size_t n)
{
	const char *from = p;

	if (c->state == HTTP_CONN_DEAD)
		return;
	c->queued += n;
	while (n > 0) {
		struct http_piece *last;
		size_t take;

		if (!c->tail_room) {
			size_t room = http_conn_room(c, n);

			*vec_push(&c->queue) = (struct http_piece){.bytes = bytes_new(room)};
			c->tail_room = room;
			c->is_tail_shared = false;
		}
		last = vec_last(&c->queue);
		take = MIN(n, c->tail_room);
		memcpy(last->bytes->data + last->bytes->len - c->tail_room, from, take);
		last->len += take;
		c->tail_room -= take;
		from += take;
		n -= take;
	}
	http_conn_kick(c);
}

void http_conn_add_bytes(struct http_conn *c, struct bytes *b, size_t at, size_t len)
{
	if (len <= HTTP_CONN_SMALL) {
		http_conn_add(c, b->data + at, len);
		return;
	}
	if (c->state == HTTP_CONN_DEAD)
		return;
	*vec_push(&c->queue) = (struct http_piece){.bytes = bytes_ref(b), .at = at, .len = len};
	c->tail_room = 0;
	c->is_tail_shared = true;
	c->queued += len;
	http_conn_kick(c);
}

static void http_conn_consume(struct http_conn *c, size_t n)
{
	c->queued -= n;
	while (n > 0) {
		struct http_piece *p = &c->queue.ptr[c->queue_head];
		size_t take = MIN(n, p->len);

		p->at += take;
		p->len -= take;
		n -= take;
		if (p->len > 0)
			break;
		bytes_unref(p->bytes);
		if (++c->queue_head == c->queue.len)
			c->tail_room = 0;
	}
	if (c->queue_head == c->queue.len) {
		/* An idle connection keeps no memory. */
		if (c->queue.cap > HTTP_CONN_IOV)
			vec_fini(&c->queue);
		vec_clear(&c->queue);
		c->queue_head = 0;
	} else if (c->queue_head >= 256) {
		memmove(c->queue.ptr, c->queue.ptr + c->queue_head,
			(c->queue.len - c->queue_head) * sizeof(*c->queue.ptr));
		c->queue.len -= c->queue_head;
		c->queue_head = 0;
	}
}

/* Sends the front of the queue: bytes sent, or -1 when blocked or broken. */
static ssize_t http_conn_send_clear(struct http_conn *c)
{
	struct iovec iov[HTTP_CONN_IOV];
	struct msghdr msg = {.msg_iov = iov};
	ssize_t n;

	for (size_t i = c->queue_head; i < c->queue.len && msg.msg_iovlen < HTTP_CONN_IOV; i++) {
		struct http_piece *p = &c->queue.ptr[i];

		iov[msg.msg_iovlen++] =
			(struct iovec){.iov_base = p->bytes->data + p->at, .iov_len = p->len};
	}
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		http_conn_break_sys(c, errno, "write");
	return n;
}

static ssize_t http_conn_send_tls(struct http_conn *c)
{
	struct http_piece *p = &c->queue.ptr[c->queue_head];
	const char *from = p->bytes->data + p->at;
	size_t n = MIN(p->len, (size_t)HTTP_CONN_RECORD);
	int r;

	if (n < HTTP_CONN_RECORD && c->queue_head + 1 < c->queue.len) {
		n = 0;
		for (size_t i = c->queue_head; i < c->queue.len && n < sizeof(http_conn_out); i++) {
			size_t take = MIN(c->queue.ptr[i].len, sizeof(http_conn_out) - n);

			memcpy(http_conn_out + n, c->queue.ptr[i].bytes->data + c->queue.ptr[i].at,
			       take);
			n += take;
		}
		from = http_conn_out;
	}
	ERR_clear_error();
	r = SSL_write(c->ssl, from, (int)n);
	if (r > 0)
		return r;
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_WRITE:
	case SSL_ERROR_WANT_READ:
		return -1;
	case SSL_ERROR_SYSCALL:
		http_conn_break_sys(c, errno, "write");
		return -1;
	default:
		http_conn_break_tls(c, "write");
		return -1;
	}
}

/* Produces and sends until neither moves: when sending has made room, only asking again finds what
 * was held back, for no event would tell. */
static void http_conn_pump(struct http_conn *c)
{
	size_t total = 0;

	while (c->state == HTTP_CONN_OPEN && !c->is_write_blocked) {
		ssize_t n;

		if (c->queued < HTTP_CONN_QUEUE)
			c->ops->produce(c);
		if (c->state != HTTP_CONN_OPEN)
			return;
		if (!c->queued) {
			if (c->closes_when_sent)
				http_conn_break_sys(c, 0, "close");
			return;
		}
		if (total >= HTTP_CONN_TURN)
			return;
		n = c->ssl ? http_conn_send_tls(c) : http_conn_send_clear(c);
		if (c->state != HTTP_CONN_OPEN)
			return;
		if (n <= 0) {
			c->is_write_blocked = true;
			return;
		}
		total += (size_t)n;
		http_conn_consume(c, (size_t)n);
		c->ops->sent(c);
	}
}
