/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Subsets of Endpoints in canonical form (service-api.md sections 11.2.7 and 11.2.8). Pure.
 */

#include "api/types.h"
#include "base/vec.h"

enum {
	CONTROLLER_ENDPOINTS_MAX = 1000,   /* addresses of one Endpoints object */
	CONTROLLER_SPOTS_MAX = 256 * 1024, /* addresses times ports of one object; more are left
					    * out, since a body may hold the square of thousands */
};

/* One address at one port. */
struct controller_spot {
	struct api_endpoints_address address;
	const struct api_endpoint_port *port; /* NULL: no port */
	bool is_ready;
};

/* Groups by port, merges ports with the same addresses, sorts addresses by text, then uid. An
 * address is one with equal ip and target uid; told both ready and not, it is not. Reorders
 * `spots`. The result lives in the arena. */
size_t controller_repack(struct arena *a, struct controller_spot *spots, size_t n,
			 struct api_endpoints_subset **ret);

/* The spots of subsets as somebody wrote them. */
struct controller_spots {
	VEC(struct controller_spot) all;
	size_t n_left_out;
};
void controller_spots_add(struct controller_spots *s, const struct controller_spot *spot);
void controller_spots_of(const struct api_endpoints_subset *subsets, size_t n,
			 struct controller_spots *ret);

/* Keeps at most `max` addresses, ready ones first, each subset by its share; true when some went.
 * Subsets that are left empty are removed. */
bool controller_truncate(struct api_endpoints_subset *subsets, size_t *n, size_t max);
