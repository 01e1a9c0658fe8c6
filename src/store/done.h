/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a store has finished and must tell on the loop's thread: a queue that any thread may fill
 * and that the loop empties, in order. It is what makes every callback of the store come later and
 * never from inside a call, and what lets store_close run the ones that are left.
 */

#include "base/list.h"

struct loop;
struct store_done;

/* Part of a larger struct; run() owns it from then on. */
struct store_done_item {
	struct list_node link;
	void (*run)(struct store_done_item *it);
};

struct store_done *store_done_new(struct loop *l);
void store_done_free(struct store_done *d); /* the queue is empty: checked */

void store_done_push(struct store_done *d, struct store_done_item *it); /* from any thread */
void store_done_cancel(struct store_done *d, struct store_done_item *it);
/* Runs what is there now, not what these add: a caller that submits from its callbacks cannot hold
 * the loop. False when there was nothing. The loop calls it; store_close does too. */
bool store_done_run(struct store_done *d);
