/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pause.h"

#include "agent/socket.h"
#include "base/dir.h"
#include "base/fd.h"
#include "base/process.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static int conn = -1;
static pid_t pause_pid;

/* The pause outlives everybody, and holds our output: a process of its own ends it, however the
 * test ends (a failed assertion leaves by _exit, the deadline by a signal). */
static void guard(void)
{
	int ends[2];
	pid_t pid;
	char c;

	ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	ASSERT_TRUE(pid >= 0);
	if (pid > 0) {
		close(ends[0]); /* ends[1] is closed when the test has ended */
		return;
	}
	close(ends[1]);
	while (read(ends[0], &c, 1) < 0 && errno == EINTR)
		;
	kill(pause_pid, SIGKILL);
	_exit(0);
}

/* A Pod's directory, a pause over it, and a connection to it. */
static void set_up(void)
{
	_cleanup_(mem_freep) char *containers = NULL, *logs = NULL, *etc = NULL, *file = NULL;
	_cleanup_(mem_freep) char *sock = NULL, *pid_file = NULL;
	struct agent_pause_config c = {.hostname = "web-0"};
	uint64_t start;
	struct err err;
	pid_t pid;
	int status;

	if (geteuid() != 0)
		test_skip("needs root to make namespaces");
	dir = mem_xprintf("%s/pod", test_tmpdir());
	containers = mem_xprintf("%s/container", dir);
	logs = mem_xprintf("%s/log", dir);
	etc = mem_xprintf("%s/etc", dir);
	file = mem_xprintf("%s/etc/hosts", dir);
	ASSERT_OK(dir_make_all(containers, &err));
	ASSERT_OK(dir_make_all(logs, &err));
	ASSERT_OK(dir_make_all(etc, &err));
	ASSERT_OK(fd_write_file(file, STR("10.244.1.5 web-0\n"), 0644, &err));
	c.dir = dir;
	pid = fork();
	if (pid == 0) {
		int r = agent_pause_run(&c, &err);

		if (r < 0)
			fprintf(stderr, "# %s\n", err.msg);
		_exit(r < 0 ? (r == -EPERM ? 2 : 1) : 0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		test_skip("no namespaces here");
	ASSERT_EQ(status, 0);
	pid_file = mem_xprintf("%s/pid", dir);
	ASSERT_OK(process_read(pid_file, &pause_pid, &start, &err));
	ASSERT_TRUE(process_is(pause_pid, start));
	guard();
	sock = mem_xprintf("%s/pause.sock", dir);
	ASSERT_OK(conn = agent_socket_connect(sock, &err));
}

static void send_words(const char *words, size_t len)
{
	ASSERT_EQ(send(conn, words, len, 0), len);
}
#define SEND(lit) send_words("" lit, sizeof(lit))

/* The next message, its NULs shown as blanks. */
static const char *receive(void)
{
	static char msg[4096];
	struct pollfd p = {.fd = conn, .events = POLLIN};
	ssize_t n;

	ASSERT_EQ(poll(&p, 1, 10000), 1);
	n = recv(conn, msg, sizeof(msg) - 1, 0);
	ASSERT_TRUE(n > 0);
	for (ssize_t i = 0; i + 1 < n; i++)
		if (!msg[i])
			msg[i] = ' ';
	return msg;
}

static void write_spec(const char *name, struct str text)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/container/%s", dir, name);
	_cleanup_(mem_freep) char *log = mem_xprintf("%s/log", dir);
	struct buf b = BUF_INIT;
	struct err err;

	buf_add(&b, "log", 4);
	buf_add(&b, log, strlen(log) + 1);
	buf_add_str(&b, text);
	ASSERT_OK(fd_write_file(path, buf_str(&b), 0600, &err));
	buf_fini(&b);
}

static void expect_prefix(const char *want)
{
	struct str got = str_of(receive());

	ASSERT_STR(str_sub(got, 0, strlen(want)), str_of(want));
}

static void expect_log(const char *file, const char *part)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/log/%s", dir, file);
	struct buf b = BUF_INIT;
	struct err err;

	ASSERT_OK(fd_read_file(path, 1 << 20, &b, &err));
	if (!strstr(b.ptr, part))
		test_fail(__FILE__, __LINE__, "'%s' is not in: %s", part, b.ptr);
	buf_fini(&b);
}

TEST(runs_a_container_writes_its_log_and_tells_its_end)
{
	struct str got;

	set_up();
	write_spec("web", STR("cwd\0/tmp\0env\0GREET=hello\0arg\0/bin/sh\0arg\0-c\0arg\0"
			      "echo $GREET $(hostname) $(pwd); cat /etc/hosts; printf end >&2; "
			      "exit 3\0"));
	SEND("start\0web\0004");
	expect_prefix("running web 4 ");
	got = str_of(receive());
	ASSERT_TRUE(str_has_prefix(got, STR("ended web 4 ")));
	ASSERT_TRUE(str_has_suffix(got, STR(" 3 0")));
	expect_log("4.log", " stdout F hello web-0 /tmp\n");
	expect_log("4.log", " stdout F 10.244.1.5 web-0\n");
	expect_log("4.log", " stderr F end\n");
}

