/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port-forward: connections of a client to ports of a Pod, each from within the Pod's own network
 * to its loopback address, as a process of the Pod would make them.
 *
 * With SPDY the client opens two streams for each connection, "data" and "error", that belong
 * together by their header "requestid"; "port" says where to. With WebSocket channels the ports are
 * in the query; port i has channels 2i (data) and 2i + 1 (error), and each first says its port in
 * two bytes, low byte first. What goes wrong is text on the error stream.
 */
#include "agent/forward.h"

#include "agent/session.h"
#include "agent/wire.h"
#include "base/fd.h"
#include "base/sockaddr.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PAIRS_MAX = 512,         /* connections of one client at a time; more are refused */
	QUEUE_MAX = 1024 * 1024, /* bytes that the Pod has not taken; then the client waits */
	QUEUE_LOW = QUEUE_MAX / 4,
	READ_SIZE = 32 * 1024,
};

struct pair {
	struct list_node link;
	struct agent_forward *forward;
	struct str request; /* its id; in the heap */
	uint16_t port;
	uint32_t data, error; /* streams */
	bool has_data, has_error, is_connected, is_v6, client_ended, pod_ended;
	int fd;
	struct loop_poll *poll;
	struct buf queue; /* to the Pod */
};

struct agent_forward {
	struct agent_session session;
	struct agent_wire *wire;
	struct list_node pairs;
	size_t n_pairs;
	bool is_paused;
};

/* ---- pairs ---------------------------------------------------------------------------------- */

static void close_fd(struct pair *c)
{
	if (c->poll)
		loop_poll_close(c->poll);
	c->poll = NULL;
	fd_close(c->fd);
	c->fd = -1;
}

static void pair_free(struct pair *c)
{
	close_fd(c);
	list_remove(&c->link);
	c->forward->n_pairs--;
	buf_fini(&c->queue);
	free((char *)(uintptr_t)c->request.ptr);
	free(c);
}

static void resume(struct agent_forward *f)
{
	if (!f->is_paused)
		return;
	list_foreach(struct pair, c, &f->pairs, link)
		if (c->queue.len > QUEUE_LOW)
			return;
	f->is_paused = false;
	agent_wire_pause(f->wire, false);
}

/* Nothing more comes from the Pod. What the client still says is passed on until it ends. */
static void end_output(struct pair *c)
{
	if (c->pod_ended)
		return;
	c->pod_ended = true;
	agent_wire_end(c->forward->wire, c->data);
	agent_wire_end(c->forward->wire, c->error);
}

/* Both directions are over. */
static void finish(struct pair *c)
{
	struct agent_forward *f = c->forward;

	end_output(c);
	pair_free(c);
	resume(f);
}

static void fail(struct pair *c, const char *what, int sys)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "error forwarding port %u to pod: %s: %s", c->port, what,
		   strerrordesc_np(sys));
	if (c->has_error && !c->pod_ended)
		agent_wire_write(c->forward->wire, c->error, buf_str(&b));
	buf_fini(&b);
	finish(c);
}

static unsigned wanted(const struct pair *c)
{
	if (!c->is_connected)
		return LOOP_WRITE;
	return (c->pod_ended || agent_wire_is_full(c->forward->wire) ? 0 : LOOP_READ) |
	       (c->queue.len ? LOOP_WRITE : 0);
}

/* Reads what the Pod has said; true: it has ended. */
static bool take(struct pair *c, int *ret_sys)
{
	static char text[READ_SIZE];

	while (!c->pod_ended && !agent_wire_is_full(c->forward->wire)) {
		ssize_t n = recv(c->fd, text, sizeof(text), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n < 0) {
			*ret_sys = errno;
			return true;
		}
		if (n == 0) {
			end_output(c);
			return c->client_ended && !c->queue.len;
		}
		agent_wire_write(c->forward->wire, c->data, str_n(text, (size_t)n));
	}
	return false;
}

