/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Calls below the level of objects: a path to GET, and the answer either whole or as frames that
 * end in a newline (a watch). Used by client.c and the reflector.
 *
 * A frame is handed over when its newline has come; what is left when the connection breaks is
 * dropped, so a consumer never sees half an object.
 */

#include "client/client.h"

struct client_stream;

enum {
	CLIENT_FRAME_MAX = 16 * 1024 * 1024,  /* bytes of one watch event; more breaks the stream */
	CLIENT_ANSWER_MAX = 64 * 1024 * 1024, /* bytes of a whole answer */
	CLIENT_STATUS_MAX = 64 * 1024,        /* bytes of an error's body; the rest is dropped */
};

struct client_stream_events {
	/* One frame, without its newline; empty ones are left out. May cancel the stream. */
	void (*on_frame)(void *ctx, struct str frame, struct str content_type);
	/* The end: r == 0 when the server ended it; otherwise an ERR_ code (an error answer's by
	 * its reason). Not after client_stream_cancel. */
	void (*on_done)(void *ctx, int r, const struct err *err);
};

/* GET `target` (path and query); only a 200 is read as frames. timeout_ms bounds the whole. */
struct client_stream *client_stream_new(struct client *c, const char *target, int64_t timeout_ms,
					const struct client_stream_events *events, void *ctx);
void client_stream_cancel(struct client_stream *s); /* NULL is fine */
void client_stream_cancel_all(struct client *c);

/* The error in an answer with that HTTP status: code by reason, message from its Status. */
int client_status_error(int status, struct str body, struct err *err);
