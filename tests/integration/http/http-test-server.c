/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for test_interop.py: http-test-server [CERT KEY [CLIENT-CA]]. Listens on 127.0.0.1,
 *prints the port, and stops gracefully on SIGTERM.
 *
 *	/echo    the body       /who     user and groups      /stream?n=N   N lines, one a turn
 *	/watch   one line, then silence                       /big?n=N      N bytes
 */
#include "http/pki.h"
#include "http/server.h"
#include "loop/loop.h"

#include <signal.h>
#include <stdio.h>

static struct loop *loop;
static struct http_server *server;
static struct loop_signal *sigterm;

struct stream {
	struct http_exchange *x;
	uint64_t left;
};

static uint64_t number(struct http_exchange *x)
{
	uint64_t n = 0;

	IGNORE(str_to_u64(http_query(&x->arena, x->req.query, "n", 0), 0, 1 << 30, &n, NULL),
	       "0 then");
	return n;
}

static void stream_closed(struct http_exchange *x)
{
	((struct stream *)x->handler_ctx)->x = NULL;
}

static void stream_turn(void *ctx)
{
	struct stream *s = ctx;
	struct bytes *b;

	if (!s->x) {
		free(s);
		return;
	}
	if (!s->left) {
		http_end(s->x);
		free(s);
		return;
	}
	b = bytes_dup(STR("line\n"));
	http_write(s->x, b);
	bytes_unref(b);
	s->left--;
	loop_post(loop, stream_turn, s);
}

static void stream(struct http_exchange *x)
{
	struct stream *s = mem_xnew(struct stream);

	s->x = x;
	s->left = number(x);
	x->handler_ctx = s;
	x->on_close = stream_closed;
	http_begin(x, 200, NULL, 0);
	loop_post(loop, stream_turn, s);
}

static void who(struct http_exchange *x)
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

static void handle(void *ctx _unused_, struct http_exchange *x)
{
	struct bytes *b;

	if (str_eq_c(x->req.path, "/echo")) {
		b = bytes_dup(x->req.body);
		http_reply(x, 200, "application/octet-stream", b);
		bytes_unref(b);
	} else if (str_eq_c(x->req.path, "/who")) {
		who(x);
	} else if (str_eq_c(x->req.path, "/stream")) {
		stream(x);
	} else if (str_eq_c(x->req.path, "/watch")) {
		b = bytes_dup(STR("first\n"));
		http_begin(x, 200, NULL, 0);
		http_write(x, b);
		bytes_unref(b);
	} else if (str_eq_c(x->req.path, "/big")) {
		b = bytes_new(number(x));
		memset(b->data, 'x', b->len);
		http_reply(x, 200, NULL, b);
		bytes_unref(b);
	} else {
		http_reply_text(x, 404, "no such path\n");
	}
}

static void stopped(void *ctx _unused_)
{
	loop_stop(loop);
}

static void on_sigterm(void *ctx _unused_, int signo _unused_)
{
	http_server_stop(server, 1000, stopped, NULL);
}

static char *file(const char *dir, const char *name)
{
	return mem_xprintf("%s/%s", dir, name);
}

static int certificates(const char *dir, struct http_tls *tls, struct err *err)
{
	static const char *const names[] = {"localhost", NULL};
	static const char *const groups[] = {"masters", "devs", NULL};
	struct ip_addr lo = ip_from_v4(0x7f000001);
	struct http_pki_leaf leaf = {.common_name = "server",
				     .dns_names = names,
				     .addrs = &lo,
				     .n_addrs = 1,
				     .is_server = true,
				     .days = 10};
	_cleanup_(mem_freep) char *ca_key = file(dir, "ca.key");
	_cleanup_(mem_freep) char *client = file(dir, "client.crt");
	_cleanup_(mem_freep) char *client_key = file(dir, "client.key");
	int r;

	tls->client_ca_file = file(dir, "ca.crt");
	tls->cert_file = file(dir, "server.crt");
	tls->key_file = file(dir, "server.key");
	r = http_pki_ca(tls->client_ca_file, ca_key, "test CA", err);
	if (r == 0)
		r = http_pki_leaf(tls->client_ca_file, ca_key, tls->cert_file, tls->key_file, &leaf,
				  err);
	leaf = (struct http_pki_leaf){.common_name = "admin", .organizations = groups, .days = 10};
	if (r == 0)
		r = http_pki_leaf(tls->client_ca_file, ca_key, client, client_key, &leaf, err);
	return r;
}

int main(int argc, char **argv)
{
	struct ip_addr lo = ip_from_v4(0x7f000001);
	bool is_tls = argc > 1;
	struct http_tls tls = {0};
	struct err err;
	uint16_t port;

	loop = loop_new();
	if ((is_tls && certificates(argv[1], &tls, &err) < 0) ||
	    http_server_new(loop, is_tls ? &tls : NULL, handle, NULL, &server, &err) < 0 ||
	    http_server_listen(server, &lo, 0, &port, &err) < 0 ||
	    loop_signal_new(loop, SIGTERM, on_sigterm, NULL, &sigterm, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	printf("%u\n", port);
	fflush(stdout);
	loop_run(loop);
	http_server_free(server);
	loop_signal_close(sigterm);
	loop_free(loop);
	free((void *)(uintptr_t)tls.cert_file);
	free((void *)(uintptr_t)tls.key_file);
	free((void *)(uintptr_t)tls.client_ca_file);
	return 0;
}
