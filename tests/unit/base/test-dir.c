/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dir.h"

#include "base/fd.h"
#include "tests/harness/test.h"

#include <unistd.h>

TEST(trees_come_and_go)
{
	_cleanup_(mem_freep) char *top = mem_xprintf("%s/a", test_tmpdir());
	_cleanup_(mem_freep) char *dir = mem_xprintf("%s/b/c", top);
	_cleanup_(mem_freep) char *file = mem_xprintf("%s/x", dir);
	struct err err;

	ASSERT_OK(dir_make_all(dir, &err));
	ASSERT_OK(dir_make_all(dir, &err));
	ASSERT_OK(fd_write_file(file, STR("x"), 0600, &err));
	ASSERT_OK(dir_remove_tree(top, &err));
	ASSERT_OK(dir_remove_tree(top, &err));
	ASSERT_TRUE(access(top, F_OK) < 0);
}
