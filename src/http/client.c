/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include "base/fd.h"
#include "base/sockaddr.h"
#include "http/client-internal.h"
#include "http/tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>

enum {
	HTTP_ADDRS_MAX = 16,          /* addresses of a name that are tried */
	HTTP_FINISH_WAIT = 30 * 1000, /* ms for a peer to take what was written before the end */
};

struct http_lookup {
	struct http_client *client;
	char *host;
	int gai; /* getaddrinfo's answer */
	VEC(struct ip_addr) addrs;
};

static void http_client_connect(struct http_client *t);

static void http_client_unref(struct http_client *t)
{
	if (--t->refs > 0)
		return;
	SSL_CTX_free(t->tls);
	vec_fini(&t->attempt.addrs);
	arena_fini(&t->arena);
	free(t);
}

static int64_t http_client_now(const struct http_client *t)
{
	return clock_mono_ms(loop_clock(t->loop));
}

/* Calls */

static void http_call_free(struct http_call *c)
{
	list_remove(&c->node);
	if (c->line) {
		if (!c->line->is_h2)
			http_conn_pause(&c->line->conn, false); /* for the next one */
		c->line->n_calls--;
		c->line->used_ms = http_client_now(c->client);
	}
	loop_timer_close(c->timer);
	bytes_unref(c->body);
	buf_fini(&c->more);
	vec_fini(&c->got);
	arena_fini(&c->arena);
	free(c);
}

void http_call_done(struct http_call *c, int r, const struct err *err)
{
	struct http_call_events ev = c->ev;
	void *ctx = c->ctx;

	http_client_kick(c->client); /* a line has room again */
	http_call_free(c);
	ev.on_done(ctx, r, err);
}

void http_call_fail(struct http_call *c, const char *why)
{
	struct http_client *t = c->client;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%.*s: %s", STR_ARG(t->authority), why);
	http_call_done(c, ERR_UNAVAILABLE, &err);
}

void http_call_again(struct http_call *c)
{
	if (c->is_again || c->has_head) {
		http_call_fail(c, "the server refused the stream");
		return;
	}
	c->is_again = true;
	c->body_sent = 0;
	list_remove(&c->node);
	c->line->n_calls--;
	c->line = NULL;
	list_append(&c->client->waiting, &c->node);
	http_client_kick(c->client);
}

void http_call_heard(struct http_call *c)
{
	if (c->idle_ms)
		c->heard_ms = http_client_now(c->client);
}

void http_call_head(struct http_call *c, int status, const struct http_header *headers, size_t n)
{
	c->has_head = true;
	http_call_heard(c);
	if (c->ev.on_head)
		c->ev.on_head(c->ctx, status, headers, n);
}

void http_call_data(struct http_call *c, struct str data)
{
	http_call_heard(c);
	if (c->ev.on_data && data.len && !c->is_finishing)
		c->ev.on_data(c->ctx, data);
}

void http_call_trailers(struct http_call *c)
{
	if (c->ev.on_trailers)
		c->ev.on_trailers(c->ctx, c->got.ptr, c->got.len);
}

static void http_call_cancel(struct http_call *c)
{
	struct http_line *k = c->line;

	http_client_kick(c->client);
	if (k && k->is_h2)
		http_h2_line_cancel(k, c);
	http_call_free(c);
	if (k && !k->is_h2) { /* what is left of the answer is in the way */
		list_remove(&k->node);
		http_conn_close(&k->conn);
	}
}

static void http_call_pause(struct http_call *c, bool is_paused)
{
	c->is_paused = is_paused;
	if (c->line && !c->line->is_h2)
		http_conn_pause(&c->line->conn, is_paused);
	else if (c->line && !is_paused)
		http_h2_line_resume(c->line, c);
}

static void http_call_write(struct http_call *c, struct str data)
{
	assert(c->is_open);
	buf_add_str(&c->more, data);
	if (c->line && c->line->is_h2)
		http_h2_line_write(c->line, c);
}

static void http_call_tunnel(struct http_call *c, struct bytes *chunk)
{
	struct http_conn *conn = &c->line->conn;

	assert(c->is_tunnel);
	http_conn_add_bytes(conn, chunk, 0, chunk->len);
	if (conn->queued >= HTTP_WRITABLE)
		c->was_high = true;
}

static size_t http_call_pending(const struct http_call *c)
{
	return c->line->conn.queued;
}

