/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* POST pods/NAME/binding: a Pod is given its node, once (service-api.md section 20). */

#include "apiserver/request.h"

/* Answers in a later turn of the loop. */
int binding_start(struct request *req) _nodiscard_;
