/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * POST pods/NAME/eviction: a Pod is asked to leave its node, as `kubectl drain` does. It gets the
 * condition DisruptionTarget, so that controllers know why, and is deleted with the options given.
 * Nothing can forbid it: there are no PodDisruptionBudgets.
 */

#include "apiserver/request.h"

/* Answers in a later turn of the loop. */
int eviction_start(struct request *req) _nodiscard_;
