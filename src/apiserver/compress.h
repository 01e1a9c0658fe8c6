/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers in gzip (RFC 1952), for clients that accept it: lists and documents shrink to a tenth and
 * less. Only whole answers of more than COMPRESS_FROM bytes are worth the time, as a stock server
 * has it (service-api.md section 18.2); watches and what is passed on from agents and Pods stay as
 * they are. What a client sends is never unpacked: a stock server does not look at the
 * Content-Encoding of a request either.
 *
 * Who calls it: reply.c for each answer, documents.c for what it keeps in both forms.
 */

#include "base/bytes.h"
#include "http/http.h"

#include <stdatomic.h>

enum {
	COMPRESS_FROM = 128 * 1024, /* bytes; longer answers are compressed */
};

/* Whether Accept-Encoding names gzip with a weight that is not 0 (RFC 9110 section 12.5.3). That
 * "*" would allow it too is not made use of: those who send it seldom mean it. */
bool compress_is_accepted(const struct http_request *req);
/* … and the answer is long enough. */
bool compress_is_wanted(const struct http_request *req, size_t len);
/* The text in gzip; NULL when that is no shorter, or when *is_stopped (may be NULL) was set
 * meanwhile. From any thread. */
struct bytes *compress_gzip(struct str text, const atomic_bool *is_stopped);
