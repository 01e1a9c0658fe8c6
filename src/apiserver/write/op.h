/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A write under way: from the request to the store's answer.
 *
 * An op tries: its step looks at the newest objects, builds one store transaction (the object with
 * a compare of its revision, and whatever must change with it) and submits it. When the transaction
 * loses a race, the step is run again on what is there then, as far as the op's kind allows. So
 * every step starts from nothing and keeps nothing between tries but the request.
 *
 * Writes of one object wait for each other in line, in the order in which they came: the one in
 * front has its transaction under way, the next one's step runs when that has ended and so sees
 * what it left. Races that remain are those with other servers. While it waits it keeps nothing but
 * its request: what its step had made is thrown away.
 *
 * What ops hold (bodies, and what the one in front has made) is counted; writes that come when it
 * is too much are refused (op_admit), so that many clients with large objects cost no more memory.
 *
 * The op outlives its client: when the client goes, or its time is over (504: whether the write was
 * made is not known then), the transaction that was submitted still ends,
 * and what it held is given back, but nobody is answered. What a try needs is in op.arena.
 */

#include "apiserver/request.h"
#include "base/list.h"

struct op;
struct delete_options;

enum op_result {      /* of a step, besides negative failures with req->st set */
	OP_ANSWERED,  /* the request has its answer */
	OP_SUBMITTED, /* the answer follows when the store has spoken */
};

/* What a kind's strategy claims beside the object, as long as the transaction is under way. `held`
 * is op->held, which the strategy has set together with op->hold and which is in op->arena. */
struct op_hold {
	/* Adds to the transaction what claims, in the name of the object that is stored. */
	void (*write)(struct op *op, const struct json *obj);
	void (*take)(struct apiserver *s, const void *held); /* it is submitted */
	void (*drop)(struct apiserver *s, const void *held); /* it has ended, however it did */
};

struct op {
	struct apiserver *s;
	struct request *req; /* NULL: the client has gone */
	struct arena arena;  /* of the try under way */
	size_t cost;         /* bytes, of op_bytes */
	int (*step)(struct op *op);
	/* The transaction has succeeded; `op->object` is what was stored. Answers. */
	void (*done)(struct op *op, uint64_t rev);
	/* The compare with this index failed. True: try again. False: req->st is set. */
	bool (*lost)(struct op *op, size_t failed);
	unsigned tries;
	struct list_node link;    /* in op_list.all */
	int64_t deadline_ms;      /* when the client is told that it takes too long */
	struct op_line *line;     /* of the object, while the transaction is under way */
	struct list_node in_line; /* while it waits */
	/* of the try under way */
	struct store_compare *compares;
	struct store_op *ops;
	size_t n_compares, n_ops;
	const struct op_hold *hold; /* NULL: nothing is claimed */
	const void *held;
	bool is_end; /* an update that ends its object, which is answered as it was stored last */
	struct object *object; /* new or deleted one; its rev is not known before */
	int http_status;
	/* of the kind of write */
	bool is_conditional; /* the client named a resourceVersion: a lost race is its conflict */
	bool is_create, is_generated;
	bool is_applied;        /* server-side apply: who owns what is settled */
	bool resets_owners;     /* the body's managedFields are [] or [{}] */
	bool has_generate_name; /* also beside a name that was given */
	const struct delete_options *delete_options; /* delete.c; NULL: the request's */
	/* A part of something larger: no exchange hangs on the op, its request is its own, and this
	 * is told how it ended, instead of an answer (r < 0: req->st says why). NULL: answers. */
	void (*ended)(struct op *op, int r);
	void *owner; /* for `ended` */
};

enum {
	OP_TRIES_MAX = 20, /* of one write, over all its races */
};

/* The server's ops; when they are freed, none is left. NULL is fine. */
struct op_list *op_list_new(void);
void op_list_free(struct op_list *ops);
/* Transactions under way, and those that wait for one. */
size_t op_count(const struct apiserver *s);
/* What they hold: bodies, and what has been made of them. */
size_t op_bytes(const struct apiserver *s);
/* Before an op for a client: ERR_TOO_MANY with req->st set when too many writes are under way, or
 * they hold too much. */
int op_admit(struct request *req) _nodiscard_;
/* Runs the op to its end; takes over the exchange unless op->ended. The op frees itself. */
void op_run(struct op *op);
struct op *op_new(struct request *req, int (*step)(struct op *op));

/* For steps. The object is always compare and op 0. */
void op_compare(struct op *op, struct str key, uint64_t mod_rev);
void op_put(struct op *op, struct str key, struct bytes *value); /* NULL deletes; takes it over */
/* Compares with `rev` (0: must not exist) and stores the tree; sets op->object. 413 when the object
 * is larger than the store takes. */
int op_store(struct op *op, struct str ns, struct str name, struct json *tree,
	     uint64_t rev) _nodiscard_;
/* Compares and deletes. */
void op_remove(struct op *op, struct object *o);
int op_submit(struct op *op);
/* Once a second: answers those whose time is over. */
void op_tick(struct apiserver *s);

/* Answers with op->object as it was stored. */
void op_done_object(struct op *op, uint64_t rev);