static void http_call_rearm(struct http_call *c)
{
	int64_t at = c->until_ms ? c->until_ms : INT64_MAX;

	if (c->idle_ms)
		at = MIN(at, c->heard_ms + c->idle_ms);
	loop_timer_start(c->timer, at - http_client_now(c->client), 0);
}

static void http_call_timed(void *ctx)
{
	struct http_call *c = ctx;
	struct http_client *t = c->client;
	int64_t now = http_client_now(t);
	bool is_total = c->until_ms && now >= c->until_ms;
	struct http_call_events ev = c->ev;
	struct err err;

	if (!is_total && !(c->idle_ms && now >= c->heard_ms + c->idle_ms)) {
		http_call_rearm(c); /* something came in the meantime */
		return;
	}
	err_set(&err, ERR_TIMEOUT, "%.*s: %s", STR_ARG(t->authority),
		is_total ? "no whole answer in time" : "the answer has fallen silent");
	ctx = c->ctx;
	http_call_cancel(c);
	ev.on_done(ctx, ERR_TIMEOUT, &err);
}

static void http_call_finish(struct http_call *c)
{
	struct http_line *k = c->line;

	if (!c->is_tunnel) {
		http_call_cancel(c);
		return;
	}
	/* Closing it at once could take what was written from the peer: it ends when the peer does,
	 * or after a while. */
	c->is_finishing = true;
	c->idle_ms = 0;
	c->until_ms = http_client_now(c->client) + HTTP_FINISH_WAIT;
	if (!c->timer)
		c->timer = loop_timer_new(c->client->loop, http_call_timed, c);
	http_call_rearm(c);
	http_conn_pause(&k->conn, false);
	http_h1_line_sent(k);
}

static struct http_call *http_client_send(struct http_transport *transport,
					  const struct http_call_request *req,
					  const struct http_call_events *events, void *ctx)
{
	struct http_client *t = (struct http_client *)transport;
	struct http_call *c = mem_xnew(struct http_call);

	assert(!t->is_closed);
	c->client = t;
	c->ev = *events;
	c->ctx = ctx;
	c->method = req->method;
	c->is_upgrade = req->is_upgrade;
	arena_init(&c->arena, 1024);
	c->target = str_dup(&c->arena, req->target);
	c->headers = arena_array(&c->arena, req->n_headers + 1, sizeof(*c->headers));
	c->n_headers = req->n_headers;
	for (size_t i = 0; i < req->n_headers; i++) {
		c->headers[i].name = str_dup(&c->arena, req->headers[i].name);
		c->headers[i].value = str_dup(&c->arena, req->headers[i].value);
	}
	c->body = req->body ? bytes_ref(req->body) : NULL;
	c->is_open = req->is_open;
	buf_init(&c->more);
	if (c->is_open)
		buf_add_str(&c->more, bytes_str(c->body));
	c->attempt = t->attempt.number;
	list_append(&t->waiting, &c->node);
	if (req->timeout_ms || req->idle_ms) {
		c->heard_ms = http_client_now(t);
		c->until_ms = req->timeout_ms ? c->heard_ms + req->timeout_ms : 0;
		c->idle_ms = req->idle_ms;
		c->timer = loop_timer_new(t->loop, http_call_timed, c);
		http_call_rearm(c);
	}
	http_client_kick(t);
	return c;
}

/* Lines */

static struct http_line *http_line_of(struct http_conn *c)
{
	return CONTAINER_OF(c, struct http_line, conn);
}

void http_line_fail(struct http_line *k, const char *why)
{
	struct http_call *c;

	list_remove(&k->node);
	http_conn_close(&k->conn);
	while ((c = list_first(struct http_call, &k->calls, node))) {
		if (k->client->is_closed) /* from a callback: the rest is cancelled with it */
			http_call_free(c);
		else
			http_call_fail(c, why);
	}
}

static void http_line_ready(struct http_conn *conn)
{
	struct http_line *k = http_line_of(conn);
	struct http_client *t = k->client;

	assert(t->attempt.line == k);
	t->attempt.line = NULL;
	t->attempt.is_on = false;
	loop_timer_stop(t->attempt.timer);
	k->is_ready = true;
	k->is_h2 = t->is_h2 = t->is_h2_only || http_conn_is_h2(conn);
	k->used_ms = http_client_now(t);
	list_append(&t->lines, &k->node);
	if (k->is_h2)
		http_h2_line_start(k);
	else
		http_h1_line_start(k);
	if (!loop_timer_is_armed(t->tick))
		loop_timer_start(t->tick, HTTP_CLIENT_TICK, HTTP_CLIENT_TICK);
	http_client_kick(t);
}

