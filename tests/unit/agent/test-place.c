/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/place.h"

#include "agent/pause-client.h"
#include "agent/session.h"
#include "agent/socket.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <sys/socket.h>

static struct agent agent;
static struct agent_place place;
static struct agent_errand errand;
static int listener = -1, peer = -1;
static int n_done, exit_code;
static char failure[128];

static void on_change(struct agent_place *p)
{
}

static void on_message(void *ctx, struct str msg)
{
}

static void ignore(void *ctx)
{
}

static void on_done(void *ctx, int code, struct str text)
{
	ASSERT_TRUE(ctx == &errand);
	n_done++;
	exit_code = code;
	snprintf(failure, sizeof(failure), "%.*s", STR_ARG(text));
}

static void set_up(void)
{
	static const struct agent_pause_client_ops ops = {
		.on_message = on_message, .on_settled = ignore, .on_lost = ignore};
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/pause.sock", test_tmpdir());
	struct err err;

	agent.loop = loop_new();
	agent_place_init(&place, &agent, on_change);
	ASSERT_OK(listener = agent_socket_listen(path, &err));
	ASSERT_OK(agent_pause_client_new(agent.loop, path, &ops, NULL, &place.pause, &err));
	ASSERT_TRUE((peer = accept(listener, NULL, NULL)) >= 0);
	errand.on_done = on_done;
	errand.ctx = &errand;
}

static void tear_down(void)
{
	agent_pause_client_free(place.pause);
	fd_close(peer);
	fd_close(listener);
	loop_free(agent.loop);
}

/* What the pause has got, its NULs shown as blanks. */
static const char *receive(void)
{
	static char msg[256];
	ssize_t n = recv(peer, msg, sizeof(msg) - 1, MSG_DONTWAIT);

	ASSERT_TRUE(n > 0);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!msg[i])
			msg[i] = ' ';
	return msg;
}

static void run(void)
{
	const char *words[] = {"true", "x", NULL};
	_cleanup_(mem_freep) char *want = NULL;
	struct err err;

	ASSERT_OK(agent_errand_start(&errand, &place, "web", words, NULL, &err));
	want = mem_xprintf("exec %s web true x", errand.id);
	ASSERT_STREQ(receive(), want);
}

TEST(an_errand_is_told_once_how_it_ended)
{
	char id[sizeof(errand.id)];

	set_up();
	run();
	snprintf(id, sizeof(id), "%s", errand.id);
	agent_place_on_done(&place, STR("other"), 0, STR(""));
	ASSERT_EQ(n_done, 0);
	agent_place_on_done(&place, str_of(id), 5, STR(""));
	agent_place_on_done(&place, str_of(id), 6, STR(""));
	ASSERT_EQ(n_done, 1);
	ASSERT_EQ(exit_code, 5);
	run();
	ASSERT_TRUE(strcmp(id, errand.id) != 0);
	agent_place_end_errands(&place, "it has ended");
	agent_place_end_errands(&place, "it has ended");
	ASSERT_EQ(n_done, 2);
	ASSERT_EQ(exit_code, -1);
	ASSERT_STREQ(failure, "it has ended");
	tear_down();
}

TEST(one_that_is_cancelled_is_told_nothing)
{
	_cleanup_(mem_freep) char *want = NULL;

	set_up();
	run();
	want = mem_xprintf("cancel %s", errand.id);
	agent_errand_cancel(&errand);
	ASSERT_STREQ(receive(), want);
	agent_place_on_done(&place, str_of(errand.id), 137, STR(""));
	agent_place_end_errands(&place, "it has ended");
	agent_errand_cancel(&errand);
	ASSERT_EQ(n_done, 0);
	tear_down();
}

TEST(without_a_pause_nothing_is_sent)
{
	const char *words[] = {"true", NULL};
	struct err err;

	set_up();
	agent_pause_client_free(place.pause);
	place.pause = NULL;
	ASSERT_ERR(agent_errand_start(&errand, &place, "web", words, NULL, &err), -EPIPE);
	agent_errand_cancel(&errand);
	ASSERT_EQ(n_done, 0);
	tear_down();
}

static int n_lost;

static void on_lost(struct agent_session *s)
{
	n_lost++;
	agent_session_end(s);
}

TEST(sessions_are_counted_and_end_with_what_runs)
{
	struct agent_session s[AGENT_SESSIONS_MAX], more;
	struct err err;

	set_up();
	for (size_t i = 0; i < ARRAY_LEN(s); i++)
		ASSERT_OK(agent_session_begin(&s[i], &place, on_lost, &err));
	ASSERT_ERR(agent_session_begin(&more, &place, on_lost, &err), ERR_TOO_MANY);
	agent_session_end(&s[7]);
	ASSERT_OK(agent_session_begin(&more, &place, on_lost, &err));
	agent_place_end_sessions(&place);
	ASSERT_EQ(n_lost, AGENT_SESSIONS_MAX);
	ASSERT_EQ(agent.n_sessions, 0);
	ASSERT_TRUE(!s[0].place);
	tear_down();
}
