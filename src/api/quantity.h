/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Quantities: "500m", "1.5Gi", "2e3" and their one canonical text: the same kind of suffix, no
 * fraction, the largest suffix that leaves a whole number (0.5 is "500m", 2048Ki is "2Mi").
 * What is finer than 1n is rounded up, what is beyond 2^63 - 1 is capped, as Kubernetes does.
 */

#include "base/str.h"

/* ERR_BAD_REQUEST in Kubernetes' words. *ret is `text` itself when that is canonical already. */
int api_quantity_canonical(struct arena *a, struct str text, struct str *ret,
			   struct err *err) _nodiscard_;
/* In thousandths, rounded up; capped at what int64_t holds. */
int api_quantity_milli(struct str text, int64_t *ret, struct err *err) _nodiscard_;
