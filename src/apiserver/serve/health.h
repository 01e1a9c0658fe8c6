/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * /livez, /readyz and /healthz: named checks, as kube-apiserver has them ("etcd" is the store,
 * whichever it is). `?verbose` lists them, `?exclude=NAME` leaves one out, /livez/NAME asks one.
 */

#include "apiserver/server.h"

/* Whether the path is one of these, or below one. */
bool health_is_path(struct str path);
void health_answer(struct apiserver *s, struct http_exchange *x);
