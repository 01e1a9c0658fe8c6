/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A transport whose server is the test: it sees each call and says, step by step, what comes back.
 *
 *	struct fake_call *c = fake_next(&f, loop);
 *	ASSERT_STR(fake_target(c), STR("/api/v1/pods?limit=500"));
 *	fake_answer(c, 200, "{…}");
 */

#include "base/vec.h"
#include "http/transport.h"
#include "loop/loop.h"
#include "tests/harness/test.h"

struct fake_call {
	struct fake *fake;
	enum http_method method;
	char *target;
	char *body;         /* "" when there was none */
	struct buf headers; /* "name: value\n" … */
	struct http_call_events events;
	void *ctx;
	bool is_open, is_cancelled, is_seen;
};

struct fake {
	struct http_transport transport;
	VEC(struct fake_call *) calls;
	bool is_closed;
};

void fake_init(struct fake *f);
void fake_fini(struct fake *f);              /* after the client was freed */
struct fake_call *fake_find(struct fake *f); /* the oldest open call not yet seen, or NULL */
/* The same, turning the loop until there is one. */
struct fake_call *fake_next(struct fake *f, struct loop *l);
struct str fake_target(const struct fake_call *c);
void fake_head(struct fake_call *c, int status);
void fake_data(struct fake_call *c, const char *text);
void fake_end(struct fake_call *c, int r); /* r 0: as it should */
void fake_answer(struct fake_call *c, int status, const char *body);