/* Writes what the client has said; true: the Pod does not want it. */
static bool give(struct pair *c)
{
	size_t at = 0;

	while (at < c->queue.len) {
		ssize_t n = send(c->fd, c->queue.ptr + at, c->queue.len - at, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return true;
		if (n < 0)
			break;
		at += (size_t)n;
	}
	buf_consume(&c->queue, at);
	if (c->client_ended && !c->queue.len)
		shutdown(c->fd, SHUT_WR);
	resume(c->forward);
	return c->client_ended && c->pod_ended && !c->queue.len;
}

static void pump(struct pair *c)
{
	int sys = 0;

	if (give(c) || take(c, &sys)) {
		if (sys && sys != ECONNRESET)
			fail(c, "read", sys);
		else
			finish(c);
		return;
	}
	loop_poll_set(c->poll, wanted(c));
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void dial(struct pair *c);

static void on_polled(void *ctx, unsigned events)
{
	struct pair *c = ctx;
	socklen_t len = sizeof(int);
	int sys = 0;

	if (c->is_connected) {
		pump(c);
		return;
	}
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &sys, &len) < 0)
		sys = errno;
	if (sys == 0) {
		c->is_connected = true;
		pump(c);
	} else if (!c->is_v6) {
		close_fd(c);
		c->is_v6 = true;
		dial(c);
	} else {
		fail(c, "connect", sys);
	}
}

static void dial(struct pair *c)
{
	static const uint8_t lo6[16] = {[15] = 1};
	struct ip_addr lo = c->is_v6 ? ip_from_bytes(lo6, IP_V6) : ip_from_v4(0x7f000001);
	const struct agent_place *p = c->forward->session.place;
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&lo, c->port, &ss);
	struct err err;
	int r = p && p->box ? 0 : -ESRCH;

	if (r == 0)
		r = c->fd = agent_sandbox_socket(p->box, ss.ss_family, &err);
	if (r < 0) {
		fail(c, "the Pod's network", -r);
		return;
	}
	if (connect(c->fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS) {
		int sys = errno;

		close_fd(c);
		if (c->is_v6) {
			fail(c, "connect", sys);
			return;
		}
		c->is_v6 = true;
		dial(c); /* once: then it is IPv6 */
		return;
	}
	r = loop_poll_new(c->forward->session.agent->loop, c->fd, LOOP_WRITE, on_polled, c,
			  &c->poll, &err);
	if (r < 0)
		fail(c, "watch", EMFILE);
}

/* ---- streams -------------------------------------------------------------------------------- */

static struct pair *pair_new(struct agent_forward *f, uint16_t port, struct str request)
{
	struct pair *c = mem_xnew(struct pair);

	c->forward = f;
	c->port = port;
	c->fd = -1;
	c->request = str_n(mem_xstrndup(request.ptr, request.len), request.len);
	buf_init(&c->queue);
	list_append(&f->pairs, &c->link);
	f->n_pairs++;
	return c;
}

static struct pair *find(struct agent_forward *f, uint32_t id)
{
	list_foreach(struct pair, c, &f->pairs, link)
		if (c->has_data && c->data == id)
			return c;
	return NULL;
}

static struct pair *find_request(struct agent_forward *f, struct str request)
{
	list_foreach(struct pair, c, &f->pairs, link)
		if (str_eq(c->request, request))
			return c;
	return NULL;
}

static bool on_open(void *ctx, uint32_t id, const struct http_header *headers, size_t n)
{
	struct agent_forward *f = ctx;
	struct str type = http_header(headers, n, "streamtype");
	struct str request = http_header(headers, n, "requestid");
	bool is_error = str_eq_c(type, "error"), is_data = str_eq_c(type, "data");
	struct pair *c = find_request(f, request);
	uint64_t port;

	if ((!is_error && !is_data) || !request.len ||
	    str_to_u64(http_header(headers, n, "port"), 1, UINT16_MAX, &port, NULL) < 0 ||
	    (!c && f->n_pairs >= PAIRS_MAX) || (c && (is_error ? c->has_error : c->has_data)))
		return false;
	if (!c)
		c = pair_new(f, (uint16_t)port, request);
	*(is_error ? &c->error : &c->data) = id;
	*(is_error ? &c->has_error : &c->has_data) = true;
	if (c->has_error && c->has_data)
		dial(c);
	return true;
}

