/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status.h"

#include "tests/harness/test.h"

static const struct api_container web = {.name = {"web", 3}, .image = {"web:1", 5}};
static const struct api_container db = {.name = {"db", 2}};
static struct api_pod pod;
static struct agent_container_view containers[2];
static struct agent_pod_view view;
static struct arena arena;

static void set_up(const char *policy)
{
	arena_init(&arena, 0);
	pod = (struct api_pod){.restart_policy = str_of(policy), .meta = {.uid = {"u-1", 3}}};
	containers[0] = (struct agent_container_view){.spec = &web};
	containers[1] = (struct agent_container_view){.spec = &db};
	view = (struct agent_pod_view){.pod = &pod,
				       .containers = containers,
				       .n_containers = 2,
				       .has_sandbox = true,
				       .started_ns = 1000000000,
				       .now_ns = 5000000000};
}

static void run(int i, enum agent_run how, int exit_code)
{
	containers[i].now = (struct agent_run_state){
		.run = how, .exit_code = exit_code, .started_ns = 2000000000};
	containers[i].is_started = containers[i].is_ready = how == AGENT_RUNNING;
}

static const char *path(struct json *o, const char *p)
{
	return str_cstr(&arena, json_string(json_path(o, p)));
}

static struct json *find_condition(struct json *o, const char *type)
{
	json_foreach(c, json_get(o, "conditions"))
		if (str_eq_c(json_get_string(c, "type"), type))
			return c;
	return NULL;
}

TEST(phases)
{
	static const struct {
		const char *policy;
		enum agent_run a, b;
		int exit_a, exit_b;
		enum agent_phase want;
	} cases[] = {
		{"Always", AGENT_WAITING, AGENT_WAITING, 0, 0, AGENT_PENDING},
		{"Always", AGENT_RUNNING, AGENT_WAITING, 0, 0, AGENT_PENDING},
		{"Always", AGENT_RUNNING, AGENT_RUNNING, 0, 0, AGENT_RUNNING_PHASE},
		{"Always", AGENT_ENDED, AGENT_ENDED, 0, 1, AGENT_RUNNING_PHASE},
		{"Always", AGENT_ENDED, AGENT_ENDED, 0, 0, AGENT_RUNNING_PHASE},
		{"OnFailure", AGENT_ENDED, AGENT_ENDED, 0, 0, AGENT_SUCCEEDED},
		{"OnFailure", AGENT_ENDED, AGENT_ENDED, 0, 1, AGENT_RUNNING_PHASE},
		{"Never", AGENT_ENDED, AGENT_ENDED, 0, 0, AGENT_SUCCEEDED},
		{"Never", AGENT_ENDED, AGENT_ENDED, 0, 1, AGENT_FAILED},
		{"Never", AGENT_RUNNING, AGENT_ENDED, 0, 1, AGENT_RUNNING_PHASE},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		set_up(cases[i].policy);
		run(0, cases[i].a, cases[i].exit_a);
		run(1, cases[i].b, cases[i].exit_b);
		ASSERT_EQ(agent_status_phase(&view), cases[i].want);
		arena_fini(&arena);
	}
}

TEST(a_crash_that_waits_keeps_the_phase)
{
	set_up("Always");
	run(0, AGENT_RUNNING, 0);
	containers[1].last = (struct agent_run_state){.run = AGENT_ENDED, .exit_code = 1};
	containers[1].now = (struct agent_run_state){.reason = "CrashLoopBackOff"};
	ASSERT_EQ(agent_status_phase(&view), AGENT_RUNNING_PHASE);
	ASSERT_FALSE(agent_status_is_ready(&view));
	arena_fini(&arena);
}

TEST(ready_needs_every_container_and_goes_at_once)
{
	struct json *o;

	set_up("Always");
	run(0, AGENT_RUNNING, 0);
	run(1, AGENT_RUNNING, 0);
	ASSERT_TRUE(agent_status_is_ready(&view));
	containers[1].is_ready = false;
	ASSERT_FALSE(agent_status_is_ready(&view));
	o = agent_status_make(&arena, &view);
	ASSERT_STREQ(path(find_condition(o, "Ready"), "status"), "False");
	ASSERT_STREQ(path(find_condition(o, "Ready"), "reason"), "ContainersNotReady");
	ASSERT_STREQ(path(find_condition(o, "ContainersReady"), "message"),
		     "containers with unready status: [db]");
	containers[1].is_ready = true;
	containers[1].now.run = AGENT_ENDED;
	ASSERT_FALSE(agent_status_is_ready(&view));
	arena_fini(&arena);
}

