/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The HTTP client: a transport (http/transport.h) to one server, over HTTP/2 when the server
 * offers it (one connection, many calls) and HTTP/1.1 otherwise (one connection a call, reused).
 * It connects when first used and reconnects when a connection has broken; a call that was on it
 * fails with ERR_UNAVAILABLE and its owner decides whether to try again. HTTP/2 connections are
 * pinged when silent for 30 s, so that a peer that vanished is found out (HTTP/1.1: by TCP
 * keepalive).
 *
 * client.c keeps calls, connections and attempts to connect; client-h1.c and client-h2.c speak. The
 * addresses of a name are tried in turn within connect_timeout_ms; when none answers, every call
 * that was waiting fails with the last address's reason. There is no pause between attempts: one
 * who sends again at once after a failure waits as it sees fit. A stream that the server refused
 * unseen (REFUSED_STREAM, GOAWAY) is sent once more without a word. Any callback may cancel its
 * call or close the transport.
 */

#include "http/transport.h"

struct loop;

struct http_client_config {
	struct str host; /* name or address literal; names are resolved by getaddrinfo on a helper
			    thread */
	uint16_t port;
	bool is_tls;
	const char *ca_file;   /* PEM; NULL: the system's */
	struct str ca_pem;     /* the same as text; wins when set */
	const char *cert_file; /* client certificate, PEM; NULL: none */
	const char *key_file;
	struct str cert_pem, key_pem; /* the same as text; win when set */
	struct str server_name;       /* for SNI and verification; absent: host */
	bool is_insecure;             /* do not verify the server's certificate */
	bool is_http1_only;
	bool is_h2_only; /* HTTP/2 without asking: on clear text too (RFC 9113 section 3.3) */
	struct str bearer_token;    /* sent as Authorization with every call; absent: none */
	int64_t connect_timeout_ms; /* 0: 10,000 */
};

/* All strings are copied. Errors: unreadable or unusable certificates. */
int http_client_new(struct loop *l, const struct http_client_config *config,
		    struct http_transport **ret, struct err *err) _nodiscard_;
