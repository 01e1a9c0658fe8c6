/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is particular about a kind when it is written or deleted.
 *
 * The pipeline (write.c, prepare.c, delete.c) is the same for all kinds; at fixed points it asks
 * the kind's strategy. So a new kind is a row here and, when it has much of its own, a file that
 * exports the row (services.c, namespace.c, pod.c); the pipeline never compares the name of a kind.
 * Shape is the schema's and validity is api/rules/validate.h's: neither is said here.
 *
 * A member that is NULL or false means: nothing particular. Hooks run inside a step of the op, may
 * run again when a race was lost, and so keep nothing but in the op. Those that return int fail
 * negative with op->req->st set. Trees are in op->arena.
 */

#include "apiserver/write/op.h"

struct strategy {
	const char *kind;

	/* Create: the first status; it has been made empty, unless sets_status, which leaves what
	 * the client sent. */
	void (*init)(struct op *op, struct json *obj);
	bool sets_status;
	/* Create (old NULL) and update of the object itself, between preparation and validation:
	 * what the server allots. Claims beside the object are op->hold. */
	int (*plan)(struct op *op, const struct json *old, struct json *obj);
	/* Create (old NULL) and update of the object itself: what is not taken from a client,
	 * before validation; what is right and yet not kept, after it. */
	void (*refine)(struct op *op, const struct json *old, struct json *obj);
	void (*settle)(struct op *op, const struct json *old, struct json *obj);
	/* Update of the object itself: what only a subresource may change is taken from `old`. */
	void (*keep)(struct op *op, const struct json *old, struct json *obj);
	/* A stored object that is to be changed: defaults that depend on more than the schema. */
	void (*decoded)(struct op *op, struct json *obj);
	/* Update: raises metadata.generation although nothing but metadata or status differs. */
	bool (*is_new_generation)(const struct json *old, const struct json *obj);

	/* Before a delete: whether it is allowed at all. */
	int (*admit_delete)(struct op *op);
	/* Seconds that it may go on after it was marked; asked_s: what the client wants, or -1. */
	int64_t (*grace_s)(const struct json *obj, int64_t asked_s);
	/* Something besides grace and metadata.finalizers keeps it. */
	bool (*is_held)(const struct json *obj);
	/* It gets its deletionTimestamp. */
	void (*marked)(struct op *op, struct json *obj);
	/* It goes for good: what goes in the same transaction. */
	void (*plan_delete)(struct op *op, const struct json *old);
	bool answers_object; /* DELETE answers with the object, not with a Status */
};

/* Never NULL. */
const struct strategy *strategy_of(const struct api_kind *kind);

/* Rows in files of their own. */
extern const struct strategy namespace_strategy;
extern const struct strategy pod_strategy;
extern const struct strategy services_strategy;
