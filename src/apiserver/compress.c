/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/compress.h"

#include <zlib.h>

enum {
	COMPRESS_LEVEL = 1,        /* of JSON, higher ones save little and take long */
	COMPRESS_WINDOW = 15 + 16, /* zlib's word for 32 KiB, framed as gzip */
	COMPRESS_STEP = 64 * 1024, /* bytes of input between two looks at is_stopped */
};

/* RFC 9110 section 12.4.2: 0 with up to three digits after the point, all of them 0. */
static bool is_zero(struct str weight)
{
	if (!weight.len)
		return false;
	for (size_t i = 0; i < weight.len; i++)
		if (weight.ptr[i] != '0' && weight.ptr[i] != '.')
			return false;
	return true;
}

/* One element of the list, "gzip;q=0.5": whether it allows gzip. */
static bool allows_gzip(struct str element)
{
	struct str part;

	if (!str_next(&element, ';', &part) || !str_eq_nocase(str_trim(part), STR("gzip")))
		return false;
	while (str_next(&element, ';', &part)) {
		part = str_trim(part);
		if (part.len >= 2 && str_eq_nocase(str_sub(part, 0, 2), STR("q=")))
			return !is_zero(str_skip(part, 2));
	}
	return true;
}

bool compress_is_accepted(const struct http_request *req)
{
	for (size_t i = 0; i < req->n_headers; i++) {
		struct str rest = req->headers[i].value, element;

		if (!str_eq_c(req->headers[i].name, "accept-encoding"))
			continue;
		while (str_next(&rest, ',', &element))
			if (allows_gzip(element))
				return true;
	}
	return false;
}

bool compress_is_wanted(const struct http_request *req, size_t len)
{
	return len > COMPRESS_FROM && compress_is_accepted(req);
}

/* All that deflate gives for what it has been fed. False: it is no use going on. */
static bool drain(z_stream *z, int flush, size_t limit, struct buf *b)
{
	do {
		buf_reserve(b, COMPRESS_STEP);
		z->next_out = (unsigned char *)b->ptr + b->len;
		z->avail_out = COMPRESS_STEP;
		if (deflate(z, flush) == Z_STREAM_ERROR)
			return false;
		buf_set_len(b, b->len + COMPRESS_STEP - z->avail_out);
	} while (!z->avail_out && b->len < limit);
	return b->len < limit;
}

struct bytes *compress_gzip(struct str text, const atomic_bool *is_stopped)
{
	z_stream z = {0};
	struct buf b = BUF_INIT;
	struct bytes *ret = NULL;
	bool is_good = true;

	if (deflateInit2(&z, COMPRESS_LEVEL, Z_DEFLATED, COMPRESS_WINDOW, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return NULL;
	for (size_t at = 0; is_good && at < text.len; at += COMPRESS_STEP) {
		size_t n = MIN((size_t)COMPRESS_STEP, text.len - at);

		z.next_in = (unsigned char *)(uintptr_t)text.ptr + at;
		z.avail_in = (unsigned)n;
		is_good = drain(&z, at + n < text.len ? Z_NO_FLUSH : Z_FINISH, text.len, &b) &&
			  !(is_stopped && atomic_load(is_stopped));
	}
	deflateEnd(&z);
	if (is_good && text.len)
		ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	return ret;
}
