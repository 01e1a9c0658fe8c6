/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of mirroring (service-api.md section 14): hand-written Endpoints of a Service
 * without a selector become EndpointSlices, so that every consumer needs to read slices only.
 */

#include "controller/endpoints/slices.h"

enum {
	CONTROLLER_MIRROR_MAX = 1000, /* addresses of one subset; more are left out */
};

/* Whether this object is mirrored; the Service of its name may be NULL. */
bool controller_mirror_applies(const struct api_endpoints *ep, const struct api_service *svc);

struct controller_mirror_skips {
	size_t invalid, too_many; /* addresses left out */
};

/* `slices`: those of the name that are managed by the mirroring controller. */
void controller_mirror_plan(struct arena *a, const struct api_endpoints *ep,
			    const struct api_endpoint_slice *const *slices, size_t n_slices,
			    struct controller_slices_plan *ret,
			    struct controller_mirror_skips *ret_skips);
