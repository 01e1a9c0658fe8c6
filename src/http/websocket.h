/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * WebSocket (RFC 6455) on a connection that has been upgraded, over wslay: messages out of bytes
 * and bytes out of messages. It owns no connection: bytes that came go in by http_ws_feed, bytes to
 * be sent come out by `send`. Either role, so that tests have a client.
 *
 * Messages are handed over in pieces as they arrive, so none is too long; whoever needs a whole one
 * puts it together within a limit of its own. Pings are answered and fragments joined here.
 * Extensions are not offered.
 */

#include "http/http.h"

struct http_ws;

struct http_ws_ops {
	void (*send)(void *ctx, struct str bytes);
	/* A piece of a message; a message may have empty pieces. is_text: as the sender said. */
	void (*on_data)(void *ctx, struct str piece, bool is_first, bool is_last, bool is_text);
	/* The peer has sent Close; it has been answered. The connection is to be ended. */
	void (*on_close)(void *ctx, int code);
};

/* No callback may free it or feed it. */
struct http_ws *http_ws_new(bool is_client, const struct http_ws_ops *ops, void *ctx);
void http_ws_free(struct http_ws *w); /* NULL is fine */
/* ERR_BAD_REQUEST: the peer does not speak WebSocket; it has been told by a Close. */
int http_ws_feed(struct http_ws *w, struct str bytes, struct err *err) _nodiscard_;
/* One message; text must be UTF-8. Nothing is sent after a Close. */
void http_ws_message(struct http_ws *w, bool is_text, struct str head, struct str rest);
void http_ws_ping(struct http_ws *w);
void http_ws_close(struct http_ws *w, int code, struct str reason); /* reason: at most 123 bytes */

/* Sec-WebSocket-Accept for this Sec-WebSocket-Key (RFC 6455 section 4.2.2). */
struct str http_ws_accept(struct arena *a, struct str key);
/* Whether a request asks for it as section 4.2.1 has it: GET, version 13, a key. */
bool http_ws_is_wanted(const struct http_exchange *x);
