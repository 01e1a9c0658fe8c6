/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The time of the change that a write of endpoints answers (service-api.md section 11.3), kept for
 * one Service by one controller. Pure but for its own memory.
 */

#include "api/types.h"
#include "base/map.h"

struct controller_trigger {
	bool is_known;
	int64_t service_ns;
	struct map pods; /* name -> int64_t: last transition of its Ready condition */
};

/* The earliest of the triggers that moved since the previous call; the Service's creation at the
 * first call; 0: none moved. */
int64_t controller_trigger_next(struct controller_trigger *t, const struct api_service *svc,
				const struct api_pod *const *pods, size_t n);
void controller_trigger_fini(struct controller_trigger *t);
