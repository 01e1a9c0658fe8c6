/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits of what a node writes (access/node_limits.h), asked at the points of a write where a stock
 * server asks its admission plug-ins. For users that are no nodes nothing is looked at. For steps
 * of an op: negative with op->req->st set when the node may not.
 */

#include "apiserver/write/op.h"

/* Create (old NULL), update of any part, delete (obj NULL); an eviction gives the Pod as `old`. The
 * object and its subresource are the request's. */
int node_admit_change(struct op *op, const struct json *old, const struct json *obj);
/* A token of the request's ServiceAccount; `spec` is the TokenRequest's. */
int node_admit_token(struct op *op, const struct json *spec);