static void http_line_input(struct http_conn *conn, struct str data)
{
	struct http_line *k = http_line_of(conn);

	if (k->is_h2)
		http_h2_line_input(k, data);
	else
		http_h1_line_input(k, data);
}

static void http_line_eof(struct http_conn *conn)
{
	struct http_line *k = http_line_of(conn);

	if (k->is_h2)
		http_line_fail(k, "the server has closed the connection");
	else
		http_h1_line_eof(k);
}

static void http_line_produce(struct http_conn *conn)
{
	struct http_line *k = http_line_of(conn);

	if (k->is_h2)
		http_h2_line_produce(k);
}

static void http_line_sent(struct http_conn *conn)
{
	struct http_line *k = http_line_of(conn);

	if (!k->is_h2)
		http_h1_line_sent(k);
}

/* The next address, or the end of the attempt: then all that waits fails. */
static void http_client_attempt_failed(struct http_client *t)
{
	struct http_call *c;

	t->attempt.line = NULL;
	if (++t->attempt.at < t->attempt.addrs.len && http_client_now(t) < t->attempt.until_ms) {
		http_client_connect(t);
		return;
	}
	t->attempt.is_on = false;
	loop_timer_stop(t->attempt.timer);
	/* on_done may close the transport, and may send anew: that is for the next attempt. */
	t->refs++;
	t->attempt.number++;
	while (!t->is_closed && (c = list_first(struct http_call, &t->waiting, node)) &&
	       c->attempt < t->attempt.number)
		http_call_fail(c, t->attempt.err.msg);
	http_client_unref(t);
}

static void http_line_broken(struct http_conn *conn, int r _unused_, const struct err *err)
{
	struct http_line *k = http_line_of(conn);
	struct http_client *t = k->client;

	if (t->attempt.line == k) {
		t->attempt.err = *err;
		http_client_attempt_failed(t);
		return;
	}
	http_line_fail(k, err->msg);
}

static void http_line_free(struct http_conn *conn)
{
	struct http_line *k = http_line_of(conn);

	if (k->is_ready && k->is_h2)
		http_h2_line_free(k);
	else if (k->is_ready)
		http_h1_line_free(k);
	http_client_unref(k->client);
	free(k);
}

static const struct http_conn_ops http_line_ops = {
	.ready = http_line_ready,
	.input = http_line_input,
	.eof = http_line_eof,
	.produce = http_line_produce,
	.sent = http_line_sent,
	.broken = http_line_broken,
	.free = http_line_free,
};

/* Connecting */

static SSL *http_client_ssl(struct http_client *t)
{
	X509_VERIFY_PARAM *param;
	char name[256];
	struct ip_addr a;
	SSL *ssl;

	if (!t->tls)
		return NULL;
	ssl = SSL_new(t->tls);
	param = SSL_get0_param(ssl);
	snprintf(name, sizeof(name), "%.*s", STR_ARG(t->server_name));
	if (ip_parse(t->server_name, &a, NULL) == 0) {
		X509_VERIFY_PARAM_set1_ip_asc(param, name);
	} else {
		SSL_set_tlsext_host_name(ssl, name);
		SSL_set1_host(ssl, name);
	}
	SSL_set_connect_state(ssl);
	return ssl;
}

static int http_client_socket(const struct ip_addr *addr, uint16_t port, struct err *err)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(addr, port, &ss);
	_cleanup_(fd_closep) int fd = -1;
	int one = 1, idle = 30, every = 10, count = 3;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* HTTP/1 has no ping: the kernel finds out a peer that vanished. */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	if (connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return err_sys(err, errno, "connect");
	return TAKE_FD(fd);
}

