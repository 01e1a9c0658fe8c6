/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time is passed in: pure code and everything with a timeout takes a `const struct clock *`, so
 * that a test can decide what time it is. Durations are milliseconds (…_ms) or nanoseconds (…_ns)
 * in int64_t, and say so in their names.
 */

#include "base/str.h"

struct clock {
	int64_t (*mono_ns)(const struct clock *c); /* never goes back; the zero is arbitrary */
	int64_t (*wall_ns)(const struct clock *c); /* since 1970-01-01 UTC; may jump */
};

extern const struct clock clock_system;

/* A clock that stands still until it is told to move. */
struct clock_fake {
	struct clock clock;
	int64_t mono, wall;
};
void clock_fake_init(struct clock_fake *f, int64_t wall_ns);
void clock_fake_advance(struct clock_fake *f, int64_t ns);

static inline int64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_ns(c) / 1000000;
}

enum {
	CLOCK_RFC3339_MAX = 40, /* "2026-11-21T10:22:33.123456789Z" and the NUL */
};

/* RFC 3339 in UTC with `digits` (0, 6 or 9) digits of the second. */
struct str clock_format(char buf[CLOCK_RFC3339_MAX], int64_t wall_ns, int digits);
/* Any RFC 3339 time. ERR_INVALID otherwise. What int64_t cannot hold (before 1678, after 2262)
 * becomes the nearest that it can. */
int clock_parse(struct str s, int64_t *ret_wall_ns, struct err *err) _nodiscard_;
