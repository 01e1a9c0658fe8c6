/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The client's insides, for the files of this room only. */

#include "base/list.h"
#include "client/client.h"

struct client {
	struct loop *loop;
	struct http_transport *transport; /* owned */
	char *user_agent;
	struct list_node requests; /* struct client_request */
	struct list_node streams;  /* struct client_stream */
	char *token;               /* sent as bearer; NULL: none */
	char *token_file;          /* it is read from here, again each minute; NULL: it is fixed */
	int64_t token_read_ms;
};

enum {
	CLIENT_HEADERS_MAX = 4,
};

/* The header fields of every call; their text lives as long as the arena. */
size_t client_headers(struct client *c, struct arena *a,
		      struct http_header headers[CLIENT_HEADERS_MAX]);
