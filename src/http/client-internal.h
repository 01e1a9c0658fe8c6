/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the client. A call waits until a line (a connection) has room for it: an HTTP/2 line takes
 * as many as the server allows, an HTTP/1 line one. One attempt to open a line runs at a time; only
 * when its TLS handshake is over is it known which version the server speaks.
 *
 * A call ends exactly once: http_call_done (on_done) or cancel (silence). Either frees it, so code
 * that has called back looks at its line again, not at the call.
 */

#include "base/vec.h"
#include "http/client.h"
#include "http/conn.h"
#include "http/parser.h"

#include <nghttp2/nghttp2.h>

enum {
	HTTP_LINES_MAX = 256,       /* connections of one client (HTTP/1.1) */
	HTTP_CLIENT_TICK = 5000,    /* ms */
	HTTP_PING_AFTER = 30000,    /* ms of silence */
	HTTP_PING_WAIT = 15000,     /* ms for the answer */
	HTTP_LINE_IDLE = 90 * 1000, /* ms that an unused HTTP/1 connection is kept */
};

struct http_client;
struct http_line;

struct http_call {
	struct list_node node; /* in the client's waiting or its line's calls */
	struct http_client *client;
	struct http_line *line; /* NULL: waiting */
	struct http_call_events ev;
	void *ctx;
	struct arena arena;
	enum http_method method;
	struct str target;
	struct http_header *headers;
	size_t n_headers;
	struct bytes *body;
	struct buf more; /* is_open: the whole body so far, instead of `body` */
	size_t body_sent;
	struct loop_timer *timer; /* NULL: no timeouts */
	int64_t until_ms, idle_ms, heard_ms;
	/* The answer */
	int status;
	VEC(struct http_header) got;
	size_t got_bytes;
	bool has_head, is_ended, is_again, is_paused, is_open;
	bool is_upgrade, is_tunnel; /* asks for 101; has got it: bytes from then on */
	bool is_finishing;          /* … only until what was written has gone out */
	bool was_high;              /* on_writable is due */
	int32_t id;                 /* HTTP/2 stream */
	size_t withheld;  /* HTTP/2: bytes that came while paused; the server's window lacks them */
	uint64_t attempt; /* failed attempts to connect when it was sent */
};

struct http_line {
	struct http_conn conn;
	struct http_client *client;
	struct list_node node;
	struct list_node calls;
	size_t n_calls;
	bool is_ready, is_h2, is_draining, has_settings;
	int64_t pinged_ms, used_ms;
	nghttp2_session *ng;       /* HTTP/2 */
	struct http_parser parser; /* HTTP/1 */
};

struct http_client {
	struct http_transport transport; /* first */
	unsigned refs;                   /* the owner's, each line's, each post's and lookup's */
	struct loop *loop;
	struct ssl_ctx_st *tls;
	struct arena arena; /* of the strings below */
	struct str host, server_name, authority, token;
	uint16_t port;
	bool is_h2, is_h2_only, is_closed, is_posted;
	int64_t connect_ms;
	struct list_node waiting, lines;
	struct loop_timer *tick;
	struct {
		bool is_on;
		uint64_t number; /* how many have failed */
		VEC(struct ip_addr) addrs;
		size_t at;
		struct http_line *line;
		struct loop_timer *timer;
		int64_t until_ms;
		struct err err; /* why the last address failed */
	} attempt;
};

void http_call_done(struct http_call *c, int r, const struct err *err);
void http_call_fail(struct http_call *c, const char *why); /* ERR_UNAVAILABLE */
void http_call_again(struct http_call *c);                 /* the server has not looked at it */
void http_call_heard(struct http_call *c);                 /* for the idle timeout */
void http_call_head(struct http_call *c, int status, const struct http_header *headers, size_t n);
void http_call_data(struct http_call *c, struct str data);
void http_call_trailers(struct http_call *c);

void http_client_kick(struct http_client *t); /* look at the waiting calls at the end of the turn */
void http_line_fail(struct http_line *k, const char *why);

/* The two versions. */
void http_h1_line_start(struct http_line *k);
void http_h1_line_send(struct http_line *k, struct http_call *c);
void http_h1_line_input(struct http_line *k, struct str data);
void http_h1_line_eof(struct http_line *k);
void http_h1_line_sent(struct http_line *k);
void http_h1_line_free(struct http_line *k);

void http_h2_line_start(struct http_line *k);
void http_h2_line_send(struct http_line *k, struct http_call *c);
void http_h2_line_input(struct http_line *k, struct str data);
void http_h2_line_produce(struct http_line *k);
void http_h2_line_cancel(struct http_line *k, struct http_call *c);
void http_h2_line_resume(struct http_line *k, struct http_call *c); /* gives what is withheld */
void http_h2_line_write(struct http_line *k, struct http_call *c);  /* c->more has grown */
void http_h2_line_ping(struct http_line *k);
bool http_h2_line_has_room(const struct http_line *k);
void http_h2_line_free(struct http_line *k);
