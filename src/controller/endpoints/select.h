/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the controllers of Endpoints and EndpointSlices share: which Pods stand behind a Service, on
 * which ports, and the labels and annotations of what is written for it. Pure: views in, views in
 * the caller's arena out (docs: service-api.md sections 11.2, 12.2).
 */

#include "api/types.h"

#define LABEL_SERVICE_NAME   "kubernetes.io/service-name"
#define LABEL_MANAGED_BY     "endpointslice.kubernetes.io/managed-by"
#define LABEL_HEADLESS       "service.kubernetes.io/headless"
#define ANNOTATION_TRIGGER   "endpoints.kubernetes.io/last-change-trigger-time"
#define SLICE_CONTROLLER     "endpointslice-controller.k8s.io"
#define MIRRORING_CONTROLLER "endpointslicemirroring-controller.k8s.io"

/* The Service is one that a controller keeps endpoints for: not ExternalName, with a selector. */
bool controller_service_is_selecting(const struct api_service *svc);

/* Neither Failed nor Succeeded, and it has an address. */
bool controller_pod_is_candidate(const struct api_pod *pod);

/* The hostname of an endpoint: spec.hostname when the Pod's subdomain is the Service. */
struct str controller_pod_hostname(const struct api_service *svc, const struct api_pod *pod);

/* The Pod's ports for the Service's, named target ports resolved by this Pod's containers; a port
 * that does not resolve is left out. Sorted by name, protocol, number. */
size_t controller_pod_ports(struct arena *a, const struct api_service *svc,
			    const struct api_pod *pod, const struct api_endpoint_port **ret);

/* A text that is equal for equal sets of sorted ports. */
struct str controller_ports_key(struct arena *a, const struct api_endpoint_port *ports, size_t n);
int controller_port_cmp(const struct api_endpoint_port *x, const struct api_endpoint_port *y);

/* A Pod's change that can alter what is written for a Service; either may be NULL. */
bool controller_pod_matters(const struct api_pod *before, const struct api_pod *after);

/* Copies with one pair set (value absent: removed); sorted as before. */
struct api_pairs controller_pairs_with(struct arena *a, const struct api_pairs *p, const char *key,
				       struct str value);
bool controller_pairs_eq(const struct api_pairs *x, const struct api_pairs *y);
/* A reference to the Pod, with its strings borrowed. */
const struct api_ref *controller_pod_ref(struct arena *a, const struct api_pod *pod);
bool controller_ref_eq(const struct api_ref *x,
		       const struct api_ref *y); /* not the revision; NULL equals only NULL */