TEST(a_container_that_cannot_start_says_why)
{
	set_up();
	write_spec("web", STR("arg\0/nonexistent\0"));
	SEND("start\0web\0000");
	ASSERT_STREQ(receive(), "failed web 0 exec '/nonexistent': No such file or directory");
	SEND("start\0none\0000");
	expect_prefix("failed none 0 open");
}

TEST(signals_execs_and_lists)
{
	set_up();
	write_spec("web", STR("arg\0/bin/sleep\0arg\00060\0"));
	SEND("start\0web\0000");
	expect_prefix("running web 0 ");
	SEND("exec\0p1\0web\0/bin/sh\0-c\0test -d /proc/2");
	ASSERT_STREQ(receive(), "done p1 0 0");
	SEND("exec\0p2\0web\0/bin/sh\0-c\0exit 5");
	ASSERT_STREQ(receive(), "done p2 5 0");
	SEND("exec\0p3\0web\0/nonexistent");
	ASSERT_STREQ(receive(), "done p3 -1 0 exec '/nonexistent': No such file or directory");
	SEND("exec\0p4\0web\0/bin/sleep\00060");
	SEND("cancel\0p4");
	ASSERT_STREQ(receive(), "done p4 137 9");
	SEND("signal\0web\00015");
	expect_prefix("ended web 0 ");
	SEND("list");
	expect_prefix("ended web 0 ");
	ASSERT_STREQ(receive(), "listed");
}

TEST(an_exec_runs_on_the_descriptors_that_come_with_it)
{
	static const char words[] = "exec\0e1\0web\0/bin/sh\0-c\0read a; echo got $a; echo err >&2";
	union {
		struct cmsghdr align;
		char text[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(char *)(uintptr_t)words, sizeof(words)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.text,
			     .msg_controllen = sizeof(control.text)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int in[2], out[2], child[3];
	char text[64];

	set_up();
	write_spec("web", STR("arg\0/bin/sleep\0arg\00060\0"));
	ASSERT_EQ(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
	child[0] = in[0];
	child[1] = child[2] = out[1];
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(child));
	memcpy(CMSG_DATA(c), child, sizeof(child));
	ASSERT_TRUE(sendmsg(conn, &msg, 0) > 0);
	close(in[0]);
	close(out[1]);
	ASSERT_EQ(write(in[1], "this\n", 5), 5);
	ASSERT_STREQ(receive(), "done e1 0 0");
	/* Nobody else holds the other ends: what was printed is followed by the end. */
	ASSERT_EQ(read(out[0], text, sizeof(text)), 13);
	ASSERT_STR(str_n(text, 13), STR("got this\nerr\n"));
	ASSERT_EQ(read(out[0], text, sizeof(text)), 0);
}

TEST(a_container_reads_what_is_written_to_its_fifo)
{
	_cleanup_(mem_freep) char *path = NULL;
	struct buf spec = BUF_INIT;
	int fd;

	set_up();
	path = mem_xprintf("%s/container/web.stdin", dir);
	buf_add_str(&spec, STR("stdin\0"));
	buf_add(&spec, path, strlen(path) + 1);
	buf_add_str(&spec, STR("arg\0/bin/sh\0arg\0-c\0arg\0while read a; do echo got $a; done; "
			       "echo end\0"));
	write_spec("web", buf_str(&spec));
	buf_fini(&spec);
	SEND("start\0web\0000");
	expect_prefix("running web 0 ");
	/* Writers come and go. */
	for (int i = 0; i < 2; i++) {
		ASSERT_TRUE((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) >= 0);
		ASSERT_EQ(write(fd, i ? "two\n" : "one\n", 4), 4);
		close(fd);
	}
	SEND("close\0web");
	expect_prefix("ended web 0 ");
	expect_log("0.log", " stdout F got one\n");
	expect_log("0.log", " stdout F got two\n");
	expect_log("0.log", " stdout F end\n");
	ASSERT_EQ(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), -1);
	ASSERT_EQ(errno, ENOENT);
}

TEST(nonsense_is_survived)
{
	static const char no_nul[] = {'s', 't', 'a', 'r', 't'};
	_cleanup_(mem_freep) char *sock = NULL;
	struct pollfd p;
	char c;
	struct err err;

	set_up();
	SEND("");
	SEND("start");
	SEND("start\0");
	SEND("signal\0nobody\0009");
	SEND("exec\0p1");
	SEND("unknown\0a\0b");
	SEND("list");
	ASSERT_STREQ(receive(), "listed");
	send_words(no_nul, sizeof(no_nul));
	p = (struct pollfd){.fd = conn, .events = POLLIN};
	ASSERT_EQ(poll(&p, 1, 10000), 1);
	ASSERT_EQ(recv(conn, &c, 1, 0), 0);
	close(conn);
	sock = mem_xprintf("%s/pause.sock", dir);
	ASSERT_OK(conn = agent_socket_connect(sock, &err));
	SEND("list");
	ASSERT_STREQ(receive(), "listed");
}
