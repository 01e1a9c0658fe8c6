/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a request is about, for those who decide whether it may be: authorisation and the audit log.
 * Pure, and done before anything else is looked at: also what names no resource that is served has
 * attributes, so that a stranger does not learn which kinds there are.
 */

#include "access/access.h"
#include "http/http.h"

/* Strings point into the request, or into the arena where the path was escaped. */
void attributes_from(struct arena *a, const struct http_request *req, struct access_attrs *ret);
