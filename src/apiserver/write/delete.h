/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DELETE of one object (service-api.md sections 1.5 and 18.6).
 *
 * An object with finalizers, a Pod that still runs on a node and a Namespace are marked with a
 * deletionTimestamp and go when what holds them has let go; anything else goes at once. What
 * belongs to it (a Service's claims and Endpoints) goes in the same transaction.
 */

#include "apiserver/write/op.h"

struct delete_options {
	int64_t grace_s;        /* -1: not given */
	struct str uid, rev;    /* preconditions; absent: none */
	struct str propagation; /* a propagationPolicy that there is; absent: none */
	bool wants_end;         /* orphanDependents=false: one that is only marked is 202 */
	void (*done)(struct op *op, uint64_t rev); /* as in struct op; NULL: as a DELETE answers */
};

/* DeleteOptions from the body, else from the query; sets req->is_dry_run. The strings live as long
 * as the exchange and op->arena. */
int delete_options_read(struct op *op, struct delete_options *ret) _nodiscard_;
/* From DeleteOptions that are part of another body. */
int delete_options_from(struct op *op, struct json *options,
			struct delete_options *ret) _nodiscard_;
/* Step of an op: by op->delete_options or, when that is NULL, by what the request says. */
int delete_step(struct op *op) _nodiscard_;
/* The rest of such a step, once the object has been found: `obj` is o's tree, which may have been
 * changed; the change is stored if the object stays for now. */
int delete_found(struct op *op, struct object *o, struct json *obj,
		 const struct delete_options *opts) _nodiscard_;
