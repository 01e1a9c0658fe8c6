/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Our test harness: TAP on standard output, for `meson test`.
 *
 *	TEST(parses_an_address)
 *	{
 *		ASSERT_OK(ip_parse(STR("10.0.0.1"), &a, &err));
 *		ASSERT_EQ(ip_family(&a), IP_V4);
 *	}
 *
 * A TEST registers itself; each runs in a process of its own with a deadline (TEST_TIMEOUT_S, 30),
 * so that a crash, a leak or a hang fails that test alone. Arguments of the program pick tests
 * whose name contains one of them. test_skip("why") ends a test as skipped. TEST_NO_FORK=1 runs all
 * in this process, for a debugger.
 */

#include "base/err.h"
#include "base/str.h"

struct test_case {
	const char *name;
	void (*run)(void);
};

#define TEST(name_)                                                                                \
	static void test_##name_(void);                                                            \
	static const struct test_case test_case_##name_ = {#name_, test_##name_};                  \
	__attribute__((                                                                            \
		used,                                                                              \
		section("test_cases"))) static const struct test_case *const test_ref_##name_ =    \
		&test_case_##name_;                                                                \
	static void test_##name_(void)

_noreturn_ void test_fail(const char *file, int line, const char *fmt, ...) _printf_(3, 4);
_noreturn_ void test_skip(const char *fmt, ...) _printf_(1, 2);

/* A directory that is removed, with what is in it, when the test ends. */
const char *test_tmpdir(void);

void test_eq_i(const char *file, int line, const char *ea, const char *eb, long long a,
	       long long b);
void test_eq_s(const char *file, int line, const char *ea, const char *eb, struct str a,
	       struct str b);
void test_ok(const char *file, int line, const char *e, long long r, const struct err *err);

#define ASSERT_TRUE(cond)                                                                          \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(__FILE__, __LINE__, "not true: %s", #cond);                      \
	} while (0)
#define ASSERT_FALSE(cond) ASSERT_TRUE(!(cond))
#define ASSERT_EQ(a, b)    test_eq_i(__FILE__, __LINE__, #a, #b, (long long)(a), (long long)(b))
#define ASSERT_STREQ(a, b) test_eq_s(__FILE__, __LINE__, #a, #b, str_of(a), str_of(b))
#define ASSERT_STR(a, b)   test_eq_s(__FILE__, __LINE__, #a, #b, (a), (b))
/* A result that must not be negative; prints `err` (a variable of that name) when it is. */
#define ASSERT_OK(call)        test_ok(__FILE__, __LINE__, #call, (long long)(call), &err)
#define ASSERT_ERR(call, code) ASSERT_EQ(call, code)
