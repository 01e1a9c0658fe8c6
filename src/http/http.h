/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * HTTP messages, whichever version and side: what the server, the client and the in-process
 * transport share.
 *
 * A request that reaches a handler is whole (its body has been read, within HTTP_BODY_MAX) unless
 * the route asked for an upgrade. A response is either whole (http_reply) or streamed (http_begin,
 * http_write …, http_end). Bodies are struct bytes, so one event goes to a thousand watchers
 * without a copy.
 *
 * An exchange belongs to its transport. The handler keeps the pointer while it answers; after
 * http_reply, http_end or on_close it must not touch it again. on_close runs once if the peer goes
 * away (or the server stops) before the response has ended; not after http_abort, which ends it
 * too. A peer that only closes its sending side behind its request (HTTP/1) has not gone: it has a
 * minute to get its answer. Everything runs on the loop's thread. Date, Content-Length and the
 * framing are the transport's; HEAD is answered like GET, and what is written is dropped. In HTTP/2
 * the authority is given as the header "host".
 */

#include "base/bytes.h"
#include "base/err.h"
#include "base/ip.h"

enum {
	HTTP_BODY_MAX = 3 * 1024 * 1024,   /* request body; more is answered 413 */
	HTTP_HEADER_BYTES_MAX = 64 * 1024, /* all header fields together; more is answered 431 */
	HTTP_HEADERS_MAX = 128,
	HTTP_TARGET_MAX = 16 * 1024,        /* path and query; more is answered 414 */
	HTTP_CONNECTIONS_MAX = 16384,       /* more are closed at once */
	HTTP_STREAMS_MAX = 1000,            /* a connection's streams at a time (HTTP/2) */
	HTTP_PENDING_MAX = 4 * 1024 * 1024, /* unsent bytes of one stream; see http_pending */
	HTTP_WRITABLE = 128 * 1024,         /* a stream that had as many and falls below is told */
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_CONNECT,
	HTTP_OTHER,
};
const char *http_method_name(enum http_method m);
enum http_method http_method_of(struct str name); /* HTTP_OTHER for those not named above */

struct http_header {
	struct str name; /* lower case */
	struct str value;
};

/* Who is at the other end. */
struct http_peer {
	struct ip_addr addr;
	uint16_t port;
	bool is_tls;
	struct str user;          /* CN of a verified client certificate; absent without one */
	const struct str *groups; /* its O values */
	size_t n_groups;
};

struct http_request {
	enum http_method method;
	struct str path;  /* still percent-encoded, begins with '/' */
	struct str query; /* without '?', still encoded; absent when there is none */
	const struct http_header *headers;
	size_t n_headers;
	struct str body;
	const struct http_peer *peer;
};

/* The header's value, or the absent str; `name` in lower case. */
struct str http_header(const struct http_header *headers, size_t n, const char *name);
/* The decoded value of a query parameter: the `nth` (0: first) of that name; absent when missing.
 */
struct str http_query(struct arena *a, struct str query, const char *name, size_t nth);
/* Percent-decodes. ERR_BAD_REQUEST for a bad escape or a NUL. */
int http_unescape(struct arena *a, struct str s, bool plus_is_blank, struct str *ret,
		  struct err *err) _nodiscard_;
void http_escape(struct buf *b, struct str s); /* a path segment or query value */
const char *http_status_text(int status);

struct http_exchange;

struct http_exchange_ops {
	void (*begin)(struct http_exchange *x, int status, const struct http_header *headers,
		      size_t n_headers, int64_t length);             /* length -1: unknown */
	void (*write)(struct http_exchange *x, struct bytes *chunk); /* takes its own reference */
	void (*end)(struct http_exchange *x);
	void (*abort)(struct http_exchange *x); /* cut it off: the client sees a broken response */
	size_t (*pending)(const struct http_exchange *x);
	void (*discard)(struct http_exchange *x); /* may be NULL: nothing waits */
	/* NULL where there are no upgrades (HTTP/2, calls inside the process). */
	void (*upgrade)(struct http_exchange *x, const struct http_header *headers,
			size_t n_headers);
	void (*pause)(struct http_exchange *x, bool is_paused);
};

struct http_exchange {
	const struct http_exchange_ops *ops;
	struct http_request req; /* lives as long as the exchange */
	struct arena arena;      /* for the handler's own use, freed with the exchange */
	void *handler_ctx;       /* the handler's */
	void (*on_close)(struct http_exchange *x);
	void (*on_writable)(struct http_exchange *x); /* pending fell below HTTP_WRITABLE */
	void (*on_data)(struct http_exchange *x, struct str data); /* after http_upgrade */
	struct http_header always; /* goes with whatever is answered; no name: nothing does */
	/* For those who keep a record of answers, on a server; may be NULL. The first once, when
	 * the answer begins; the second once, when the exchange is over, however it ended. */
	void (*on_answer)(struct http_exchange *x, int status);
	void (*on_over)(struct http_exchange *x);
	void *answer_ctx;       /* of whoever set these */
	struct str answer_note; /* for on_answer, by who answers: what the answer says; absent: no
				 * more than its status */
};

/* A whole response. `body` may be NULL; a reference is taken. */
void http_reply(struct http_exchange *x, int status, const char *content_type, struct bytes *body);
void http_reply_with(struct http_exchange *x, int status, const struct http_header *headers,
		     size_t n_headers, struct bytes *body);
void http_reply_text(struct http_exchange *x, int status, const char *text);
void http_reply_buf(struct http_exchange *x, int status, const char *content_type,
		    struct buf *b); /* frees b */
void http_reply_metrics(
	struct http_exchange *x); /* all of base/metrics.h, as Prometheus reads it */

void http_begin(struct http_exchange *x, int status, const struct http_header *headers,
		size_t n_headers);
void http_write(struct http_exchange *x, struct bytes *chunk);
void http_end(struct http_exchange *x);
void http_abort(struct http_exchange *x);
/* Bytes written and not yet taken by the kernel. A writer that lets this pass HTTP_PENDING_MAX is
 * feeding a slow reader and must stop or abort. */
size_t http_pending(const struct http_exchange *x);
/* Drops the chunks that were written and of which nothing is on its way yet; whole ones only. For a
 * reader that is too slow and is told to begin anew. */
void http_discard(struct http_exchange *x);

/*
 * An upgrade (RFC 9110 section 7.8): the connection is no HTTP any more, but bytes both ways. What
 * is written goes out as it is; what the peer sends comes to on_data. http_end closes once all has
 * been sent; the peer's end is on_close, whichever direction it ends first.
 */
/* What the client would change to (the value of Upgrade); absent when it asks for no upgrade or the
 * connection cannot have one. */
struct str http_upgrade_offer(const struct http_exchange *x);
/* Answers 101 with these headers (Connection: Upgrade is added). Set on_data before. */
void http_upgrade(struct http_exchange *x, const struct http_header *headers, size_t n_headers);
/* No more input for now; up to 32 KiB that are on their way still come. After http_upgrade. */
void http_pause(struct http_exchange *x, bool is_paused);
/* Whether a field that is a list (Connection, Sec-WebSocket-Protocol), be it given once or many
 * times, has this element; letters of either case. `name` in lower case. */
bool http_has_token(const struct http_header *headers, size_t n, const char *name,
		    struct str token);

typedef void (*http_handler_fn)(void *ctx, struct http_exchange *x);
