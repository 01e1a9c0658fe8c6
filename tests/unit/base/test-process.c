/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "tests/harness/test.h"

#include <sys/wait.h>
#include <unistd.h>

TEST(a_process_is_told_by_its_start)
{
	uint64_t start;
	struct err err;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ASSERT_OK(process_start(getpid(), &start, &err));
	ASSERT_TRUE(process_is(getpid(), start));
	ASSERT_FALSE(process_is(getpid(), start + 1));
	ASSERT_FALSE(process_is(0, 0));
	waitpid(pid, NULL, 0);
	ASSERT_ERR(process_start(pid, &start, &err), ERR_NOT_FOUND);
}

TEST(a_file_says_which)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pid", test_tmpdir());
	uint64_t start;
	struct err err;
	pid_t pid;

	ASSERT_OK(process_write(path, getpid(), 0600, &err));
	ASSERT_OK(process_read(path, &pid, &start, &err));
	ASSERT_EQ(pid, getpid());
	ASSERT_TRUE(process_is(pid, start));
}
