/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pause-client.h"

#include "agent/pause.h"
#include "agent/socket.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct agent_pause_client *client;
static int listener = -1, peer = -1;
static int n_messages, n_settled, n_lost;
static bool is_freeing;

static void on_message(void *ctx, struct str msg)
{
	ASSERT_TRUE(ctx == &n_messages);
	ASSERT_STR(msg, str_n("said\0", 5));
	n_messages++;
	if (is_freeing)
		agent_pause_client_free(TAKE_PTR(client));
}

static void on_settled(void *ctx)
{
	n_settled++;
}

static void on_lost(void *ctx)
{
	n_lost++;
}

static const struct agent_pause_client_ops ops = {
	.on_message = on_message, .on_settled = on_settled, .on_lost = on_lost};

static void set_up(void)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", test_tmpdir());
	struct err err;

	loop = loop_new();
	ASSERT_OK(listener = agent_socket_listen(path, &err));
	ASSERT_OK(agent_pause_client_new(loop, path, &ops, &n_messages, &client, &err));
	ASSERT_TRUE((peer = accept(listener, NULL, NULL)) >= 0);
}

static void tear_down(void)
{
	agent_pause_client_free(client);
	fd_close(peer);
	fd_close(listener);
	loop_free(loop);
}

static int send_number(int i, struct err *err)
{
	char text[1000];
	const char *words[] = {"exec", text, NULL};

	memset(text, '.', sizeof(text));
	snprintf(text, sizeof(text), "%d", i);
	return agent_pause_client_send(client, words, NULL, err);
}

static void expect_number(int i)
{
	char want[64], got[64];
	int n = snprintf(want, sizeof(want), "exec%c%d", 0, i) + 1;

	ASSERT_EQ(recv(peer, got, sizeof(got), 0), n);
	ASSERT_STR(str_n(got, (size_t)n), str_n(want, (size_t)n));
}

TEST(a_pause_that_is_slow_gets_every_message_in_order)
{
	struct err err;

	set_up();
	for (int i = 0; i < 3000; i++)
		ASSERT_OK(send_number(i, &err));
	for (int i = 0; i < 3000; i++) {
		loop_turn(loop, 0);
		expect_number(i);
	}
	ASSERT_EQ(n_lost, 0);
	tear_down();
}

TEST(a_pause_that_does_not_read_is_an_error)
{
	struct err err;
	int n = 0;

	set_up();
	while (send_number(n, &err) == 0)
		n++;
	ASSERT_EQ(err.code, ERR_LIMIT);
	ASSERT_TRUE(strstr(err.msg, "none is taken"));
	ASSERT_TRUE(n > AGENT_SOCKET_QUEUE_PACKETS);
	tear_down();
}

TEST(a_command_that_is_too_long_is_refused)
{
	static char text[AGENT_PAUSE_MESSAGE_MAX];
	const char *words[] = {"exec", text, NULL};
	struct err err;

	set_up();
	memset(text, 'x', sizeof(text) - 1);
	ASSERT_ERR(agent_pause_client_send(client, words, NULL, &err), ERR_TOO_LARGE);
	tear_down();
}

TEST(messages_are_told_and_then_the_end_once)
{
	const char *words[] = {"list", NULL};
	struct err err;

	set_up();
	ASSERT_EQ(send(peer, "said", 5, 0), 5);
	ASSERT_EQ(send(peer, "said", 5, 0), 5);
	fd_close(peer);
	peer = -1;
	loop_turn(loop, 1000);
	loop_turn(loop, 0);
	ASSERT_EQ(n_messages, 2);
	ASSERT_EQ(n_lost, 1);
	ASSERT_TRUE(n_settled >= 1);
	ASSERT_ERR(agent_pause_client_send(client, words, NULL, &err), -EPIPE);
	tear_down();
}

TEST(it_may_be_freed_by_what_it_tells)
{
	set_up();
	is_freeing = true;
	ASSERT_EQ(send(peer, "said", 5, 0), 5);
	ASSERT_EQ(send(peer, "said", 5, 0), 5);
	loop_turn(loop, 1000);
	loop_turn(loop, 0);
	ASSERT_EQ(n_messages, 1);
	ASSERT_EQ(n_settled + n_lost, 0);
	tear_down();
}

TEST(no_pause_is_told_at_once)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", test_tmpdir());
	struct err err;

	loop = loop_new();
	ASSERT_ERR(agent_pause_client_new(loop, path, &ops, NULL, &client, &err), -ENOENT);
	ASSERT_OK(listener = agent_socket_listen(path, &err));
	fd_close(listener);
	ASSERT_ERR(agent_pause_client_new(loop, path, &ops, NULL, &client, &err), -ECONNREFUSED);
	loop_free(loop);
}
