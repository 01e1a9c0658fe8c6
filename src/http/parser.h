/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One direction of an HTTP/1 connection taken apart, over llhttp (strict mode): heads, bodies,
 * ends. The only file that knows llhttp; its names (HTTP_GET, …) clash with ours.
 *
 * Bytes go in as they arrive, in pieces of any size; on_head comes once a message's header fields
 * are whole, on_body for each piece of its body, without the transfer coding. After the end of a
 * message the parser stops and leaves what follows to the next call, so that a server can answer
 * before it reads on. No callback may free the parser or feed it.
 */

#include "base/buf.h"
#include "base/vec.h"

struct http_header;

/* What a message may have. */
struct http_parser_limits {
	size_t target, header_bytes, headers;
};

struct http_parser_field {
	uint32_t name, name_len, value, value_len; /* offsets in text */
};

struct http_parser {
	void *ll;
	void *owner;
	struct http_parser_limits limits;
	/* False stops with status 400 set, or what the callee has put there. */
	bool (*on_head)(struct http_parser *p);
	bool (*on_body)(struct http_parser *p, struct str data);
	struct buf text; /* target, names (in lower case), values of the message at hand */
	uint32_t target_len;
	size_t fields_len; /* bytes of all names and values */
	VEC(struct http_parser_field) fields;
	bool is_response, is_begun, is_name_open, is_ended;
	/* Set by the owner in on_head of a response: the message has no body (HEAD). */
	bool has_no_body;
	/* From on_head on: */
	const char *method; /* of a request */
	int status;         /* of a response; of the answer that a bad request gets (0: none yet) */
	int minor;          /* HTTP/1.minor */
	bool is_keepalive, is_chunked;
	int64_t content_length; /* -1: not told */
	char reason[128];       /* why feeding failed */
};

void http_parser_init(struct http_parser *p, bool is_response,
		      const struct http_parser_limits *limits, void *owner);
void http_parser_fini(struct http_parser *p);

/* Takes what it can of `data`, up to the end of a message: *ret_used bytes. Returns 1 when a
 * message has ended there, 0 when more is needed, negative when it is not HTTP or over a limit:
 * then `reason` is set, for a request `status` too, and the parser is of no more use. */
int http_parser_feed(struct http_parser *p, struct str data, size_t *ret_used) _nodiscard_;
/* The peer has closed: 1 when that ends a message, 0 between messages, negative within one. */
int http_parser_finish(struct http_parser *p) _nodiscard_;
/* After the end of a message: ready for the next. */
void http_parser_next(struct http_parser *p);
bool http_parser_is_idle(const struct http_parser *p); /* no byte of a message yet */

/* The target and the fields of the message, copied into the arena (in message.c, which knows struct
 * http_header). */
struct str http_parser_target(const struct http_parser *p, struct arena *a);
const struct http_header *http_parser_headers(const struct http_parser *p, struct arena *a);
