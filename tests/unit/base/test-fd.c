/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include "tests/harness/test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

TEST(a_file_is_replaced_whole_and_has_its_mode)
{
	char path[128];
	struct buf b = BUF_INIT;
	struct stat st;
	struct err err;

	snprintf(path, sizeof(path), "%s/f", test_tmpdir());
	ASSERT_OK(fd_write_file(path, STR("old and longer"), 0600, &err));
	ASSERT_OK(fd_write_file(path, STR("new"), 0600, &err));
	ASSERT_OK(fd_read_file(path, 3, &b, &err));
	ASSERT_STREQ(b.ptr, "new");
	ASSERT_EQ(stat(path, &st), 0);
	ASSERT_EQ(st.st_mode & 0777, 0600);
	buf_clear(&b);
	ASSERT_ERR(fd_read_file(path, 2, &b, &err), ERR_TOO_LARGE);
	ASSERT_ERR(fd_read_file("/nowhere/f", 2, &b, &err), -ENOENT);
	ASSERT_ERR(fd_write_file("/nowhere/f", STR(""), 0600, &err), -ENOENT);
	buf_fini(&b);
}

TEST(a_directory_is_made_once)
{
	char path[128];
	struct err err;

	snprintf(path, sizeof(path), "%s/d", test_tmpdir());
	ASSERT_OK(fd_make_dir(path, 0700, &err));
	ASSERT_OK(fd_make_dir(path, 0700, &err));
	ASSERT_ERR(fd_make_dir("/nowhere/d", 0700, &err), -ENOENT);
	ASSERT_STREQ(err.msg, "make directory '/nowhere/d': No such file or directory");
}
