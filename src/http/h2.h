/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the HTTP/2 sessions of both sides share: moving nghttp2's frames into a connection's queue,
 * and making header lists.
 */

#include "http/conn.h"
#include "http/http.h"

#include <nghttp2/nghttp2.h>

enum {
	HTTP_H2_HEADERS_SENT_MAX = HTTP_HEADERS_MAX + 8, /* with the pseudo-header fields */
};

/* A list of fields to send; its strings must live until it is submitted. */
struct http_h2_fields {
	nghttp2_nv nv[HTTP_H2_HEADERS_SENT_MAX];
	size_t n;
	char text[64]; /* of status and length */
	size_t text_len;
};

void http_h2_field(struct http_h2_fields *f, const char *name, struct str value);
void http_h2_number(struct http_h2_fields *f, const char *name, uint64_t value);
/* Without the fields that HTTP/2 forbids (RFC 9113 section 8.2.2). */
void http_h2_fields(struct http_h2_fields *f, const struct http_header *headers, size_t n);

/* Frames into the queue until it is full or nothing is left. Negative: the session is broken. */
int http_h2_pump(struct http_conn *c, nghttp2_session *ng) _nodiscard_;