/* To the address at hand; failing at once counts as that address's failure, a turn later. */
static void http_client_connect(struct http_client *t)
{
	int64_t left = t->attempt.until_ms - http_client_now(t);
	size_t n_left = t->attempt.addrs.len - t->attempt.at;
	struct http_line *k = mem_xnew(struct http_line);
	SSL *ssl;
	int fd;

	loop_timer_start(t->attempt.timer, MAX(left / (int64_t)n_left, (int64_t)1), 0);
	fd = http_client_socket(&t->attempt.addrs.ptr[t->attempt.at], t->port, &t->attempt.err);
	if (fd < 0) {
		free(k);
		loop_timer_start(t->attempt.timer, 0, 0);
		return;
	}
	ssl = http_client_ssl(t);
	if (http_conn_init(&k->conn, t->loop, fd, ssl, true, &http_line_ops, &t->attempt.err) < 0) {
		SSL_free(ssl);
		fd_close(fd);
		free(k);
		loop_timer_start(t->attempt.timer, 0, 0);
		return;
	}
	k->client = t;
	t->refs++;
	list_init(&k->node);
	list_init(&k->calls);
	t->attempt.line = k;
}

static void http_client_attempt_timed(void *ctx)
{
	struct http_client *t = ctx;

	if (!t->attempt.is_on)
		return;
	if (t->attempt.line) {
		err_set(&t->attempt.err, ERR_UNAVAILABLE, "connect: no answer in time");
		http_conn_close(&t->attempt.line->conn);
	}
	http_client_attempt_failed(t);
}

static void http_lookup_work(void *ctx)
{
	struct http_lookup *w = ctx;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list;

	w->gai = getaddrinfo(w->host, NULL, &hints, &list);
	if (w->gai == EAI_NONAME || w->gai == EAI_ADDRFAMILY) {
		hints.ai_flags = 0; /* loopback alone does not count as configured */
		w->gai = getaddrinfo(w->host, NULL, &hints, &list);
	}
	if (w->gai)
		return;
	for (struct addrinfo *a = list; a && w->addrs.len < HTTP_ADDRS_MAX; a = a->ai_next)
		if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
			*vec_push(&w->addrs) =
				sockaddr_ip((const struct sockaddr_storage *)(void *)a->ai_addr);
	freeaddrinfo(list);
}

static void http_lookup_done(void *ctx)
{
	struct http_lookup *w = ctx;
	struct http_client *t = w->client;

	if (!t->is_closed) {
		vec_clear(&t->attempt.addrs);
		t->attempt.at = 0;
		vec_foreach(a, &w->addrs)
			*vec_push(&t->attempt.addrs) = *a;
		if (t->attempt.addrs.len) {
			http_client_connect(t);
		} else {
			err_set(&t->attempt.err, ERR_UNAVAILABLE, "look up %s: %s", w->host,
				w->gai ? gai_strerror(w->gai) : "no address");
			http_client_attempt_failed(t);
		}
	}
	vec_fini(&w->addrs);
	free(w->host);
	free(w);
	http_client_unref(t);
}

static void http_client_attempt(struct http_client *t)
{
	struct http_lookup *w;
	struct ip_addr literal;

	t->attempt.is_on = true;
	t->attempt.until_ms = http_client_now(t) + t->connect_ms;
	if (ip_parse(t->host, &literal, NULL) == 0) {
		vec_clear(&t->attempt.addrs);
		*vec_push(&t->attempt.addrs) = literal;
		t->attempt.at = 0;
		http_client_connect(t);
		return;
	}
	w = mem_xnew(struct http_lookup);
	w->client = t;
	w->host = mem_xstrndup(t->host.ptr, t->host.len);
	t->refs++;
	loop_work(t->loop, http_lookup_work, http_lookup_done, w);
}

/* The transport */

static struct http_line *http_client_line(struct http_client *t, size_t *ret_n)
{
	*ret_n = 0;
	list_foreach(struct http_line, k, &t->lines, node) {
		++*ret_n;
		if (!k->is_draining && (k->is_h2 ? http_h2_line_has_room(k) : k->n_calls == 0))
			return k;
	}
	return NULL;
}

static void http_client_work(void *ctx)
{
	struct http_client *t = ctx;
	struct http_call *c;

	t->is_posted = false;
	while (!t->is_closed && (c = list_first(struct http_call, &t->waiting, node))) {
		size_t n_lines;
		struct http_line *k = http_client_line(t, &n_lines);

		if (!k) {
			if (!t->attempt.is_on && n_lines < HTTP_LINES_MAX)
				http_client_attempt(t);
			break;
		}
		list_remove(&c->node);
		list_append(&k->calls, &c->node);
		k->n_calls++;
		c->line = k;
		if (c->ev.on_sent)
			c->ev.on_sent(c->ctx);
		if (c->is_open && !k->is_h2)
			http_call_fail(c, "an open body needs HTTP/2");
		else if (k->is_h2)
			http_h2_line_send(k, c);
		else
			http_h1_line_send(k, c);
	}
	http_client_unref(t);
}

