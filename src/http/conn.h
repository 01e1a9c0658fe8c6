/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One connection of the server or the client: a descriptor, TLS on it or not, and a queue of what
 * is to be sent. It knows nothing of HTTP: a session (h1, h2, of either side) gets the bytes that
 * came and puts bytes into the queue.
 *
 * All that a turn of the loop adds to the queue is sent at the end of the turn at once
 * (http_conn_kick): 50 streams that each write one event cost one system call and, with TLS, one
 * record for each 16 KiB. A big body is queued by reference; small pieces are copied together.
 *
 * A connection dies once: by http_conn_close (its owner's wish) or by `broken` (the peer's doing,
 * or the network's). The descriptor is closed at that moment; the memory goes at the end of the
 * turn through `free`, so that a callback may kill the connection it was called for.
 */

#include "base/bytes.h"
#include "base/list.h"
#include "base/vec.h"
#include "loop/loop.h"

struct http_conn;
typedef struct ssl_st SSL;

enum {
	HTTP_CONN_READ = 32 * 1024,   /* one read */
	HTTP_CONN_TURN = 512 * 1024,  /* read or sent in one turn, so that the others get theirs */
	HTTP_CONN_QUEUE = 256 * 1024, /* `produce` is asked for more below this */
	HTTP_CONN_SMALL = 1024,       /* pieces up to this size are copied together */
};

struct http_conn_ops {
	void (*ready)(struct http_conn *c); /* connected, TLS agreed on */
	void (*input)(struct http_conn *c, struct str data);
	void (*eof)(struct http_conn *c);     /* the peer sends no more */
	void (*produce)(struct http_conn *c); /* there is room in the queue */
	void (*sent)(struct http_conn *c);    /* something left the queue */
	void (*broken)(struct http_conn *c, int r, const struct err *err); /* c is dead */
	void (*free)(struct http_conn *c);                                 /* the last one */
};

struct http_piece {
	struct bytes *bytes; /* one reference */
	size_t at, len;      /* what of it is still to be sent */
};

enum http_conn_state {
	HTTP_CONN_CONNECTING, /* TCP of the client */
	HTTP_CONN_GREETING,   /* TLS handshake */
	HTTP_CONN_OPEN,
	HTTP_CONN_DEAD,
};

struct http_conn {
	const struct http_conn_ops *ops;
	struct loop *loop;
	int fd;
	SSL *ssl; /* NULL: clear text */
	struct loop_poll *poll;
	enum http_conn_state state;
	bool is_kicked, is_pumping, is_paused, is_eof, is_write_blocked, is_read_blocked_on_write;
	bool closes_when_sent; /* break as soon as the queue is empty */
	VEC(struct http_piece) queue;
	size_t queue_head;
	size_t queued;       /* bytes */
	bool is_tail_shared; /* the last piece is by reference */
	size_t tail_room;    /* bytes that may still be copied to the end of the last piece */
	int64_t heard_ms;    /* when bytes last came in */
};

/* Takes fd (non-blocking) and ssl. Connecting: a connect() is under way on it. */
int http_conn_init(struct http_conn *c, struct loop *l, int fd, SSL *ssl, bool is_connecting,
		   const struct http_conn_ops *ops, struct err *err) _nodiscard_;
void http_conn_close(struct http_conn *c); /* at once; `free` follows; twice is fine */
/* Tells the peer that no more comes (TLS close, FIN); input goes on. */
void http_conn_shutdown(struct http_conn *c);
bool http_conn_is_h2(const struct http_conn *c);           /* ALPN said so */
void http_conn_pause(struct http_conn *c, bool is_paused); /* no input for now */
void http_conn_kick(struct http_conn *c);                  /* send at the end of this turn */

/* To the queue; they kick. */
void http_conn_add(struct http_conn *c, const void *p, size_t n);
void http_conn_add_bytes(struct http_conn *c, struct bytes *b, size_t at, size_t len);
