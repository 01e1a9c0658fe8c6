/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS contexts of the server and the client (OpenSSL), and who a client's certificate says it is.
 *
 * TLS 1.2 or newer; ALPN offers h2 and http/1.1. A client certificate must chain to the client CA
 * and carry extendedKeyUsage clientAuth: OpenSSL alone lets one without any such extension pass,
 * and so a server's certificate of the same CA could act as a client.
 */

#include "http/client.h"
#include "http/server.h"

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

int http_tls_server(const struct http_tls *tls, SSL_CTX **ret, struct err *err) _nodiscard_;
int http_tls_client(const struct http_client_config *config, SSL_CTX **ret,
		    struct err *err) _nodiscard_;
/* Fills user and groups of *peer, from the verified certificate if there is one; in the arena. */
void http_tls_identify(SSL *ssl, struct arena *a, struct http_peer *peer);
/* The text of OpenSSL's last error, which is taken from its queue; always ends the queue. */
int http_tls_error(struct err *err, const char *what);
