/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the server. A link is a connection that was accepted; once TLS or its first bytes have
 * told the version it has a session, h1.c or h2.c. A job is a request and its answer: struct
 * http_exchange with what the server keeps beside it. Jobs are taken from the server's pool, with
 * their arena, so that a request costs no malloc once the server is warm.
 *
 * Deadlines: one list for each kind; all deadlines of a kind are equally long, so a list is in
 * order by itself and setting one is O(1). One timer looks at the heads.
 */

#include "base/vec.h"
#include "http/conn.h"
#include "http/parser.h"
#include "http/server.h"

struct http_link;
struct http_server;

enum http_deadline_kind {
	HTTP_DEADLINE_HEAD,   /* TLS handshake and request head */
	HTTP_DEADLINE_BODY,   /* request body */
	HTTP_DEADLINE_IDLE,   /* nothing asked */
	HTTP_DEADLINE_TAKE,   /* nothing taken of what was answered */
	HTTP_DEADLINE_LINGER, /* for the peer to close after the last answer */
	HTTP_DEADLINE_END,
};

struct http_deadline {
	struct list_node node;
	int64_t at_ms;
	void (*fn)(struct http_deadline *d);
};

enum {
	HTTP_JOBS_POOLED = 64,
	HTTP_LINK_BODIES_MAX = 32 * 1024 * 1024, /* bodies of one connection under way (HTTP/2) */
	HTTP_LINK_INPUT_MAX = 64 * 1024,         /* pipelined input that waits (HTTP/1.1) */
	HTTP_PREFACE_LEN = 24,
};

struct http_job {
	struct http_exchange x; /* first: a pointer to it is one to the job */
	struct http_link *link;
	struct list_node node; /* in the h2 session's list */
	struct buf body;
	bool is_dispatched; /* the handler has it; on_close is due if the peer goes */
	bool is_begun, is_ended, is_bodyless, was_high;
	/* HTTP/1 */
	bool is_chunked, is_keepalive;
	int minor;
	/* What waits to be sent, by reference. */
	VEC(struct http_piece) queue;
	size_t queue_head, queued;
	/* HTTP/2 */
	int32_t id;
	bool is_whole, is_deferred; /* the request has ended; the stream waits for data */
	int refused;                /* status, when a limit was broken */
	size_t header_bytes, thrown_away;
	VEC(struct http_header) headers;
	struct str target, authority;
	struct list_node drained;
	struct http_deadline deadline;
};

struct http_session_ops {
	void *(*start)(struct http_link *k);
	void (*input)(struct http_link *k, struct str data);
	void (*eof)(struct http_link *k);
	void (*produce)(struct http_link *k);
	void (*sent)(struct http_link *k);
	void (*lost)(struct http_link *k); /* the connection is dead: end the jobs */
	void (*free)(struct http_link *k);
	void (*drain)(struct http_link *k, bool is_final); /* finish what is there, then close */
};

extern const struct http_session_ops http_h1_ops, http_h2_ops;

struct http_link {
	struct http_conn conn;
	struct http_server *server;
	struct list_node node;
	struct http_deadline deadline;
	struct http_peer peer;
	struct arena arena;                 /* of peer */
	const struct http_session_ops *ops; /* NULL: version not known yet */
	void *session;
	char first[HTTP_PREFACE_LEN]; /* what came before the version was known */
	size_t n_first;
};

struct http_server {
	struct loop *loop;
	struct ssl_ctx_st *tls;
	http_handler_fn fn;
	void *ctx;
	http_refusal_fn refusal;
	VEC(struct http_listener *) listeners;
	struct list_node links;
	struct list_node deadlines[HTTP_DEADLINE_END];
	int64_t timeouts_ms[HTTP_DEADLINE_END];
	struct loop_timer *deadline_timer, *stop_timer;
	struct list_node pool;
	size_t n_pool;
	struct http_server_stats stats;
	bool is_stopping, is_stop_final;
	int64_t stop_at_ms;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	int spare_fd; /* given up for a moment to refuse a client when descriptors have run out */
};

void http_deadline_set(struct http_server *s, struct http_deadline *d,
		       enum http_deadline_kind kind);
void http_deadline_clear(struct http_deadline *d);

struct http_job *http_job_new(struct http_link *k, const struct http_exchange_ops *ops);
void http_job_free(struct http_job *j);
void http_job_dispatch(struct http_job *j); /* the link may be dead and the job gone after it */
void http_job_lost(struct http_job *j);     /* on_close if it is due, then free */
void http_job_discard(struct http_job *j);  /* what waits, but for a piece that was begun */
/* Splits a target into req.path and req.query; false when it is not one. */
bool http_job_target(struct http_job *j, struct str target);

void http_link_fail(struct http_link *k); /* closes it, jobs and all */
void http_link_bad(struct http_link *k);  /* counts a bad request */
struct str http_date(struct loop *l);     /* for the date header; static memory */

/* A connection that was accepted elsewhere (tests, fuzzing). Takes fd. */
void http_server_adopt(struct http_server *s, int fd, const struct http_peer *peer);
void http_server_set_timeouts(struct http_server *s, int64_t head_ms, int64_t body_ms,
			      int64_t idle_ms);
