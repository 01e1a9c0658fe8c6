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
};

/* on_head once, on_data any number of times, then on_done exactly once: r == 0 when the response
 * has ended as it should, negative otherwise (ERR_UNAVAILABLE no connection or broken off,
 * ERR_TIMEOUT). What they are given lives only during the call. on_head, on_data may be NULL. */
struct http_call_events {
	void (*on_head)(void *ctx, int status, const struct http_header *headers, size_t n_headers);
	void (*on_data)(void *ctx, struct str data);
	void (*on_done)(void *ctx, int r, const struct err *err);
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
	void (*close)(struct http_transport *t); /* cancels what is left */
};

struct http_transport {
	const struct http_transport_ops *ops;
};