void http_client_kick(struct http_client *t)
{
	if (t->is_posted || t->is_closed)
		return;
	t->is_posted = true;
	t->refs++;
	loop_post(t->loop, http_client_work, t);
}

static void http_client_ticked(void *ctx)
{
	struct http_client *t = ctx;
	int64_t now = http_client_now(t);

	t->refs++;
	list_foreach(struct http_line, k, &t->lines, node) {
		bool is_idle = !k->n_calls && now - k->used_ms > HTTP_LINE_IDLE;

		if ((!k->is_h2 && is_idle) || (k->is_draining && !k->n_calls)) {
			list_remove(&k->node);
			http_conn_close(&k->conn);
		} else if (k->is_h2 && k->pinged_ms > k->conn.heard_ms) {
			if (now - k->pinged_ms > HTTP_PING_WAIT) {
				http_line_fail(k, "no answer to a ping");
				break; /* callbacks ran: the list may be another */
			}
		} else if (k->is_h2 && now - k->conn.heard_ms > HTTP_PING_AFTER) {
			k->pinged_ms = now;
			http_h2_line_ping(k);
		}
	}
	if (!t->is_closed && list_is_empty(&t->lines))
		loop_timer_stop(t->tick);
	http_client_unref(t);
}

static void http_client_close(struct http_transport *transport)
{
	struct http_client *t = (struct http_client *)transport;
	struct http_line *k;
	struct http_call *c;

	t->is_closed = true;
	while ((c = list_first(struct http_call, &t->waiting, node)))
		http_call_free(c);
	while ((k = list_first(struct http_line, &t->lines, node))) {
		list_remove(&k->node);
		while ((c = list_first(struct http_call, &k->calls, node))) {
			if (k->is_h2)
				http_h2_line_cancel(k, c);
			http_call_free(c);
		}
		http_conn_close(&k->conn);
	}
	if (t->attempt.line)
		http_conn_close(&t->attempt.line->conn);
	t->attempt.line = NULL;
	t->attempt.is_on = false;
	loop_timer_close(t->attempt.timer);
	loop_timer_close(t->tick);
	http_client_unref(t);
}

static const struct http_transport_ops http_client_ops = {
	.send = http_client_send,
	.cancel = http_call_cancel,
	.pause = http_call_pause,
	.write = http_call_write,
	.close = http_client_close,
	.tunnel_write = http_call_tunnel,
	.tunnel_pending = http_call_pending,
	.tunnel_finish = http_call_finish,
};

int http_client_new(struct loop *l, const struct http_client_config *config,
		    struct http_transport **ret, struct err *err)
{
	struct http_client *t;
	bool is_v6 = str_find(config->host, ':') >= 0;
	SSL_CTX *tls = NULL;
	int r;

	if (!config->host.len || config->host.len > 253)
		return err_set(err, ERR_INVALID, "host: must have 1 to 253 bytes, has %zu",
			       config->host.len);
	if (config->is_tls) {
		r = http_tls_client(config, &tls, err);
		if (r < 0)
			return r;
	}
	t = mem_xnew(struct http_client);
	t->transport.ops = &http_client_ops;
	t->refs = 1;
	t->loop = l;
	t->tls = tls;
	t->is_h2_only = config->is_h2_only;
	arena_init(&t->arena, 512);
	t->host = str_dup(&t->arena, config->host);
	t->server_name =
		str_is_set(config->server_name) ? str_dup(&t->arena, config->server_name) : t->host;
	t->port = config->port;
	if (config->port == (config->is_tls ? 443 : 80))
		t->authority = str_printf(&t->arena, is_v6 ? "[%.*s]" : "%.*s", STR_ARG(t->host));
	else
		t->authority = str_printf(&t->arena, is_v6 ? "[%.*s]:%u" : "%.*s:%u",
					  STR_ARG(t->host), config->port);
	if (str_is_set(config->bearer_token))
		t->token = str_printf(&t->arena, "Bearer %.*s", STR_ARG(config->bearer_token));
	t->connect_ms = config->connect_timeout_ms ? config->connect_timeout_ms : 10 * 1000;
	list_init(&t->waiting);
	list_init(&t->lines);
	t->tick = loop_timer_new(l, http_client_ticked, t);
	t->attempt.timer = loop_timer_new(l, http_client_attempt_timed, t);
	*ret = &t->transport;
	return 0;
}
