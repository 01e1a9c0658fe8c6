/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The API server: Kubernetes' REST interface over a store.
 *
 * This folder has what all of it shares: the state (server.h), the watch caches (cache.h), a
 * request and its answer (request.h, reply.h). The rooms inside, lowest first: service/ (which
 * addresses and ports a Service gets, pure), access/ (who asks, and may), read/, connect/ (through
 * to nodes and Pods), write/, serve/ (the top).
 *
 * How a request runs. serve/handler.c takes a whole HTTP request, finds out who sent it
 * (access/authenticate.h, impersonate.h) and whether they may (attributes.h, authorize.h). What is
 * no object (health, version, metrics, discovery, OpenAPI) is answered by serve/nonresource.c and
 * documents.c; for the rest path and query become a struct request (request.h), which is answered
 * through reply.h. Reads (read/read.c) come from the watch cache. Watches (read/watch.c) hang on
 * the cache's events, each encoded once whoever watches. Writes (write/write.c) run the pipeline of
 * service-api.md section 1: decode, defaults, admission, allocation, validation, then one store
 * transaction (write/op.h) that compares the object's revision and all claims; when it loses a race
 * it is run again on the fresh object. What is particular about a kind is its strategy
 * (write/strategy.h). Subresources with a handler of their own are in serve/handler.c's table; what
 * a node's agent has to answer goes through connect/relay.h. serve/feed.c loads the caches and
 * follows the store; serve/boot.c makes what must be there: the default namespaces and the Service
 * default/kubernetes.
 *
 * Everything runs on one loop's thread; nothing here blocks or logs. What the operator should know
 * is told through config.tell.
 *
 * Controllers in the same process use apiserver_transport: the same handler, without sockets.
 */

#include "http/transport.h"
#include "store/store.h"

struct loop;
struct access_jwt_keys;
struct access_tokens;
struct apiserver;

enum {
	APISERVER_WATCHERS_MAX = 20000,           /* more are answered 429 */
	APISERVER_UNREAD_MAX = 256 * 1024 * 1024, /* of all watches together, see watch.h */
	APISERVER_UNSENT_MAX = 256 * 1024 * 1024, /* of whole answers that clients have not taken,
						   * in the process; beyond it large ones are 429 */
	APISERVER_WRITES_MAX = 4096,              /* writes under way; more are answered 429 */
	APISERVER_WRITE_BYTES_MAX = 256 * 1024 * 1024, /* that they hold; likewise */
	APISERVER_GENERATE_TRIES = 8,                  /* names drawn for generateName */
	APISERVER_HISTORY_MS = 5 * 60 * 1000,          /* age at which history is compacted */
	APISERVER_REPLAY_REVS = 4096, /* of history, from which watches may resume after a start */
	APISERVER_REPAIR_MS = 3 * 60 * 1000, /* between rounds of the repair loop */
	APISERVER_BOOKMARK_MS = 60 * 1000,   /* between bookmarks of a quiet watch */
	APISERVER_WATCH_S_MIN = 1800,   /* a watch without timeoutSeconds lives this long … */
	APISERVER_WATCH_S_MAX = 3600,   /* … to this long */
	APISERVER_AGENT_MS = 30 * 1000, /* silence of an agent that is asked for a log; then 504 */
};

struct apiserver_config {
	struct store *store;               /* stays the caller's; outlives the server */
	struct ip_prefix service_cidrs[2]; /* the first is the primary */
	size_t n_service_cidrs;
	uint16_t node_port_first, node_port_last;
	int64_t peer_dead_ms;    /* 0: PEERS_DEAD_MS, peers.h */
	int64_t repair_ms;       /* 0: APISERVER_REPAIR_MS */
	size_t unsent_bytes_max; /* 0: APISERVER_UNSENT_MAX */
	size_t write_bytes_max;  /* 0: APISERVER_WRITE_BYTES_MAX */
	/* Everyone who is let in may do everything (--authorization-mode=AlwaysAllow). */
	bool is_open;
	bool has_no_node_rights;  /* --authorization-mode without Node */
	bool has_no_pod_accounts; /* --disable-admission-plugins=ServiceAccount */
	bool refuses_anonymous;   /* --anonymous-auth=false */
	/* ServiceAccount tokens: the issuers that are accepted, the first of which issues, and whom
	 * tokens are for that name nobody else; NULL-terminated, NULL: no such tokens. */
	const char *const *issuers, *const *audiences;
	struct ip_addr advertise; /* what default/kubernetes points at */
	uint16_t secure_port;
	/* A transport to a node's agent, for pod logs; NULL: no agents are reachable. The address
	 * and port are those that the Node's status says; the port is 0 when it says none. The
	 * transport is closed by the server after the call. */
	int (*agent_transport)(void *ctx, struct str host, uint16_t port,
			       struct http_transport **ret, struct err *err);
	int64_t agent_timeout_ms; /* 0: APISERVER_AGENT_MS */
	/* Something the operator should know; is_error: someone must act. May be NULL. */
	void (*tell)(void *ctx, bool is_error, const char *text);
	/* A line of the audit log (audit.h), with its newline; during the answer, so it must be
	 * quick. NULL: none is kept. */
	void (*audit)(void *ctx, struct str line);
	/* Once, when the cache is loaded and what must be there has been made. May be NULL. */
	void (*on_ready)(void *ctx);
	void *ctx;
};

/* ERR_USAGE for ranges that cannot be served. The config is copied. */
int apiserver_new(struct loop *l, const struct apiserver_config *config, struct apiserver **ret,
		  struct err *err) _nodiscard_;
/* Ends all watches (their clients may come back elsewhere) and takes no more requests; writes under
 * way are still answered. Call it before store_close. */
void apiserver_stop(struct apiserver *s);
/* After the HTTP servers that call the handler, all transports and the store are gone: the
 * callbacks of its last writes run in store_close. NULL is fine. */
void apiserver_free(struct apiserver *s);
bool apiserver_is_ready(const struct apiserver *s);

/* What signs and proves ServiceAccount tokens, the static tokens: taken over, also while requests
 * are served; NULL: none. Before the first one there are no tokens. */
void apiserver_set_token_keys(struct apiserver *s, struct access_jwt_keys *keys);
void apiserver_set_static_tokens(struct apiserver *s, struct access_tokens *tokens);

/* For http_server_new: who sent the request is found out (certificate, token, nobody), and whether
 * they may (RBAC). ctx is the struct apiserver. */
void apiserver_handle(void *ctx, struct http_exchange *x);
/* The same as a member of system:masters: for a listener that only this machine's users reach. */
void apiserver_handle_insecure(void *ctx, struct http_exchange *x);

/* For http_server_refusals_by: a Status, as for requests that come as far as the handler. */
const char *apiserver_word_refusal(struct buf *body, int status, const char *reason);

/* Calls into this server from its own process. Close it before apiserver_free. */
struct http_transport *apiserver_transport(struct apiserver *s);
