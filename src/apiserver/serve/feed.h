/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How the server's caches follow the store: all is read once, from a point in the past if the store
 * still has it, and then the store's watch is heard. What hangs on the objects (rights, claims of
 * Services, repair, waiting requests) is told in the same order. When the watch ends, all is read
 * anew; until then nothing is served.
 */

#include "apiserver/server.h"

void feed_load(struct apiserver *s);
/* Call it often: forgets the store's history that is older than APISERVER_HISTORY_MS. */
void feed_compact(struct apiserver *s);
