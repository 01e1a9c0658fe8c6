/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The HTTP server: HTTP/2 (nghttp2) and HTTP/1.1 (llhttp), over TLS 1.2+ (OpenSSL; ALPN picks) or
 * in the clear (HTTP/1.1, and HTTP/2 with prior knowledge).
 *
 * Hostile peers: a connection that has not finished its TLS handshake or a request head within
 * 10 s, a body within 60 s, takes nothing of an answer for 60 s, or is idle for 180 s, is closed; a
 * request head, target or body over its limit is answered (431, 414, 413); malformed HTTP is
 * answered 400 and closed; TLS garbage is closed. One slow peer never holds up another: writes are
 * queued per stream, with HTTP_PENDING_MAX as the handler's limit. Streams that are reset without
 * end (CVE-2023-44487) end the connection: nghttp2 counts them.
 *
 * The way of a request: server.c accepts; conn.c moves bytes and TLS; h1.c or h2-server.c makes of
 * them a job (server-internal.h) and calls the handler; what the handler writes waits in a queue
 * and leaves at the end of the loop's turn, all streams of a connection in one system call.
 *
 * Known edges: answers to protocol errors are a line of text, unless http_server_refusals_by gave
 * other words. A client that closes its sending side while it reads a stream counts as gone. A
 * single field over 64 KiB ends an HTTP/2 connection (HPACK's limit in nghttp2) instead of giving
 * 431. Upgrades are HTTP/1.1's only. Certificates are read when
 * http_server_new or http_server_set_tls is called, not by themselves. With TLS, SIGPIPE is ignored
 * from then on if nobody has set it: OpenSSL cannot be told not to raise it.
 */

#include "http/http.h"

struct loop;
struct http_server;

struct http_tls {
	const char *cert_file;      /* PEM: certificate, then its chain */
	const char *key_file;       /* PEM */
	const char *client_ca_file; /* PEM: CAs of client certificates; NULL: none are asked for.
				     * A client without one is still served (peer.user absent); one
				     * with a certificate of another CA, or without clientAuth, is
				     * refused. */
};

/* tls NULL: clear text. The handler is called for each whole request. */
int http_server_new(struct loop *l, const struct http_tls *tls, http_handler_fn fn, void *ctx,
		    struct http_server **ret, struct err *err) _nodiscard_;
/* Reads the files again (which may be others), for connections from now on; those that are there go
 * on as they are. Only for a server with TLS. On failure what was there stays. */
int http_server_set_tls(struct http_server *s, const struct http_tls *tls,
			struct err *err) _nodiscard_;
/* How requests that no handler sees are refused: adds the body, returns its content type. It is
 * called with the status and one line of reason. Before the first listener. */
typedef const char *(*http_refusal_fn)(struct buf *body, int status, const char *reason);
void http_server_refusals_by(struct http_server *s, http_refusal_fn fn);
/* Adds a listener. Port 0 picks one; *ret_port (may be NULL) tells which. */
int http_server_listen(struct http_server *s, const struct ip_addr *addr, uint16_t port,
		       uint16_t *ret_port, struct err *err) _nodiscard_;
/* Adds a socket that listens already (made in another network namespace, or by a service manager);
 * the server owns it from now on. */
int http_server_listen_fd(struct http_server *s, int fd, struct err *err) _nodiscard_;

/* Graceful stop: no new connections, GOAWAY, answers under way finish (streams are ended by the
 * handler or cut after grace_ms); then done(ctx). */
void http_server_stop(struct http_server *s, int64_t grace_ms, void (*done)(void *ctx), void *ctx);
void http_server_free(struct http_server *s); /* closes everything now; on_close runs for each */

struct http_server_stats {
	uint64_t connections, requests, bad_requests, tls_failures;
	size_t open_connections, open_streams;
};
void http_server_stats(const struct http_server *s, struct http_server_stats *ret);
