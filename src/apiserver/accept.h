/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the client can read (Accept) and what it has sent (Content-Type), service-api.md 18.2.
 *
 * Of the types in Accept the first one that can be served is taken, as Kubernetes does; weights are
 * ignored.
 */

#include "apiserver/request.h"

/* Sets format and content_type. ERR_NOT_ACCEPTABLE with req->st set. */
int accept_negotiate(struct request *req) _nodiscard_;

/* One media type with its parameters. */
struct accept_type {
	struct str type; /* "application/json", blanks trimmed */
	struct str as, group, version;
};
/* Takes the next type off *rest, a list separated by commas; false at its end. */
bool accept_next(struct str *rest, struct accept_type *ret);
/* Whether the type of a request body is one of `types` (NULL-terminated; an absent header is the
 * first). Parameters are ignored. Returns its index or -1. */
int accept_body(struct str content_type, const char *const *types);
