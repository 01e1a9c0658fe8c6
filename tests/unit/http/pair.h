/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A server and a client of it in one loop, for the tests of the http room: clear or TLS, HTTP/1.1
 * or HTTP/2. The handler knows a few paths (pair.c); pair_get and friends run the loop until a call
 * has ended.
 */

#include "http/client.h"
#include "http/pki.h"
#include "http/server.h"
#include "loop/loop.h"

enum pair_kind {
	PAIR_H1 = 0,
	PAIR_H2 = 1, /* needs TLS: the client picks it by ALPN */
	PAIR_TLS = 2,
};

struct pair {
	struct loop *loop;
	struct http_server *server;
	struct http_transport *client;
	struct http_client_config config;
	struct http_tls tls;
	char dir_text[10][128];
	uint16_t port;
	/* What the handler has seen. */
	struct http_exchange *held; /* of /hold and /watch: begun, not ended */
	int closed, writable;
	bool stopped;
};

struct pair_answer {
	int status, r, done, heads;
	struct buf body;
	struct buf headers; /* name=value; */
	struct err err;
	bool is_held;
};

void pair_init(struct pair *p, unsigned kind);
/* With a handler of the test's own. */
void pair_init_with(struct pair *p, unsigned kind,
		    void (*handle)(void *ctx, struct http_exchange *x), void *ctx);
void pair_fini(struct pair *p);
/* Certificates in the test's folder: ca, server, client (user "alice", groups g1 g2), and of
 * another CA. p->tls and p->config are set. */
void pair_certificates(struct pair *p);
const char *pair_file(struct pair *p, int i, const char *name);

struct http_call *pair_send(struct pair *p, struct pair_answer *a, enum http_method m,
			    const char *target, struct bytes *body);
struct http_call *pair_send_request(struct pair *p, struct pair_answer *a,
				    const struct http_call_request *req);
void pair_wait(struct pair *p, const struct pair_answer *a);
void pair_get(struct pair *p, struct pair_answer *a, const char *target);
void pair_answer_fini(struct pair_answer *a);
void pair_turn(struct pair *p);
/* Turns until *n >= want, or fails after 10 s. */
void pair_until(struct pair *p, const int *n, int want);

/* A plain connection of the test's own to the server. */
int pair_connect(struct pair *p);
void pair_put(struct pair *p, int fd, struct str text);
/* What the server sends until it closes, or until `until` has been seen (NULL: close). */
struct str pair_take(struct pair *p, int fd, struct buf *b, const char *until);
