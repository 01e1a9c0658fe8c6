/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gRPC calls over an HTTP/2 transport (the "PROTOCOL-HTTP2" document of gRPC): one message out and
 * one back, or a stream of them. A message is 5 bytes (not compressed, its length) and the bytes;
 * how the call ended is told by the trailers grpc-status and grpc-message.
 *
 * Callbacks run on the loop's thread, never from inside etcd_grpc_start, and may cancel the call;
 * on_done comes exactly once unless the call was cancelled. A deadline is ours: it ends as
 * ETCD_GRPC_DEADLINE.
 */

#include "http/transport.h"

enum {
	ETCD_GRPC_MESSAGE_MAX = 1024 * 1024 * 1024, /* of an answer: a page of large values */
	ETCD_GRPC_HEAD = 5,
	ETCD_GRPC_TEXT_MAX = 512, /* of grpc-message */
};

/* Those of gRPC's status codes that are told apart. */
enum etcd_grpc_status {
	ETCD_GRPC_OK = 0,
	ETCD_GRPC_CANCELLED = 1,
	ETCD_GRPC_UNKNOWN = 2,
	ETCD_GRPC_INVALID = 3,
	ETCD_GRPC_DEADLINE = 4,
	ETCD_GRPC_DENIED = 7,
	ETCD_GRPC_EXHAUSTED = 8,
	ETCD_GRPC_PRECONDITION = 9,
	ETCD_GRPC_ABORTED = 10,
	ETCD_GRPC_RANGE = 11,
	ETCD_GRPC_UNIMPLEMENTED = 12,
	ETCD_GRPC_INTERNAL = 13,
	ETCD_GRPC_UNAVAILABLE = 14,
	ETCD_GRPC_UNAUTHENTICATED = 16,
};

struct etcd_grpc;

struct etcd_grpc_request {
	const char *path;   /* "/etcdserverpb.KV/Range" */
	struct str message; /* the first of a stream */
	int64_t timeout_ms; /* 0: none */
	bool is_stream;     /* more go out with etcd_grpc_send */
};

struct etcd_grpc_events {
	void (*on_sent)(void *ctx); /* etcd may have seen it from now on; may be NULL */
	void (*on_message)(void *ctx, struct str message);
	/* text: etcd's reason, "" with ETCD_GRPC_OK; lives only during the call. */
	void (*on_done)(void *ctx, enum etcd_grpc_status status, const char *text);
};

struct etcd_grpc *etcd_grpc_start(struct http_transport *t, const struct etcd_grpc_request *req,
				  const struct etcd_grpc_events *events, void *ctx);
void etcd_grpc_send(struct etcd_grpc *g, struct str message);
void etcd_grpc_pause(struct etcd_grpc *g, bool is_paused);
void etcd_grpc_cancel(struct etcd_grpc *g); /* NULL is fine */
