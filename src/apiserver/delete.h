/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DELETE of one object and of a collection (service-api.md sections 1.5 and 18.6).
 *
 * An object with finalizers, a Pod that still runs on a node and a Namespace are marked with a
 * deletionTimestamp and go when what holds them has let go; anything else goes at once. What
 * belongs to it (a Service's claims and Endpoints) goes in the same transaction.
 */

#include "apiserver/op.h"

struct collection;

/* Step of an op. */
int delete_step(struct op *op) _nodiscard_;
/* Takes over the exchange, or fails with req->st set. */
int delete_collection(struct request *req) _nodiscard_;
/* For op.c: an item's op has ended, r < 0: its req->st says why. */
void delete_item_done(struct collection *c, struct op *op, int r);
