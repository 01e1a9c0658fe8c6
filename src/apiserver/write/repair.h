/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The repair loop: at start, and every APISERVER_REPAIR_MS (or what the config says), it goes over
 * all Services, IPAddress objects and port claims, says as Events what is wrong between them
 * (service/repair.h) and puts right what can be. In between it looks at IPAddress objects that
 * somebody has written by hand.
 *
 * A round goes in small steps, so that requests are served meanwhile. Each change is a transaction
 * of its own that compares every object that was looked at: when one has changed, nothing happens,
 * and the next round sees. So every API server of a store may run it, and none needs to lead.
 *
 * A store that has Services but no claims of them (it was another server's, or an older release's)
 * must be repaired before anyone is served, or what is taken would be given again:
 * repair_is_urgent.
 */

#include "apiserver/server.h"

struct repair;

struct repair *repair_new(struct apiserver *s);
void repair_free(struct repair *r); /* NULL is fine */
/* Gives up the round. Before the store is closed. */
void repair_stop(struct repair *r);

/* After the load, until the first round is through: the store has Services whose claims are
 * missing altogether. Nothing can be allotted then. */
bool repair_is_urgent(struct repair *r);
/* A round now, unless one is under way; `done` (may be NULL) when its changes are through. */
void repair_start(struct repair *r, void (*done)(struct apiserver *s));
/* Starts a round when it is time, looks at what was written by hand. Once a second. */
void repair_tick(struct repair *r);
void repair_on_events(struct repair *r, const struct store_event *events, size_t n);
