/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DELETE of a collection (service-api.md section 18.6): what the selectors match now is deleted one
 * by one, each as by a DELETE of its own (delete.h), and the answer is the list as it was. It is no
 * transaction: when some cannot be deleted the others are gone all the same, and the first failure
 * is the answer. A few are under way at a time, so that a large collection does not use up what all
 * clients share (APISERVER_WRITES_MAX). Goes on when the client has gone; ends when the server
 * stops.
 */

#include "apiserver/request.h"

/* Takes over the exchange, or fails with req->st set. */
int collection_delete(struct request *req) _nodiscard_;