TEST(the_whole_object)
{
	struct ip_addr ip = ip_from_v4(0x0af40105), host = ip_from_v4(0xc633640b);
	struct json *o, *s;

	set_up("Always");
	run(0, AGENT_RUNNING, 0);
	run(1, AGENT_ENDED, 137);
	containers[1].now.signal = 9;
	containers[1].restarts = 2;
	view.pod_addrs = &ip;
	view.host_addrs = &host;
	view.n_pod_addrs = view.n_host_addrs = 1;
	o = agent_status_make(&arena, &view);
	ASSERT_STREQ(path(o, "phase"), "Running");
	ASSERT_STREQ(path(o, "podIP"), "10.244.1.5");
	ASSERT_STREQ(path(o, "hostIP"), "198.51.100.11");
	ASSERT_STREQ(path(json_at(json_get(o, "podIPs"), 0), "ip"), "10.244.1.5");
	ASSERT_STREQ(path(o, "startTime"), "1970-01-01T00:00:01Z");
	s = json_at(json_get(o, "containerStatuses"), 0);
	ASSERT_STREQ(path(s, "state.running.startedAt"), "1970-01-01T00:00:02Z");
	ASSERT_STREQ(path(s, "containerID"), "fairlead://u-1/web/0");
	s = json_at(json_get(o, "containerStatuses"), 1);
	ASSERT_EQ(json_get_int(s, "restartCount", 0), 2);
	ASSERT_EQ(json_get_int(json_path(s, "state.terminated"), "exitCode", 0), 137);
	ASSERT_EQ(json_get_int(json_path(s, "state.terminated"), "signal", 0), 9);
	ASSERT_STREQ(path(s, "state.terminated.reason"), "Error");
	arena_fini(&arena);
}

TEST(transitions_keep_their_time)
{
	static const struct api_condition was[] = {
		{.type = {"Ready", 5}, .status = {"True", 4}, .transition_ns = 3000000000},
		{.type = {"example.com/gate", 16}, .status = {"True", 4}},
	};
	struct agent_transition t[AGENT_CONDITIONS] = {0};
	struct json *o;

	set_up("Always");
	pod.conditions = was;
	pod.n_conditions = 2;
	run(0, AGENT_RUNNING, 0);
	run(1, AGENT_RUNNING, 0);
	agent_status_advance(&view, t);
	view.transitions = t;
	o = agent_status_make(&arena, &view);
	ASSERT_STREQ(path(find_condition(o, "Ready"), "lastTransitionTime"),
		     "1970-01-01T00:00:03Z");
	ASSERT_TRUE(find_condition(o, "example.com/gate") != NULL);
	run(1, AGENT_ENDED, 0);
	agent_status_advance(&view, t);
	view.now_ns += 5000000000;
	agent_status_advance(&view, t);
	o = agent_status_make(&arena, &view);
	ASSERT_STREQ(path(find_condition(o, "Ready"), "lastTransitionTime"),
		     "1970-01-01T00:00:05Z");
	arena_fini(&arena);
}

TEST(init_containers_come_first)
{
	static const struct api_container setup = {.name = {"setup", 5}};
	struct agent_container_view init = {.spec = &setup};
	struct json *o;

	set_up("Never");
	view.inits = &init;
	view.n_inits = 1;
	o = agent_status_make(&arena, &view);
	ASSERT_STREQ(path(find_condition(o, "Initialized"), "message"),
		     "containers with incomplete status: [setup]");
	init.now = (struct agent_run_state){.run = AGENT_ENDED, .exit_code = 1};
	ASSERT_EQ(agent_status_phase(&view), AGENT_FAILED);
	init.now.exit_code = 0;
	ASSERT_EQ(agent_status_phase(&view), AGENT_PENDING);
	arena_fini(&arena);
}
