/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Impersonation: a user who may asks as another one (headers Impersonate-User, -Group, -Uid,
 * -Extra-*), as `kubectl --as` does. Needs the verb impersonate on users, groups, serviceaccounts,
 * uids and userextras.
 */

#include "access/access.h"
#include "apiserver/request.h"

/* *u becomes the one who is impersonated, in the exchange's arena; unchanged without the headers.
 * ERR_FORBIDDEN, ERR_BAD_REQUEST with *st set. */
int impersonate(struct apiserver *s, struct http_exchange *x, const struct access_user **u,
		struct status *st) _nodiscard_;
