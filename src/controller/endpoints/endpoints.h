/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure core of the Endpoints controller (service-api.md section 11.2): from a Service, the Pods
 * that match it and the Endpoints object that exists to the object that should be there, and
 * whether that is worth a write.
 */

#include "api/types.h"

#define ANNOTATION_CAPACITY "endpoints.kubernetes.io/over-capacity"

struct controller_endpoints_in {
	const struct api_service *service; /* one that controller_service_is_selecting */
	const struct api_pod *const *pods; /* that match its selector */
	size_t n_pods;
	const struct api_endpoints *existing; /* NULL: none */
	struct str trigger;                   /* the annotation's value; absent: none */
};

enum controller_endpoints_action {
	CONTROLLER_ENDPOINTS_KEEP,
	CONTROLLER_ENDPOINTS_CREATE,
	CONTROLLER_ENDPOINTS_UPDATE,
};

/* *ret is set in any case; it lives in the arena and points into the input. */
enum controller_endpoints_action controller_endpoints_plan(struct arena *a,
							   const struct controller_endpoints_in *in,
							   struct api_endpoints *ret);
