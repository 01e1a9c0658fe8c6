/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From the body of an answer to a tree: one decoder for each media type that we ask for. The rest
 * of the client never looks at bytes, so another encoding is a line in the table of codec.c.
 */

#include "json/json.h"

/* Sent as Accept with every call. */
const char *client_codec_accept(void);

/* Decodes one whole body or watch frame. `content_type` may carry parameters and may be absent
 * (JSON). The tree borrows from `text`. ERR_MEDIA_TYPE names a type that has no decoder. */
int client_codec_decode(struct arena *a, struct str content_type, struct str text,
			struct json **ret, struct err *err) _nodiscard_;
