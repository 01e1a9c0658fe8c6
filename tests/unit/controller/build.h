/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Views made by hand for the tests of the pure cores. Everything lives in the arena. */

#include "api/types.h"
#include "base/vec.h"

struct api_service *build_service(struct arena *a, const char *name); /* v4, port 80 -> 8080 */
struct api_pod *build_pod(struct arena *a, const char *name,
			  const char *ip); /* ready, on node "n" */
struct str *build_str(struct arena *a, const char *s);
/* A slice of that Service as the controller would have written it, holding pods[from, to). */
struct api_endpoint_slice *build_slice(struct arena *a, const struct api_service *svc,
				       const char *name, uint16_t port,
				       const struct api_pod *const *pods, size_t from, size_t to);
const struct api_pod **build_pods(struct arena *a, size_t n); /* "p0000", 10.0.x.y */
