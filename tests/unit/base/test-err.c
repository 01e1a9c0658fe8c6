/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "tests/harness/test.h"

#include <errno.h>
#include <string.h>

TEST(is_wrapped_on_the_way_up)
{
	struct err err;
	int r = err_set(&err, ERR_INVALID, "must be between 1 and 65535");

	r = err_wrap(&err, r, "service %s: spec.ports[0].port", "default/web");
	ASSERT_EQ(r, ERR_INVALID);
	ASSERT_STREQ(err.msg,
		     "service default/web: spec.ports[0].port: must be between 1 and 65535");
}

TEST(system_errors_name_the_cause)
{
	struct err err;

	ASSERT_EQ(err_sys(&err, ENOENT, "open '%s'", "/x"), -ENOENT);
	ASSERT_STREQ(err.msg, "open '/x': No such file or directory");
}

TEST(codes_map_to_http_and_back)
{
	ASSERT_EQ(err_http_status(ERR_CONFLICT), 409);
	ASSERT_STREQ(err_reason(ERR_EXISTS), "AlreadyExists");
	ASSERT_EQ(err_from_http(409, "AlreadyExists"), ERR_EXISTS);
	ASSERT_EQ(err_from_http(409, "Conflict"), ERR_CONFLICT);
	ASSERT_EQ(err_from_http(422, NULL), ERR_INVALID);
	ASSERT_EQ(err_from_http(599, NULL), ERR_INTERNAL);
	ASSERT_EQ(err_http_status(-ENOSPC), 500);
}

TEST(text_too_long_is_cut)
{
	char text[2 * ERR_MSG_MAX];
	struct err err;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_INTERNAL, "%s", text);
	err_wrap(&err, ERR_INTERNAL, "%s", text);
	ASSERT_EQ(strlen(err.msg), ERR_MSG_MAX - 1);
}
