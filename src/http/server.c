/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include "base/fd.h"
#include "base/sockaddr.h"
#include "http/server-internal.h"
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HTTP_BACKLOG = 1024,
	HTTP_ACCEPTS = 64,        /* in one turn */
	HTTP_TAKE_MS = 60 * 1000, /* in which a peer must take something of its answer */
	HTTP_DEADLINE_TICK = 250, /* ms at most between two looks at the deadlines */
	HTTP_GOAWAY_WAIT = 50,    /* ms between the notice and the last stream's number */
};

struct http_listener {
	struct http_server *server;
	int fd;
	struct loop_poll *poll;
};

static const char http_preface[HTTP_PREFACE_LEN + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void http_deadline_clear(struct http_deadline *d)
{
	list_remove(&d->node);
}

static int64_t http_server_tick(const struct http_server *s)
{
	int64_t tick = HTTP_DEADLINE_TICK;

	for (int i = 0; i < HTTP_DEADLINE_END; i++)
		tick = MIN(tick, s->timeouts_ms[i] / 4 + 1);
	return tick;
}

void http_deadline_set(struct http_server *s, struct http_deadline *d, enum http_deadline_kind kind)
{
	list_remove(&d->node);
	d->at_ms = clock_mono_ms(loop_clock(s->loop)) + s->timeouts_ms[kind];
	list_append(&s->deadlines[kind], &d->node);
	if (!loop_timer_is_armed(s->deadline_timer))
		loop_timer_start(s->deadline_timer, http_server_tick(s), 0);
}

static void http_server_look(void *ctx)
{
	struct http_server *s = ctx;
	int64_t now = clock_mono_ms(loop_clock(s->loop));
	bool is_any = false;

	for (int i = 0; i < HTTP_DEADLINE_END; i++) {
		struct http_deadline *d;

		while ((d = list_first(struct http_deadline, &s->deadlines[i], node)) &&
		       d->at_ms <= now) {
			list_remove(&d->node);
			d->fn(d);
		}
		is_any |= d != NULL;
	}
	if (is_any && !loop_timer_is_armed(s->deadline_timer))
		loop_timer_start(s->deadline_timer, http_server_tick(s), 0);
}

struct str http_date(struct loop *l)
{
	static _Thread_local char text[40];
	static _Thread_local int64_t at;
	static _Thread_local size_t len;
	int64_t now = loop_clock(l)->wall_ns(loop_clock(l)) / 1000000000;

	if (now != at || !len) {
		time_t t = (time_t)now;
		struct tm tm;

		gmtime_r(&t, &tm);
		len = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		at = now;
	}
	return str_n(text, len);
}

/* Jobs */

struct http_job *http_job_new(struct http_link *k, const struct http_exchange_ops *ops)
{
	struct http_server *s = k->server;
	struct http_job *j = list_first(struct http_job, &s->pool, node);

	if (j) {
		list_remove(&j->node);
		s->n_pool--;
	} else {
		j = mem_xnew(struct http_job);
		arena_init(&j->x.arena, 0);
		buf_init(&j->body);
	}
	list_init(&j->node);
	list_init(&j->drained);
	list_init(&j->deadline.node);
	j->x.ops = ops;
	j->link = k;
	j->x.req.peer = &k->peer;
	s->stats.open_streams++;
	return j;
}

void http_job_free(struct http_job *j)
{
	struct http_server *s = j->link->server;
	struct arena arena;
	struct buf body = j->body;
	__typeof__(j->headers) headers = j->headers;
	__typeof__(j->queue) queue = j->queue;

	if (j->x.on_over)
		j->x.on_over(&j->x);
	arena = j->x.arena;
	list_remove(&j->node);
	list_remove(&j->drained);
	http_deadline_clear(&j->deadline);
	for (size_t i = j->queue_head; i < j->queue.len; i++)
		bytes_unref(j->queue.ptr[i].bytes);
	s->stats.open_streams--;
	if (s->n_pool >= HTTP_JOBS_POOLED || body.cap > 64 * 1024 || arena.total > 64 * 1024) {
		arena_fini(&arena);
		buf_fini(&body);
		vec_fini(&headers);
		vec_fini(&queue);
		free(j);
		return;
	}
	arena_clear(&arena);
	buf_clear(&body);
	vec_clear(&headers);
	vec_clear(&queue);
	memset(j, 0, sizeof(*j));
	j->x.arena = arena;
	j->body = body;
	j->headers = headers;
	j->queue = queue;
	list_append(&s->pool, &j->node);
	s->n_pool++;
}

static void http_pool_free(struct http_server *s)
{
	list_foreach(struct http_job, j, &s->pool, node) {
		list_remove(&j->node);
		arena_fini(&j->x.arena);
		buf_fini(&j->body);
		vec_fini(&j->headers);
		vec_fini(&j->queue);
		free(j);
	}
}

void http_job_dispatch(struct http_job *j)
{
	struct http_server *s = j->link->server;

	http_deadline_clear(&j->deadline);
	j->x.req.body = buf_str(&j->body);
	j->is_dispatched = true;
	s->stats.requests++;
	s->fn(s->ctx, &j->x);
}

void http_job_lost(struct http_job *j)
{
	if (j->is_dispatched && !j->is_ended) {
		j->is_ended = true;
		if (j->x.on_close)
			j->x.on_close(&j->x);
	}
	http_job_free(j);
}

void http_job_discard(struct http_job *j)
{
	size_t kept = j->queue_head;

	if (kept < j->queue.len && j->queue.ptr[kept].at > 0)
		kept++;
	for (size_t i = kept; i < j->queue.len; i++) {
		j->queued -= j->queue.ptr[i].len;
		bytes_unref(j->queue.ptr[i].bytes);
	}
	j->queue.len = kept;
	if (j->queue_head == kept)
		j->queue_head = j->queue.len = 0;
}

bool http_job_target(struct http_job *j, struct str target)
{
	ptrdiff_t at;

	/* The absolute form (RFC 9112 section 3.2.2): what counts is the path. */
	if (str_has_prefix(target, STR("http://")) || str_has_prefix(target, STR("https://"))) {
		target = str_skip(target, (size_t)str_find(target, ':') + 3);
		at = str_find(target, '/');
		if (at < 0)
			return false;
		target = str_skip(target, (size_t)at);
	}
	at = str_find(target, '#');
	if (at >= 0)
		target = str_sub(target, 0, (size_t)at);
	at = str_find(target, '?');
	j->x.req.path = at < 0 ? target : str_sub(target, 0, (size_t)at);
	if (at >= 0)
		j->x.req.query = str_skip(target, (size_t)at + 1);
	return target.len > 0 && target.ptr[0] == '/';
}

/* Links */

static struct http_link *http_link_of(struct http_conn *c)
{
	return CONTAINER_OF(c, struct http_link, conn);
}

static void http_server_stop_check(struct http_server *s)
{
	/* Not from inside a callback: the timer fires in the next turn. */
	if (s->is_stopping && list_is_empty(&s->links) && s->stopped)
		loop_timer_start(s->stop_timer, 0, 0);
}

static void http_link_gone(struct http_link *k)
{
	struct http_server *s = k->server;

	list_remove(&k->node);
	http_deadline_clear(&k->deadline);
	s->stats.open_connections--;
	if (k->session)
		k->ops->lost(k);
	http_server_stop_check(s);
}

void http_link_fail(struct http_link *k)
{
	if (k->conn.state == HTTP_CONN_DEAD)
		return;
	http_conn_close(&k->conn);
	http_link_gone(k);
}

void http_link_bad(struct http_link *k)
{
	k->server->stats.bad_requests++;
}

static void http_link_expired(struct http_deadline *d)
{
	struct http_link *k = CONTAINER_OF(d, struct http_link, deadline);

	if (k->server->tls && !k->ops)
		k->server->stats.tls_failures++;
	http_link_fail(k);
}

static void http_link_start(struct http_link *k, const struct http_session_ops *ops)
{
	k->ops = ops;
	k->session = ops->start(k);
}

static void http_link_ready(struct http_conn *c)
{
	struct http_link *k = http_link_of(c);

	if (c->ssl)
		http_tls_identify(c->ssl, &k->arena, &k->peer);
	http_link_start(k, http_conn_is_h2(c) ? &http_h2_ops : &http_h1_ops);
}

/* In the clear the client's first bytes say whether it speaks HTTP/2 (RFC 9113 section 3.3). */
static void http_link_sniff(struct http_link *k, struct str data)
{
	size_t take = MIN(data.len, HTTP_PREFACE_LEN - k->n_first);
	bool is_h2;

	memcpy(k->first + k->n_first, data.ptr, take);
	k->n_first += take;
	is_h2 = memcmp(k->first, http_preface, k->n_first) == 0;
	if (is_h2 && k->n_first < HTTP_PREFACE_LEN)
		return;
	http_link_start(k, is_h2 ? &http_h2_ops : &http_h1_ops);
	k->ops->input(k, str_n(k->first, k->n_first));
	if (k->conn.state == HTTP_CONN_OPEN && take < data.len)
		k->ops->input(k, str_skip(data, take));
}

static void http_link_input(struct http_conn *c, struct str data)
{
	struct http_link *k = http_link_of(c);

	if (k->ops)
		k->ops->input(k, data);
	else
		http_link_sniff(k, data);
}

static void http_link_eof(struct http_conn *c)
{
	struct http_link *k = http_link_of(c);

	if (k->ops)
		k->ops->eof(k);
	else
		http_link_fail(k);
}

static void http_link_produce(struct http_conn *c)
{
	struct http_link *k = http_link_of(c);

	if (k->ops)
		k->ops->produce(k);
}

static void http_link_sent(struct http_conn *c)
{
	struct http_link *k = http_link_of(c);

	if (k->ops)
		k->ops->sent(k);
}

static void http_link_broken(struct http_conn *c, int r _unused_, const struct err *err _unused_)
{
	struct http_link *k = http_link_of(c);

	if (k->server->tls && !k->ops)
		k->server->stats.tls_failures++;
	http_link_gone(k);
}

static void http_link_free(struct http_conn *c)
{
	struct http_link *k = http_link_of(c);

	if (k->session)
		k->ops->free(k);
	arena_fini(&k->arena);
	free(k);
}

static const struct http_conn_ops http_link_ops = {
	.ready = http_link_ready,
	.input = http_link_input,
	.eof = http_link_eof,
	.produce = http_link_produce,
	.sent = http_link_sent,
	.broken = http_link_broken,
	.free = http_link_free,
};

void http_server_adopt(struct http_server *s, int fd, const struct http_peer *peer)
{
	struct http_link *k = mem_xnew(struct http_link);
	SSL *ssl = s->tls ? SSL_new(s->tls) : NULL;

	if (ssl)
		SSL_set_accept_state(ssl);
	if (http_conn_init(&k->conn, s->loop, fd, ssl, false, &http_link_ops, NULL) < 0) {
		SSL_free(ssl);
		fd_close(fd);
		free(k);
		return;
	}
	k->server = s;
	k->peer = *peer;
	k->peer.is_tls = ssl != NULL;
	arena_init(&k->arena, 512);
	k->deadline.fn = http_link_expired;
	list_init(&k->deadline.node);
	list_append(&s->links, &k->node);
	s->stats.connections++;
	s->stats.open_connections++;
	http_deadline_set(s, &k->deadline, HTTP_DEADLINE_HEAD);
}

/* Listeners */

/* No descriptor is left: the client is told so by a close, instead of by silence, and the loop does
 * not spin over a listener that stays readable. */
static void http_listener_refuse(struct http_listener *li)
{
	int fd;

	fd_close(li->server->spare_fd);
	fd = accept4(li->fd, NULL, NULL, SOCK_CLOEXEC);
	fd_close(fd);
	li->server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void http_listener_polled(void *ctx, unsigned events _unused_)
{
	struct http_listener *li = ctx;
	struct http_server *s = li->server;

	for (int i = 0; i < HTTP_ACCEPTS; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t len = sizeof(ss);
		struct http_peer peer;
		int fd, one = 1;

		fd = accept4(li->fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				http_listener_refuse(li);
			return; /* nobody waits, or one who has gone again */
		}
		if (s->stats.open_connections >= HTTP_CONNECTIONS_MAX) {
			fd_close(fd);
			continue;
		}
		if (ss.ss_family != AF_UNIX)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		peer = (struct http_peer){.addr = sockaddr_ip(&ss), .port = sockaddr_port(&ss)};
		http_server_adopt(s, fd, &peer);
	}
}

static void http_listener_free(struct http_listener *li)
{
	loop_poll_close(li->poll);
	fd_close(li->fd);
	free(li);
}

int http_server_listen_fd(struct http_server *s, int fd, struct err *err)
{
	struct http_listener *li = mem_xnew(struct http_listener);
	int r;

	li->server = s;
	li->fd = fd;
	r = loop_poll_new(s->loop, fd, LOOP_READ, http_listener_polled, li, &li->poll, err);
	if (r < 0) {
		free(li);
		fd_close(fd);
		return r;
	}
	*vec_push(&s->listeners) = li;
	return 0;
}

int http_server_listen(struct http_server *s, const struct ip_addr *addr, uint16_t port,
		       uint16_t *ret_port, struct err *err)
{
	_cleanup_(fd_closep) int fd = -1;
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(addr, port, &ss);
	char text[IP_TEXT_MAX];
	int one = 1, r;

	ip_format(addr, text);
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "socket for %s", text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0 || listen(fd, HTTP_BACKLOG) < 0)
		return err_sys(err, errno, "listen on %s port %u", text, port);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return err_sys(err, errno, "port of %s", text);
	r = http_server_listen_fd(s, TAKE_FD(fd), err);
	if (r < 0)
		return r;
	if (ret_port)
		*ret_port = sockaddr_port(&ss);
	return 0;
}

static void http_server_unlisten(struct http_server *s)
{
	vec_foreach(li, &s->listeners)
		http_listener_free(*li);
	vec_clear(&s->listeners);
}

/* The server */

void http_server_set_timeouts(struct http_server *s, int64_t head_ms, int64_t body_ms,
			      int64_t idle_ms)
{
	s->timeouts_ms[HTTP_DEADLINE_HEAD] = head_ms;
	s->timeouts_ms[HTTP_DEADLINE_BODY] = body_ms;
	s->timeouts_ms[HTTP_DEADLINE_IDLE] = idle_ms;
	s->timeouts_ms[HTTP_DEADLINE_TAKE] = MIN(idle_ms, (int64_t)HTTP_TAKE_MS);
	s->timeouts_ms[HTTP_DEADLINE_LINGER] = 2000;
}

/* What on_close does may end other connections too: no plain walk over the list. */
static void http_server_cut(struct http_server *s)
{
	struct http_link *k;

	while ((k = list_first(struct http_link, &s->links, node)))
		http_link_fail(k);
}

static void http_server_stop_due(void *ctx)
{
	struct http_server *s = ctx;
	int64_t left = s->stop_at_ms - clock_mono_ms(loop_clock(s->loop));

	if (!s->is_stop_final) {
		s->is_stop_final = true;
		list_foreach(struct http_link, k, &s->links, node)
			if (k->ops)
				k->ops->drain(k, true);
	}
	if (left <= 0)
		http_server_cut(s);
	if (!list_is_empty(&s->links)) {
		loop_timer_start(s->stop_timer, left, 0);
	} else if (s->stopped) {
		void (*stopped)(void *) = s->stopped;

		loop_timer_stop(s->stop_timer);
		s->stopped = NULL;
		stopped(s->stopped_ctx);
	}
}

static const char *http_refusal_text(struct buf *body, int status _unused_, const char *reason)
{
	buf_add_c(body, reason);
	buf_add_byte(body, '\n');
	return "text/plain; charset=utf-8";
}

void http_server_refusals_by(struct http_server *s, http_refusal_fn fn)
{
	s->refusal = fn;
}

int http_server_new(struct loop *l, const struct http_tls *tls, http_handler_fn fn, void *ctx,
		    struct http_server **ret, struct err *err)
{
	struct http_server *s;
	SSL_CTX *c = NULL;
	int r;

	if (tls) {
		r = http_tls_server(tls, &c, err);
		if (r < 0)
			return r;
	}
	s = mem_xnew(struct http_server);
	s->loop = l;
	s->tls = c;
	s->fn = fn;
	s->ctx = ctx;
	s->refusal = http_refusal_text;
	list_init(&s->links);
	list_init(&s->pool);
	for (int i = 0; i < HTTP_DEADLINE_END; i++)
		list_init(&s->deadlines[i]);
	http_server_set_timeouts(s, 10 * 1000, 60 * 1000, 180 * 1000);
	s->deadline_timer = loop_timer_new(l, http_server_look, s);
	s->stop_timer = loop_timer_new(l, http_server_stop_due, s);
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*ret = s;
	return 0;
}

int http_server_set_tls(struct http_server *s, const struct http_tls *tls, struct err *err)
{
	SSL_CTX *c;
	int r = http_tls_server(tls, &c, err);

	assert(s->tls);
	if (r < 0)
		return r;
	SSL_CTX_free(s->tls); /* connections have references of their own */
	s->tls = c;
	return 0;
}

void http_server_stop(struct http_server *s, int64_t grace_ms, void (*done)(void *ctx), void *ctx)
{
	assert(!s->is_stopping);
	s->is_stopping = true;
	s->stopped = done;
	s->stopped_ctx = ctx;
	s->stop_at_ms = clock_mono_ms(loop_clock(s->loop)) + grace_ms;
	http_server_unlisten(s);
	list_foreach(struct http_link, k, &s->links, node) {
		if (k->ops)
			k->ops->drain(k, false);
		else
			http_link_fail(k);
	}
	loop_timer_start(s->stop_timer,
			 list_is_empty(&s->links) ? 0 : MIN(grace_ms, (int64_t)HTTP_GOAWAY_WAIT),
			 0);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	s->stopped = NULL;
	http_server_unlisten(s);
	vec_fini(&s->listeners);
	http_server_cut(s);
	http_pool_free(s);
	loop_timer_close(s->deadline_timer);
	loop_timer_close(s->stop_timer);
	SSL_CTX_free(s->tls);
	fd_close(s->spare_fd);
	free(s);
}

void http_server_stats(const struct http_server *s, struct http_server_stats *ret)
{
	*ret = s->stats;
}
