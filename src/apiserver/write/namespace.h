/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The life of Namespaces (service-api.md sections 1.1 step 6 and 20): nothing is made in one that
 * is missing or ends; the cluster's own cannot be deleted; one that is deleted is emptied, and goes
 * when it is empty.
 */

#include "apiserver/write/op.h"

/* Before a create: 404 or 403 when the namespace cannot take it. */
int namespace_admit(struct op *op) _nodiscard_;
/* Joins to a create's transaction that the namespace is as namespace_admit found it. */
void namespace_compare(struct op *op);
bool namespace_is_terminating(const struct object *o);
/* namespace_sweep.c: empties those that end, and tells in their status how far that is. */
void namespace_sweep_tick(struct apiserver *s);
