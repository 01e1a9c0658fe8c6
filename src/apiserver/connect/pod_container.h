/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The Pod, and which of its containers a request for its log, or to run something in it, is about.
 */

#include "apiserver/request.h"

/* The Pod that the request names, decoded in its arena. 404 in req->st when there is none. */
int pod_container_find_pod(struct request *req, struct json **ret) _nodiscard_;

/* The one that the query's "container" names, or the only one; its name in *ret. ERR_BAD_REQUEST
 * with req->st set when there is none of that name, or several to choose from. */
int pod_container(struct request *req, const struct json *pod, struct str *ret) _nodiscard_;
