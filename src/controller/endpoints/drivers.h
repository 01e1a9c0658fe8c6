/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The controllers of endpoints, as the frame runs them. */

#include "controller/endpoints/slices.h"
#include "controller/frame/sync.h"

extern const struct controller_sync_ops controller_slice_ops;
extern const struct controller_sync_ops controller_endpoints_ops;
extern const struct controller_sync_ops controller_mirror_ops;
/* Adds what a plan of slices says. */
void controller_slices_write(struct arena *a, const struct controller_slices_plan *plan,
			     struct controller_writes *w);
