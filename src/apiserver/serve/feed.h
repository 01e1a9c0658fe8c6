/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the server's caches follow the store: all is read once, from a point in the past if the store
 * still has it, and then the store's watch is heard. What hangs on the objects (rights, claims of
 * Services, repair, waiting requests) is told in the same order. When the watch ends, all is read
 * anew; until then nothing is served.
 */

#include "apiserver/server.h"

struct feed *feed_new(void);
void feed_free(struct feed *f); /* NULL is fine; feed_stop comes first */

void feed_start(struct apiserver *s);
void feed_stop(struct apiserver *s);
/* Call it often: tries again what has failed, and forgets the store's history that is older than
 * APISERVER_HISTORY_MS. */
void feed_tick(struct apiserver *s);
