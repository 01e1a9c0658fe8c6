/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Garbage collection along owner references, among the kinds that the controllers follow.
 *
 *	background   an owner is gone: what it alone owned is deleted. The cache's word is not
 *enough for that, since caches of two kinds are never of one moment: the server is asked.
 *	foreground   an owner is marked and has the finalizer foregroundDeletion: what it owns is
 *deleted first, and when nothing is left whose reference blocks (blockOwnerDeletion) the finalizer
 *is taken off, so that the owner goes too. orphan       an owner is marked and has the finalizer
 *orphan: the references to it are taken out, then the finalizer.
 *
 * An object that any living owner holds stays, and so does one with an owner of a kind that is not
 * followed. This room only.
 */

#include "controller/frame/writes.h"

struct controller_owners *controller_owners_new(struct controllers *c);
void controller_owners_free(struct controller_owners *g);
/* A change of an object of a followed kind; either may be NULL. */
void controller_owners_changed(struct controllers *c, struct client_object *before,
			       struct client_object *after);
/* Once, when there are reflectors. */
void controller_owners_index(struct controllers *c);
