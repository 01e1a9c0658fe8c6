/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the suite (suite.c) is run on: a transport of the back end under test
 * (backend-<name>.c) to an API server over a store in memory.
 */

#include "tests/unit/apiserver/server-fixture.h"

/* Over a connection on_sent is told, in this process it is not. */
extern const bool backend_has_sent;

struct http_transport *backend_open(struct loop *l, struct apiserver *s);
/* What carried it, when the transport is closed. */
void backend_close(void);

/* connection.c: a listener for the server, and a client of it. */
struct http_transport *connection_open(struct loop *l, struct apiserver *s, bool is_h2);
void connection_close(void);
