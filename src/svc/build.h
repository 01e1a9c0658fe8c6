/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From objects to an entry of the table: one Service and its EndpointSlices, seen from one node.
 *
 * Rules: sections 2.1 (inputs), 2.2 (which endpoints serve), 2.5 (source ranges) and 2.6 (session
 * affinity) of the data-plane specification. The result depends on nothing else, and not on the
 * order of the slices.
 */

#include "svc/table.h"

/* Of a Service that another proxy serves. */
#define SVC_PROXY_NAME_LABEL "service.kubernetes.io/service-proxy-name"

/* True for Services that the proxy handles: not headless, not ExternalName, with a cluster IP, and
 * without the label above. */
bool svc_build_wants(const struct api_service *s);

/* A new entry; NULL when svc_build_wants says no. No frontend is in it twice: the first port that
 * names one has it. Slices of other Services must not be given. */
struct svc_entry *svc_build_entry(const struct svc_config *c, const struct api_service *s,
				  const struct api_endpoint_slice *const *slices, size_t n_slices);
