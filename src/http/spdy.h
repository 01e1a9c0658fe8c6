/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SPDY/3.1 framing (draft-mbelshe-httpbis-spdy-00; 3.1 is the same with windows for the session),
 * which clients of Kubernetes speak for exec, attach and port-forward on a connection that they
 * have upgraded. As http/websocket.h it owns no connection: bytes in by http_spdy_feed, out by
 * `send`. Either role, so that tests have a client.
 *
 * Windows are not kept: no client of Kubernetes sends or obeys WINDOW_UPDATE, the connection's own
 * back pressure holds for all its streams. Header blocks are compressed with zlib and the
 * dictionary of section 2.6.10.1. A stream is a number here; which of them are open, and what they
 * are for, is the owner's to know.
 *
 * Limits: HTTP_SPDY_CONTROL_MAX for a control frame, HTTP_HEADER_BYTES_MAX for the text of a header
 * block, HTTP_SPDY_HEADERS_MAX for its fields. Data is handed over as it comes.
 */

#include "http/http.h"

enum {
	HTTP_SPDY_CONTROL_MAX = 64 * 1024, /* bytes of a control frame */
	HTTP_SPDY_HEADERS_MAX = 64,
	HTTP_SPDY_DATA = 32 * 1024, /* bytes of one data frame that is sent */
};

enum http_spdy_status { /* of RST_STREAM */
	HTTP_SPDY_PROTOCOL_ERROR = 1,
	HTTP_SPDY_REFUSED_STREAM = 3,
	HTTP_SPDY_CANCEL = 5,
	HTTP_SPDY_INTERNAL_ERROR = 6,
};

struct http_spdy;

/* No callback may free or feed it; all of them may send. */
struct http_spdy_ops {
	void (*send)(void *ctx, struct str bytes);
	/* SYN_STREAM; names in lower case, as SPDY has them. To be answered with http_spdy_reply or
	 * http_spdy_reset. */
	void (*on_stream)(void *ctx, uint32_t id, const struct http_header *headers, size_t n,
			  bool is_last);
	void (*on_reply)(void *ctx, uint32_t id, bool is_last); /* may be NULL */
	void (*on_data)(void *ctx, uint32_t id, struct str piece, bool is_last);
	void (*on_reset)(void *ctx, uint32_t id, uint32_t status);
	void (*on_goaway)(void *ctx); /* the peer opens no more streams */
};

struct http_spdy *http_spdy_new(bool is_client, const struct http_spdy_ops *ops, void *ctx);
void http_spdy_free(struct http_spdy *s); /* NULL is fine */
/* ERR_BAD_REQUEST: not SPDY, or over a limit; the session is of no more use. */
int http_spdy_feed(struct http_spdy *s, struct str bytes, struct err *err) _nodiscard_;

uint32_t http_spdy_open(struct http_spdy *s, const struct http_header *headers, size_t n);
void http_spdy_reply(struct http_spdy *s, uint32_t id);
/* is_last: this side sends no more on it. */
void http_spdy_data(struct http_spdy *s, uint32_t id, struct str data, bool is_last);
void http_spdy_reset(struct http_spdy *s, uint32_t id, enum http_spdy_status status);
void http_spdy_goaway(struct http_spdy *s);
