/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

static int64_t clock_read(clockid_t id)
{
	struct timespec ts = {0};

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t clock_system_mono(const struct clock *c _unused_)
{
	return clock_read(CLOCK_MONOTONIC);
}

static int64_t clock_system_wall(const struct clock *c _unused_)
{
	return clock_read(CLOCK_REALTIME);
}

const struct clock clock_system = {.mono_ns = clock_system_mono, .wall_ns = clock_system_wall};

static const struct clock_fake *clock_to_fake(const struct clock *c)
{
	return (const struct clock_fake *)(const void *)c; /* the first member */
}

static int64_t clock_fake_mono(const struct clock *c)
{
	return clock_to_fake(c)->mono;
}

static int64_t clock_fake_wall(const struct clock *c)
{
	return clock_to_fake(c)->wall;
}

void clock_fake_init(struct clock_fake *f, int64_t wall_ns)
{
	*f = (struct clock_fake){
		.clock = {.mono_ns = clock_fake_mono, .wall_ns = clock_fake_wall},
		.mono = NS_PER_S,
		.wall = wall_ns,
	};
}

void clock_fake_advance(struct clock_fake *f, int64_t ns)
{
	f->mono += ns;
	f->wall += ns;
}

struct str clock_format(char buf[CLOCK_RFC3339_MAX], int64_t wall_ns, int digits)
{
	int64_t s = wall_ns / NS_PER_S, frac = wall_ns % NS_PER_S;
	time_t t;
	struct tm tm;
	size_t n;

	assert(digits == 0 || digits == 6 || digits == 9);
	if (frac < 0) {
		s--;
		frac += NS_PER_S;
	}
	t = (time_t)s;
	if (!gmtime_r(&t, &tm))
		return STR("1970-01-01T00:00:00Z");
	n = strftime(buf, CLOCK_RFC3339_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits == 6)
		n += (size_t)snprintf(buf + n, CLOCK_RFC3339_MAX - n, ".%06d", (int)(frac / 1000));
	else if (digits == 9)
		n += (size_t)snprintf(buf + n, CLOCK_RFC3339_MAX - n, ".%09d", (int)frac);
	assert(n + 2 <= CLOCK_RFC3339_MAX);
	memcpy(buf + n, "Z", 2);
	return str_n(buf, n + 1);
}

/* `n` digits at *s as a number in [min, max]; advances *s. */
static bool clock_digits(struct str *s, size_t n, int min, int max, int *ret)
{
	uint64_t v;

	if (s->len < n || str_to_u64(str_sub(*s, 0, n), (uint64_t)min, (uint64_t)max, &v, NULL) < 0)
		return false;
	*s = str_skip(*s, n);
	*ret = (int)v;
	return true;
}

static bool clock_expect(struct str *s, char c)
{
	if (!s->len || s->ptr[0] != c)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

static int64_t clock_fraction(struct str *s)
{
	int64_t ns = 0, unit = NS_PER_S / 10;

	while (s->len && s->ptr[0] >= '0' && s->ptr[0] <= '9') {
		ns += (s->ptr[0] - '0') * unit;
		unit /= 10;
		*s = str_skip(*s, 1);
	}
	return ns;
}

static bool clock_offset(struct str *s, int64_t *ret_s)
{
	int sign, h, m;

	if (clock_expect(s, 'Z') || clock_expect(s, 'z')) {
		*ret_s = 0;
		return true;
	}
	sign = clock_expect(s, '+') ? 1 : clock_expect(s, '-') ? -1 : 0;
	if (!sign || !clock_digits(s, 2, 0, 23, &h) || !clock_expect(s, ':') ||
	    !clock_digits(s, 2, 0, 59, &m))
		return false;
	*ret_s = sign * (h * 3600 + m * 60);
	return true;
}

int clock_parse(struct str s, int64_t *ret_wall_ns, struct err *err)
{
	struct str whole = s;
	struct tm tm = {0};
	int64_t frac = 0, offset_s = 0, seconds, ns;
	bool ok;

	ok = clock_digits(&s, 4, 1, 9999, &tm.tm_year) && clock_expect(&s, '-') &&
	     clock_digits(&s, 2, 1, 12, &tm.tm_mon) && clock_expect(&s, '-') &&
	     clock_digits(&s, 2, 1, 31, &tm.tm_mday) &&
	     (clock_expect(&s, 'T') || clock_expect(&s, 't')) &&
	     clock_digits(&s, 2, 0, 23, &tm.tm_hour) && clock_expect(&s, ':') &&
	     clock_digits(&s, 2, 0, 59, &tm.tm_min) && clock_expect(&s, ':') &&
	     clock_digits(&s, 2, 0, 60, &tm.tm_sec);
	if (ok && clock_expect(&s, '.')) {
		ok = s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9';
		frac = clock_fraction(&s);
	}
	if (!ok || !clock_offset(&s, &offset_s) || s.len)
		return err_set(err, ERR_INVALID,
			       "must be a time like 2006-01-02T15:04:05Z, got '%.*s'",
			       STR_ARG(whole));
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	seconds = (int64_t)timegm(&tm) - offset_s;
	if (__builtin_mul_overflow(seconds, NS_PER_S, &ns) || __builtin_add_overflow(ns, frac, &ns))
		ns = seconds < 0 ? INT64_MIN : INT64_MAX;
	*ret_wall_ns = ns;
	return 0;
}
