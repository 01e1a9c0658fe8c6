/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the controllers of endpoints look up in the reflectors. */

#include "controller/frame/state.h"

const struct api_service *controller_find_service(struct controllers *c, struct str ns,
						  struct str name);
/* The Pods that the Service selects. In the arena; borrowed from the cache. */
size_t controller_service_pods(struct controllers *c, struct arena *a,
			       const struct api_service *svc, const struct api_pod *const **ret);
/* The slices of the Service that `manager` manages and that are not being deleted. */
size_t controller_service_slices(struct controllers *c, struct arena *a, struct str ns,
				 struct str service, struct str manager,
				 const struct api_endpoint_slice *const **ret);
/* The Services whose endpoints have hints by topology. */
void controller_each_topology_service(struct controllers *c,
				      void (*fn)(void *ctx, const struct api_service *svc),
				      void *ctx);
/* The Services that select the Pod as it was or as it is (either may be NULL); one may come twice.
 */
void controller_each_service_of(struct controllers *c, const struct api_pod *before,
				const struct api_pod *after,
				void (*fn)(void *ctx, const struct api_service *svc), void *ctx);
/* Once, when there are reflectors. */
void controller_endpoints_index(struct controllers *c);
