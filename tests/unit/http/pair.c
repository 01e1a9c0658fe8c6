/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http/pair.h"

#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void pair_closed(struct http_exchange *x)
{
	struct pair *p = x->handler_ctx;

	p->closed++;
	if (p->held == x)
		p->held = NULL;
}

static void pair_writable(struct http_exchange *x)
{
	struct pair *p = x->handler_ctx;

	p->writable++;
}

static void pair_who(struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	buf_add_str(&b, x->req.peer->user);
	for (size_t i = 0; i < x->req.peer->n_groups; i++) {
		buf_add_byte(&b, ' ');
		buf_add_str(&b, x->req.peer->groups[i]);
	}
	http_reply_text(x, 200, b.ptr);
	buf_fini(&b);
}

static void pair_handle(void *ctx, struct http_exchange *x)
{
	struct pair *p = ctx;
	struct bytes *b;

	x->handler_ctx = p;
	x->on_close = pair_closed;
	x->on_writable = pair_writable;
	if (str_eq_c(x->req.path, "/echo")) {
		b = bytes_dup(x->req.body);
		http_reply(x, 200, "application/octet-stream", b);
		bytes_unref(b);
	} else if (str_eq_c(x->req.path, "/who")) {
		pair_who(x);
	} else if (str_eq_c(x->req.path, "/header")) {
		struct buf t = BUF_INIT;

		buf_add_str(&t, http_header(x->req.headers, x->req.n_headers, "x-test"));
		buf_add_byte(&t, '|');
		buf_add_str(&t, http_header(x->req.headers, x->req.n_headers, "host"));
		buf_add_byte(&t, '|');
		buf_add_str(&t, x->req.query);
		http_reply_text(x, 200, t.ptr);
		buf_fini(&t);
	} else if (str_eq_c(x->req.path, "/watch")) {
		http_begin(x, 200, NULL, 0);
		p->held = x;
	} else if (str_eq_c(x->req.path, "/hold")) {
		p->held = x;
	} else if (str_eq_c(x->req.path, "/abort")) {
		http_begin(x, 200, NULL, 0);
		b = bytes_dup(STR("half"));
		http_write(x, b);
		bytes_unref(b);
		http_abort(x);
	} else if (str_eq_c(x->req.path, "/empty")) {
		http_reply_with(x, 204, NULL, 0, NULL);
	} else {
		http_reply_text(x, 404, "no such path");
	}
}

const char *pair_file(struct pair *p, int i, const char *name)
{
	snprintf(p->dir_text[i], sizeof(p->dir_text[i]), "%s/%s", test_tmpdir(), name);
	return p->dir_text[i];
}

void pair_certificates(struct pair *p)
{
	static const char *const names[] = {"localhost", NULL}, *const groups[] = {"g1", "g2",
										   NULL};
	struct ip_addr lo = ip_from_v4(0x7f000001);
	const char *ca = pair_file(p, 0, "ca.crt"), *ca_key = pair_file(p, 1, "ca.key");
	const char *server = pair_file(p, 2, "s.crt"), *server_key = pair_file(p, 3, "s.key");
	const char *client = pair_file(p, 4, "c.crt"), *client_key = pair_file(p, 5, "c.key");
	struct http_pki_leaf leaf = {.common_name = "server",
				     .dns_names = names,
				     .addrs = &lo,
				     .n_addrs = 1,
				     .is_server = true,
				     .days = 100};
	struct err err;

	ASSERT_OK(http_pki_ca(ca, ca_key, "test CA", &err));
	ASSERT_OK(http_pki_leaf(ca, ca_key, server, server_key, &leaf, &err));
	leaf = (struct http_pki_leaf){.common_name = "alice", .organizations = groups, .days = 100};
	ASSERT_OK(http_pki_leaf(ca, ca_key, client, client_key, &leaf, &err));
	p->tls = (struct http_tls){
		.cert_file = server, .key_file = server_key, .client_ca_file = ca};
	p->config.is_tls = true;
	p->config.ca_file = ca;
	p->config.cert_file = client;
	p->config.key_file = client_key;
}

