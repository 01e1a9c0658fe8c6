/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests for a revision that this server has not seen yet: with several servers on one store a
 * client may have it from another one. Such a request waits until the caches have come to it, at
 * most AWAIT_MS (as Kubernetes does), and is served then as if it had just come; whoever serves it
 * says what is still missing. So does every request that comes while the caches are loaded anew.
 *
 * Who names no revision wants what is newest. On a store that others write to, the caches may be
 * some milliseconds behind what another server has answered: the store is asked how far it is, once
 * for all who have come since it was asked last. Reads wait for that; writes, which compare what
 * they found in the store, only when they do not find what they need. When the store does not
 * answer (etcd without a quorum), reads are served from the caches after AWAIT_MS.
 */

#include "apiserver/request.h"

enum {
	AWAIT_MS = 3000,
};

struct await_list *await_list_new(struct apiserver *s);
/* Once the server is stopping and await_advance was called: none waits then, or ever will. */
void await_list_stop(struct await_list *w);
void await_list_free(struct await_list *w); /* NULL is fine */
/* True: it waits, and then(req) is called unless the client goes. False: no need to. */
bool await_rev(struct request *req, void (*then)(struct request *req));
/* The caches have come further, or some time has passed. */
void await_advance(struct apiserver *s);
