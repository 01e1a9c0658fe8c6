/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "tests/harness/test.h"

#include <stdlib.h>

TEST(is_always_a_c_string)
{
	struct buf b = BUF_INIT;
	char *s;

	ASSERT_STREQ(b.ptr, "");
	buf_add_c(&b, "abc");
	buf_add_byte(&b, '!');
	buf_printf(&b, "%d", 42);
	ASSERT_STREQ(b.ptr, "abc!42");
	buf_consume(&b, 4);
	ASSERT_STREQ(b.ptr, "42");
	s = buf_detach(&b);
	ASSERT_STREQ(s, "42");
	free(s);
	ASSERT_STREQ(b.ptr, "");
	buf_fini(&b);
}

TEST(numbers)
{
	struct buf b = BUF_INIT;

	buf_add_u64(&b, 0);
	buf_add_byte(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	buf_add_byte(&b, ' ');
	buf_add_i64(&b, INT64_MIN);
	ASSERT_STREQ(b.ptr, "0 18446744073709551615 -9223372036854775808");
	buf_fini(&b);
}
