/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The answers to a request. Each of these ends the exchange: afterwards neither the request nor its
 * arena may be touched. All that goes with every answer is here and nowhere else: content type,
 * warnings, Retry-After, gzip (compress.h), the counting. A long answer is compressed on a helper
 * thread and leaves in a later turn of the loop; until then the exchange's on_close is reply.c's.
 *
 * Not here: streams. A watch (watch.c) and what is passed on from a node's agent (relay.c) begin
 * and end their exchange themselves, and count it with stats_request.
 */

#include "apiserver/request.h"

/* Whether an answer of about `len` bytes may be made: 429 when clients have not taken too much of
 * former ones (APISERVER_UNSENT_MAX). Small ones always may, so that a crowd of slow readers does
 * not keep others from their work. */
int reply_admit(struct request *req, size_t len) _nodiscard_;
/* `body` is given away. */
void reply_bytes(struct request *req, int status, struct bytes *body);
void reply_buf(struct request *req, int status, struct buf *b); /* empties b */
/* In the format that the request asks for. */
void reply_object(struct request *req, int status, struct object *o, uint64_t rev);
/* An object of a type that no kind has: `json` is its text, emptied. */
void reply_tree(struct request *req, int status, const char *api_version, const char *kind,
		const char *type, struct buf *json);
/* `json` is a Status; in protobuf when the client prefers that. Empties it. */
void reply_status(struct request *req, int status, struct buf *json);
void reply_failure(struct request *req); /* req->st, which is set */
/* Failures without a parsed request. */
void reply_refused(struct http_exchange *x, const struct status *st);
void reply_refusal(struct http_exchange *x, int code, const char *message);