static void on_data(void *ctx, uint32_t id, struct str piece, bool is_last)
{
	struct agent_forward *f = ctx;
	struct pair *c = find(f, id);

	if (!c || c->client_ended)
		return;
	buf_add_str(&c->queue, piece);
	c->client_ended = is_last;
	if (c->queue.len > QUEUE_MAX && !f->is_paused) {
		f->is_paused = true;
		agent_wire_pause(f->wire, true);
	}
	if (c->is_connected)
		pump(c);
}

static void on_reset(void *ctx, uint32_t id)
{
	struct pair *c = find(ctx, id);

	if (c)
		finish(c);
}

static void on_writable(void *ctx)
{
	struct agent_forward *f = ctx;

	list_foreach(struct pair, c, &f->pairs, link)
		if (c->is_connected)
			pump(c);
}

static void forward_free(struct agent_forward *f)
{
	struct pair *c;

	while ((c = list_first(struct pair, &f->pairs, link)))
		pair_free(c);
	agent_wire_close(f->wire);
	agent_session_end(&f->session);
	free(f);
}

static void on_gone(void *ctx)
{
	struct agent_forward *f = ctx;

	f->wire = NULL;
	forward_free(f);
}

static const struct agent_wire_ops wire_ops = {
	.on_open = on_open,
	.on_data = on_data,
	.on_reset = on_reset,
	.on_writable = on_writable,
	.on_gone = on_gone,
};

/* ---- sessions ------------------------------------------------------------------------------- */

/* The ports of the query, for channels; *ret_n 0 when there are none. */
static int read_ports(struct http_exchange *x, uint16_t *ret, size_t max, size_t *ret_n,
		      struct err *err)
{
	struct str text;
	uint64_t port;

	*ret_n = 0;
	for (size_t i = 0; str_is_set(text = http_query(&x->arena, x->req.query, "port", i)); i++) {
		if (*ret_n == max)
			return err_set(err, ERR_BAD_REQUEST, "more than %zu ports", max);
		if (str_to_u64(text, 1, UINT16_MAX, &port, NULL) < 0)
			return err_set(err, ERR_BAD_REQUEST, "port '%.*s' is no port",
				       STR_ARG(text));
		ret[(*ret_n)++] = (uint16_t)port;
	}
	return 0;
}

static void open_channels(struct agent_forward *f, const uint16_t *ports, size_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const char port[2] = {(char)(ports[i] & 0xff), (char)(ports[i] >> 8)};
		struct pair *c = pair_new(f, ports[i], STR(""));

		c->data = 2 * i;
		c->error = 2 * i + 1;
		c->has_data = c->has_error = true;
		agent_wire_write(f->wire, c->data, str_n(port, 2));
		agent_wire_write(f->wire, c->error, str_n(port, 2));
		dial(c);
	}
}

static void on_lost(struct agent_session *s)
{
	forward_free(CONTAINER_OF(s, struct agent_forward, session));
}

int agent_forward_start(struct agent_place *p, struct http_exchange *x, struct err *err)
{
	uint16_t ports[64];
	struct agent_forward *f;
	size_t n;
	int r = read_ports(x, ports, ARRAY_LEN(ports), &n, err);

	if (r == 0 && (!p->box || !p->box->pid))
		r = err_set(err, ERR_INTERNAL, "pod is not running");
	if (r < 0)
		return r;
	f = mem_xnew(struct agent_forward);
	list_init(&f->pairs);
	r = agent_session_begin(&f->session, p, on_lost, err);
	if (r < 0) {
		free(f);
		return r;
	}
	r = agent_wire_open(p->agent->loop, x, AGENT_WIRE_FORWARD, &wire_ops, f, &f->wire, err);
	if (r < 0)
		forward_free(f);
	else if (agent_wire_has_channels(f->wire))
		open_channels(f, ports, n);
	return r;
}
