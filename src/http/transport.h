/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The client's side of a request, whatever carries it: a connection (http/client.h) or a server in
 * this process (apiserver). Callbacks run on the loop's thread, never from inside the call.
 */

#include "http/http.h"

struct http_call;

struct http_call_request {
	enum http_method method;
	struct str target; /* path and query, encoded */
	const struct http_header *headers;
	size_t n_headers;
	struct bytes *body; /* may be NULL; a reference is taken */
	int64_t timeout_ms; /* until the response has ended; 0: none (a watch) */
	int64_t idle_ms;    /* longest silence within the response; 0: none */
	bool is_open;       /* the body goes on with `write`; HTTP/2 only */
	/* The headers ask for an upgrade: when the answer is 101, bytes go both ways until either
	 * side ends. For a transport that speaks HTTP/1.1 only. */
	bool is_upgrade;
};

/* on_sent when the request is handed to a connection (from then on the server may act on it; a
 * failure without it is one of a request that nobody has seen), on_head once, on_data any number of
 * times, on_trailers at most once (HTTP/2), then on_done exactly once: r == 0 when the response has
 * ended as it should, negative otherwise (ERR_UNAVAILABLE no connection or broken off,
 * ERR_TIMEOUT). What they are given lives only during the call. All but on_done may be NULL;
 * on_sent and on_trailers come from connections only, not from a server in this process. */
struct http_call_events {
	void (*on_head)(void *ctx, int status, const struct http_header *headers, size_t n_headers);
	void (*on_data)(void *ctx, struct str data);
	void (*on_done)(void *ctx, int r, const struct err *err);
	void (*on_sent)(void *ctx);
	void (*on_trailers)(void *ctx, const struct http_header *trailers, size_t n_trailers);
	/* After a 101: pending fell below HTTP_WRITABLE. May be NULL. */
	void (*on_writable)(void *ctx);
};

struct http_transport;

struct http_transport_ops {
	/* Strings in `req` need to live only during the call. Never fails at once: failure is
	 * on_done. */
	struct http_call *(*send)(struct http_transport *t, const struct http_call_request *req,
				  const struct http_call_events *events, void *ctx);
	void (*cancel)(struct http_call *call); /* no callback after this, on_done included */
	/* No more of the answer for now; for one who passes it on to a slower reader. From on_head
	 * on. What is on its way still comes (HTTP/2: up to 1 MiB); silence counts meanwhile. */
	void (*pause)(struct http_call *call, bool is_paused);
	/* More of the body of a call that is_open. All of it is kept until the call ends: for
	 * streams of small messages (a gRPC watch). NULL where is_open is not understood. */
	void (*write)(struct http_call *call, struct str data);
	void (*close)(struct http_transport *t); /* cancels what is left */
	/* After a 101. NULL where there are no upgrades. */
	void (*tunnel_write)(struct http_call *call, struct bytes *chunk); /* takes a reference */
	size_t (*tunnel_pending)(const struct http_call *call);
	/* No on_data, on_writable after this; what was written still goes out, then on_done. */
	void (*tunnel_finish)(struct http_call *call);
};

struct http_transport {
	const struct http_transport_ops *ops;
};
