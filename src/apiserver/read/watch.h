/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The watch hub (service-api.md section 18.8).
 *
 * A watcher is in one of three states:
 *
 *	INITIAL   it is given the objects that were there when it began, from a snapshot
 *	CATCHUP   it is given events from the cache's ring: after a resume, after INITIAL, and
 *whenever it reads too slowly to be live LIVE      each event is written to it as it arrives
 *
 * INITIAL -> CATCHUP -> LIVE <-> CATCHUP. An event is rendered once for each style, however many
 * live watchers there are, and the same bytes go to all. A watcher whose unsent bytes pass
 * HTTP_PENDING_MAX goes to CATCHUP and on when its peer has read; when the ring has moved past it,
 * it is ended with a 410, as is one that asks for a revision before the ring. So are, when all
 * watchers together have more than APISERVER_UNREAD_MAX unsent, those that have more than the mean.
 * What was not on its way to a watcher that is ended is taken back.
 */

#include "apiserver/request.h"

/* Begins the watch and takes over the exchange; or fails with req->st set, exchange untouched. */
int watch_start(struct request *req) _nodiscard_;

/* The caches' on_event. */
void watch_publish(void *ctx, struct cache *c, struct cache_event *e);
/* Once a second: bookmarks, time limits, slow readers. */
void watch_tick(struct apiserver *s);
/* Ends all watches: the server is stopping. */
void watch_end_all(struct apiserver *s);
