/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket.h"

#include "base/dir.h"
#include "base/fd.h"
#include "tests/harness/test.h"

TEST(a_path_may_be_longer_than_an_address)
{
	_cleanup_(mem_freep) char *dir = mem_xprintf("%s/%0100d/b", test_tmpdir(), 7);
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/x.sock", dir);
	_cleanup_(fd_closep) int listener = -1, conn = -1;
	struct err err;

	ASSERT_OK(dir_make_all(dir, &err));
	ASSERT_OK(listener = agent_socket_listen(path, &err));
	ASSERT_OK(conn = agent_socket_connect(path, &err));
}
