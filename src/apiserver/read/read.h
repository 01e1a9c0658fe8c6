/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * GET and LIST (service-api.md section 18.7), from the watch cache. Only pages of a list that has
 * changed since its first page, and lists at an exact older revision, are read from the store, so
 * that all pages of one list are of one revision.
 */

#include "apiserver/request.h"

/* Each answers the request, at once or later. */
void read_get(struct request *req);
void read_list(struct request *req);
