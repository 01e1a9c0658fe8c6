/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/store/util.h"

struct store *backend_open(struct loop *l)
{
	struct store *s = NULL;
	struct err err;

	ASSERT_OK(store_sqlite_open(l, test_tmpdir(), &s, &err));
	return s;
}
