/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Nobody gives away by a role or binding what they do not hold themselves, unless they have the
 * verb escalate (bind) on it: what RBAC checks beside whether the role may be written at all.
 */

#include "apiserver/write/op.h"

/* A strategy's plan of roles and bindings. `old` is NULL on create. Fails with 403. */
int escalation_check(struct op *op, const struct json *old, struct json *obj);
