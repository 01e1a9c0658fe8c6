/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ask.h"

#include "loop/loop.h"
#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static struct agent agent;
static struct agent_sandbox box;
static struct agent_place place;
static struct agent_ask *asked;
static int n_answers;
static bool was_ok;
static char why[256];

static void on_change(struct agent_place *p)
{
}

static void on_answer(void *ctx, bool is_ok, const char *text)
{
	n_answers++;
	was_ok = is_ok;
	snprintf(why, sizeof(why), "%s", text);
	agent_ask_free(asked);
}

static void set_up(void)
{
	agent.loop = loop_new();
	agent_place_init(&place, &agent, on_change);
	box.n_addrs = 1;
	box.addrs[0] = ip_from_v4(0x7f000001);
	place.box = &box;
}

/* Asks, and runs the loop until the answer has come. */
static void ask(const struct api_probe *how, int64_t timeout_ms)
{
	static const struct api_container container;

	n_answers = 0;
	asked = agent_ask_new(&(struct agent_ask_config){.place = &place,
							 .container = &container,
							 .name = "c",
							 .how = how,
							 .agent_name = "test/1",
							 .timeout_ms = timeout_ms,
							 .on_answer = on_answer});
	ASSERT_EQ(n_answers, 0); /* never from inside */
	for (int i = 0; i < 1000 && !n_answers; i++)
		loop_turn(agent.loop, 100);
	ASSERT_EQ(n_answers, 1);
}

TEST(a_sleep_is_answered_by_its_end)
{
	struct api_probe how = {.kind = API_PROBE_SLEEP};

	set_up();
	ask(&how, 1000);
	ASSERT_TRUE(was_ok);
	how.sleep_s = 600;
	ask(&how, 10);
	ASSERT_TRUE(!was_ok);
	ASSERT_STREQ(why, "no answer in time");
	loop_free(agent.loop);
}

TEST(what_cannot_be_asked_is_answered_with_the_reason)
{
	const struct str words[] = {STR("true")};
	struct api_probe how = {.kind = API_PROBE_EXEC, .command = {words, 1}};

	set_up();
	ask(&how, 1000);
	ASSERT_TRUE(!was_ok && strstr(why, "the Pod's first process is not there"));
	how = (struct api_probe){.kind = API_PROBE_TCP, .port = {.is_str = true, .name = STR("x")}};
	ask(&how, 1000);
	ASSERT_TRUE(!was_ok && strstr(why, "no port of this name"));
	loop_free(agent.loop);
}

TEST(a_port_is_open_or_not)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct api_probe how = {.kind = API_PROBE_TCP};
	socklen_t len = sizeof(sa);

	set_up();
	ASSERT_EQ(bind(sock, (struct sockaddr *)&sa, len), 0);
	ASSERT_EQ(getsockname(sock, (struct sockaddr *)&sa, &len), 0);
	how.port.number = ntohs(sa.sin_port);
	ask(&how, 10000);
	ASSERT_TRUE(!was_ok); /* nobody listens yet */
	ASSERT_EQ(listen(sock, 1), 0);
	ask(&how, 10000);
	ASSERT_TRUE(was_ok);
	close(sock);
	loop_free(agent.loop);
}
