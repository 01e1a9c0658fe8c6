/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The subresource "scale": how many Pods an object has and wants, in the same shape for every kind
 * that has them (autoscaling/v1 Scale). It is made from the object at each GET, and a PUT or PATCH
 * of it is a write of the object's spec.replicas, with the object's own rules and revision.
 */

#include "apiserver/write/op.h"

/* Takes over the exchange, or fails with req->st set. */
int scale_handle(struct request *req) _nodiscard_;