void pair_init_with(struct pair *p, unsigned kind,
		    void (*handle)(void *ctx, struct http_exchange *x), void *ctx)
{
	struct ip_addr lo = ip_from_v4(0x7f000001);
	struct err err;

	memset(p, 0, sizeof(*p));
	p->loop = loop_new();
	if (kind & PAIR_TLS)
		pair_certificates(p);
	ASSERT_OK(http_server_new(p->loop, kind & PAIR_TLS ? &p->tls : NULL, handle, ctx,
				  &p->server, &err));
	ASSERT_OK(http_server_listen(p->server, &lo, 0, &p->port, &err));
	p->config.host = STR("127.0.0.1");
	p->config.port = p->port;
	p->config.is_http1_only = !(kind & PAIR_H2);
	ASSERT_OK(http_client_new(p->loop, &p->config, &p->client, &err));
}

void pair_init(struct pair *p, unsigned kind)
{
	pair_init_with(p, kind, pair_handle, p);
}

void pair_fini(struct pair *p)
{
	if (p->client)
		p->client->ops->close(p->client);
	http_server_free(p->server);
	loop_free(p->loop);
}

static void answer_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct pair_answer *a = ctx;

	a->status = status;
	a->heads++;
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&a->headers, headers[i].name);
		buf_add_byte(&a->headers, '=');
		buf_add_str(&a->headers, headers[i].value);
		buf_add_byte(&a->headers, ';');
	}
}

static void answer_data(void *ctx, struct str data)
{
	struct pair_answer *a = ctx;

	buf_add_str(&a->body, data);
}

static void answer_done(void *ctx, int r, const struct err *err)
{
	struct pair_answer *a = ctx;

	a->done++;
	a->r = r;
	if (r < 0)
		a->err = *err;
}

struct http_call *pair_send_request(struct pair *p, struct pair_answer *a,
				    const struct http_call_request *req)
{
	static const struct http_call_events ev = {answer_head, answer_data, answer_done};

	memset(a, 0, sizeof(*a));
	buf_init(&a->body);
	buf_init(&a->headers);
	return p->client->ops->send(p->client, req, &ev, a);
}

struct http_call *pair_send(struct pair *p, struct pair_answer *a, enum http_method m,
			    const char *target, struct bytes *body)
{
	struct http_header h = {STR("x-test"), STR("a value")};
	struct http_call_request req = {
		.method = m, .target = str_of(target), .headers = &h, .n_headers = 1, .body = body};

	return pair_send_request(p, a, &req);
}

void pair_turn(struct pair *p)
{
	loop_turn(p->loop, 20);
}

void pair_until(struct pair *p, const int *n, int want)
{
	int64_t end = clock_mono_ms(&clock_system) + 10 * 1000;

	while (*n < want) {
		if (clock_mono_ms(&clock_system) > end)
			test_fail(__FILE__, __LINE__, "waited 10 s for %d, is %d", want, *n);
		pair_turn(p);
	}
}

void pair_wait(struct pair *p, const struct pair_answer *a)
{
	pair_until(p, &a->done, 1);
}

void pair_get(struct pair *p, struct pair_answer *a, const char *target)
{
	pair_send(p, a, HTTP_GET, target, NULL);
	pair_wait(p, a);
}

void pair_answer_fini(struct pair_answer *a)
{
	buf_fini(&a->body);
	buf_fini(&a->headers);
}

int pair_connect(struct pair *p)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(p->port),
				 .sin_addr.s_addr = htonl(0x7f000001)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_EQ(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

void pair_put(struct pair *p, int fd, struct str text)
{
	while (text.len > 0) {
		ssize_t r = send(fd, text.ptr, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (r < 0 && errno != EAGAIN)
			return; /* the server has closed: what it sent tells the rest */
		if (r > 0)
			text = str_skip(text, (size_t)r);
		loop_turn(p->loop, 0);
	}
}

struct str pair_take(struct pair *p, int fd, struct buf *b, const char *until)
{
	int64_t end = clock_mono_ms(&clock_system) + 10 * 1000;
	char text[4096];

	for (;;) {
		ssize_t r = recv(fd, text, sizeof(text), MSG_DONTWAIT);

		if (r == 0 || (r < 0 && errno != EAGAIN))
			return buf_str(b);
		if (r > 0)
			buf_add(b, text, (size_t)r);
		if (until && memmem(b->ptr, b->len, until, strlen(until)))
			return buf_str(b);
		if (clock_mono_ms(&clock_system) > end)
			test_fail(__FILE__, __LINE__, "waited 10 s; came: %s", b->ptr);
		loop_turn(p->loop, 5);
	}
}
