/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shared inside the etcd back end; all on the loop's thread.
 *
 *  - link.c: which member we talk to, and the requests that wait for it or are under way;
 *  - txn.c: transactions: their order, what became of one whose answer was lost, and their
 *    callbacks, held back until the watch has come to their revision;
 *  - watch.c: the one watch that feeds all, and the streams that give a watch its history;
 *  - etcd.c: store.h's calls, open and close.
 */

#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "loop/loop.h"
#include "store/done.h"
#include "store/etcd/etcd.h"
#include "store/etcd/grpc.h"
#include "store/etcd/wire.h"
#include "store/events.h"
#include "store/feed.h"

enum {
	ETCD_SERVERS_MAX = 16,
	ETCD_FLYING_MAX = 512,  /* requests under way */
	ETCD_CONNECT_MS = 2000, /* to a member */
	ETCD_HELLO_MS = 3000,   /* its first answer */
	ETCD_ATTEMPT_MS = 5000, /* a transaction's answer */
	ETCD_TOTAL_MS = 10000,  /* … with all attempts; then the caller is told */
	ETCD_RANGE_MS = 30000,  /* a page of a list may be long */
	ETCD_PAGE = 500,        /* keys at once; with 1.5 MiB each less than a message may have */
	ETCD_RANGE_TRIES = 3,   /* when its revision is compacted between two pages */
	ETCD_BACKOFF_MS = 50,   /* after the last of the list has failed; doubles */
	ETCD_BACKOFF_MS_MAX = 1000, /* … up to this */
	ETCD_ASK_MS = 1000,         /* silence of the watch: are you there? */
	ETCD_SILENT_MS = 4000,      /* … no: the next member */
	ETCD_HELD_MS = 5000,        /* … no answer: all watches end, and the callback is called */
	ETCD_QUIET_MS = 250,        /* no event for so long: how far are you? See take_progress */
	ETCD_TICK_MS = 50,          /* while something is under way */
	ETCD_TICK_IDLE_MS = 500,
	ETCD_CLOSE_MS = 3000, /* closing waits this long for what is under way */
};

enum etcd_state {
	ETCD_DOWN,  /* waits for the next attempt */
	ETCD_HELLO, /* asks for the revision */
	ETCD_UP,
};

struct etcd_member {
	struct str url, host;
	uint16_t port;
	bool is_tls;
};

struct etcd_store {
	struct store store;
	struct loop *loop;
	struct arena arena; /* of the strings of config and members */
	struct etcd_config config;
	struct str prefix_end;

	struct etcd_member members[ETCD_SERVERS_MAX];
	size_t n_members, at;
	enum etcd_state state;
	struct http_transport *line; /* to members[at]; NULL: none */
	struct etcd_grpc *hello;
	uint64_t seen_hello; /* the revision that it answered */
	struct loop_timer *retry, *tick;
	unsigned n_failures; /* in a row */
	bool is_told_down;
	char why[ETCD_GRPC_TEXT_MAX]; /* the last failure */
	struct list_node ready, flying;
	size_t n_flying;

	struct map lines;      /* key -> struct etcd_line: who changes it and who waits */
	struct list_node held; /* by `need`, rising */
	int64_t held_since_ms; /* the first of them, or the last progress */
	bool is_settling;
	struct store_done_item kick;
	bool is_kicked;

	struct store_feed feed; /* feed.rev: published */
	bool has_rev;           /* false: not connected yet, or lost */
	uint64_t seen_rev;      /* all up to it is published or in the backlog */
	uint64_t resume_rev;    /* where the watch began: events up to it are known */
	bool is_resumed;        /* … and the first that comes must be the last that is known */
	uint64_t last_rev;      /* the newest event that has come: the first of its revision */
	struct buf last_key;
	struct bytes *last_value;
	uint64_t last_event_rev; /* published */
	uint64_t sure_rev;       /* … or where the watch began: no event up to it is missing */
	int64_t event_ms;        /* when the last event came, or the watch began */
	uint64_t progress_rev;   /* what etcd said, to be confirmed by a second answer */
	int64_t progress_ms;
	uint64_t newest, compacted;
	struct etcd_grpc *watch;
	int64_t heard_ms, asked_ms;
	struct list_node backlog; /* struct etcd_batch */
	struct list_node histories;
	bool is_closing;
};

static inline int64_t etcd_now(const struct etcd_store *s)
{
	return clock_mono_ms(loop_clock(s->loop));
}

/* A unary call that survives the loss of a member. */
struct etcd_request {
	struct list_node link; /* in s->ready, s->flying or s->held */
	struct etcd_store *s;
	const char *path;
	struct buf message;
	struct etcd_grpc *call; /* while it flies */
	int64_t until_ms, attempt_ms;
	bool is_sent;  /* an attempt got as far as the connection */
	bool has_read; /* `read` has accepted an answer */
	int (*read)(struct etcd_request *q, struct str message, struct err *err);
	/* The end, once: 0 after `read`, or negative. Owns q. */
	void (*done)(struct etcd_request *q, int r, const struct err *err);
	/* It was sent, the answer was lost, and it is about to be sent again; may be NULL. */
	void (*again)(struct etcd_request *q);
};

void etcd_request_init(struct etcd_request *q, struct etcd_store *s, const char *path);
void etcd_request_fini(struct etcd_request *q);

/* link.c */
int etcd_link_check(struct etcd_store *s, struct err *err) _nodiscard_; /* certificates */
void etcd_link_start(struct etcd_store *s);                             /* connects */
void etcd_link_submit(struct etcd_store *s, struct etcd_request *q);
void etcd_link_pump(struct etcd_store *s);
void etcd_link_withdraw(struct etcd_request *q); /* out of ready or flying, no callback */
/* This member is given up: what flies is sent to the next one. */
void etcd_link_fail(struct etcd_store *s, const char *why);
void etcd_link_stop(struct etcd_store *s);
void etcd_link_expire(struct etcd_store *s, bool all);
/* The store's error for etcd's; false when another attempt may help. */
bool etcd_link_error(enum etcd_grpc_status status, const char *text, struct err *err);

/* txn.c */
void etcd_txn_submit(struct etcd_store *s, const struct store_txn *txn, store_txn_fn fn, void *ctx);
void etcd_txn_compact(struct etcd_store *s, uint64_t rev, store_txn_fn fn, void *ctx);
/* Events of one revision that are about to be published: are they a transaction of ours? */
void etcd_txn_match(struct etcd_store *s, const struct store_event *events, size_t n, uint64_t rev);
void etcd_txn_blind(struct etcd_store *s); /* events were missed: nothing can be matched */
/* Calls back the first one held, if its time has come (always with is_forced). */
bool etcd_txn_tell(struct etcd_store *s, bool is_forced);

/* watch.c */
void etcd_watch_start(struct etcd_store *s, uint64_t rev); /* the member is up, at `rev` */
void etcd_watch_stop(struct etcd_store *s);                /* the member is lost */
void etcd_watch_settle(struct etcd_store *s);
void etcd_watch_tick(struct etcd_store *s, int64_t now);
void etcd_watch_lose(struct etcd_store *s, int code, uint64_t rev, const char *why);
struct store_watch *etcd_watch_open(struct etcd_store *s, struct str prefix, uint64_t after,
				    store_watch_fn fn, void *ctx);
void etcd_watch_close(struct store_watch *w);
void etcd_watch_fini(struct etcd_store *s);
