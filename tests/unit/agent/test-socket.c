/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket.h"

#include "base/dir.h"
#include "base/fd.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

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

static struct str number(int i)
{
	static char text[1024];

	memset(text, '.', sizeof(text));
	snprintf(text, sizeof(text), "%d", i);
	return str_n(text, sizeof(text));
}

static void expect_number(int sock, int want)
{
	char text[2048];

	ASSERT_EQ(recv(sock, text, sizeof(text), MSG_DONTWAIT), 1024);
	ASSERT_STR(str_n(text, 1024), number(want));
}

TEST(what_a_slow_reader_has_no_room_for_waits_in_order)
{
	struct agent_socket_queue q;
	struct err err;
	int ends[2], read = 0;

	agent_socket_queue_init(&q);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	for (int i = 0; i < 1000; i++)
		ASSERT_OK(agent_socket_send(&q, ends[0], number(i), NULL, &err));
	ASSERT_TRUE(!agent_socket_queue_is_empty(&q));
	ASSERT_TRUE(q.n < 1000);
	while (!agent_socket_queue_is_empty(&q)) {
		expect_number(ends[1], read++);
		ASSERT_OK(agent_socket_flush(&q, ends[0], &err));
	}
	while (read < 1000)
		expect_number(ends[1], read++);
	agent_socket_queue_fini(&q);
	close(ends[0]);
	close(ends[1]);
}

TEST(a_reader_that_never_reads_is_an_error)
{
	struct agent_socket_queue q;
	struct err err;
	int ends[2], n = 0, r;

	agent_socket_queue_init(&q);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	while ((r = agent_socket_send(&q, ends[0], number(n), NULL, &err)) == 0)
		n++;
	ASSERT_EQ(r, ERR_LIMIT);
	ASSERT_TRUE(q.n <= AGENT_SOCKET_QUEUE_PACKETS && q.bytes <= AGENT_SOCKET_QUEUE_BYTES);
	ASSERT_TRUE(n > 4000);
	/* The first that was refused is not sent later either. */
	for (int i = 0; i < n; i++) {
		expect_number(ends[1], i);
		ASSERT_OK(agent_socket_flush(&q, ends[0], &err));
	}
	ASSERT_EQ(recv(ends[1], &r, sizeof(r), MSG_DONTWAIT), -1);
	agent_socket_queue_fini(&q);
	close(ends[0]);
	close(ends[1]);
}

TEST(descriptors_wait_with_their_packet)
{
	struct agent_socket_queue q;
	struct err err;
	int ends[2], pipe_ends[2], fds[3], n = 0;
	union {
		struct cmsghdr align;
		char text[CMSG_SPACE(3 * sizeof(int))];
	} control;
	char text[2048];
	struct iovec iov = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.text,
			     .msg_controllen = sizeof(control.text)};

	agent_socket_queue_init(&q);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	ASSERT_EQ(pipe(pipe_ends), 0);
	while (agent_socket_queue_is_empty(&q))
		ASSERT_OK(agent_socket_send(&q, ends[0], number(n++), NULL, &err));
	fds[0] = fds[1] = fds[2] = pipe_ends[1];
	ASSERT_OK(agent_socket_send(&q, ends[0], STR("with"), fds, &err));
	close(pipe_ends[1]);
	for (int i = 0; i < n; i++) {
		expect_number(ends[1], i);
		ASSERT_OK(agent_socket_flush(&q, ends[0], &err));
	}
	ASSERT_EQ(recvmsg(ends[1], &msg, MSG_DONTWAIT), 4);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
	ASSERT_EQ(write(fds[2], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	/* Nobody holds the other end any more. */
	ASSERT_EQ(read(pipe_ends[0], text, sizeof(text)), 1);
	ASSERT_EQ(read(pipe_ends[0], text, sizeof(text)), 0);
	close(pipe_ends[0]);
	close(ends[0]);
	close(ends[1]);
}

TEST(a_peer_that_is_gone_is_an_error)
{
	struct agent_socket_queue q;
	struct err err;
	int ends[2];

	agent_socket_queue_init(&q);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	ASSERT_ERR(agent_socket_send(&q, ends[0], STR("x"), NULL, &err), -EPIPE);
	ASSERT_TRUE(agent_socket_queue_is_empty(&q));
	close(ends[0]);
}
