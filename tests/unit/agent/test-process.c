/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include "base/fd.h"
#include "tests/harness/test.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(a_process_is_told_by_its_start)
{
	uint64_t start;
	struct err err;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	ASSERT_OK(agent_process_start(getpid(), &start, &err));
	ASSERT_TRUE(agent_process_is(getpid(), start));
	ASSERT_FALSE(agent_process_is(getpid(), start + 1));
	ASSERT_FALSE(agent_process_is(0, 0));
	waitpid(pid, NULL, 0);
	ASSERT_ERR(agent_process_start(pid, &start, &err), ERR_NOT_FOUND);
}

TEST(sockets_at_long_paths_and_trees)
{
	const char *tmp = test_tmpdir();
	_cleanup_(mem_freep) char *dir = mem_xprintf("%s/%0100d/b", tmp, 7);
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/x.sock", dir);
	_cleanup_(fd_closep) int listener = -1, conn = -1;
	struct err err;

	ASSERT_OK(agent_process_make_dirs(dir, &err));
	ASSERT_OK(agent_process_make_dirs(dir, &err));
	ASSERT_OK(listener = agent_process_listen(path, &err));
	ASSERT_OK(conn = agent_process_connect(path, &err));
	ASSERT_OK(agent_process_remove_tree(dir, &err));
	ASSERT_OK(agent_process_remove_tree(dir, &err));
	ASSERT_TRUE(access(dir, F_OK) < 0);
}
