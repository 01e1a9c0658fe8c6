/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an update of a Service inherits and what it loses (service-api.md section 5), so that a
 * client may send its first manifest again, and may change the type without knowing what the server
 * had filled in. Pure; edits `object` in place.
 */

#include "json/json.h"

/* Section 5.1: blanks are filled with what `old` was given. Before families and allocation. */
void service_patch_keep(struct arena *a, const struct json *old, struct json *object);
/* Section 5.2: what the type no longer uses and the client did not touch goes. After allocation.
 * `old` NULL is a create: nothing of the spec goes. Either way status is what the server has: empty
 * on create, old's on update, without a load balancer's when the type is another. */
void service_patch_drop(struct arena *a, const struct json *old, struct json *object);
