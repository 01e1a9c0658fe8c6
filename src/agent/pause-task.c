/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pause-task.h"

#include "agent/pause.h"
#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void agent_tasks_init(struct agent_tasks *ts, const char *dir)
{
	*ts = (struct agent_tasks){.dir = dir, .conn = -1};
	list_init(&ts->list);
	agent_socket_queue_init(&ts->queue);
}

/* ---- messages ----------------------------------------------------------------------------- */

void agent_tasks_set_agent(struct agent_tasks *ts, int conn)
{
	fd_close(ts->conn);
	ts->conn = conn;
	agent_socket_queue_fini(&ts->queue);
}

/* An agent that went away asks with "list" when it is back; so does one that did not read for so
 * long that it has missed something, and finds itself disconnected. */
static void tell(struct agent_tasks *ts, const struct buf *b)
{
	if (ts->conn >= 0 && agent_socket_send(&ts->queue, ts->conn, buf_str(b), NULL, NULL) < 0)
		agent_tasks_set_agent(ts, -1);
}

void agent_tasks_flush(struct agent_tasks *ts)
{
	if (ts->conn >= 0 && agent_socket_flush(&ts->queue, ts->conn, NULL) < 0)
		agent_tasks_set_agent(ts, -1);
}

static void add(struct buf *b, const char *fmt, ...) _printf_(2, 3);

static void add(struct buf *b, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add(b, text, strlen(text) + 1);
}

static int exit_code(const struct agent_task *t)
{
	if (t->state == AGENT_TASK_FAILED)
		return -1;
	return WIFSIGNALED(t->status) ? 128 + WTERMSIG(t->status) : WEXITSTATUS(t->status);
}

static void tell_state(struct agent_tasks *ts, const struct agent_task *t)
{
	int sig = t->state == AGENT_TASK_ENDED && WIFSIGNALED(t->status) ? WTERMSIG(t->status) : 0;
	struct buf b = BUF_INIT;

	if (t->id) {
		if (t->state == AGENT_TASK_RUNNING)
			return;
		add(&b, "done");
		add(&b, "%s", t->id);
		add(&b, "%d", exit_code(t));
		add(&b, "%d", sig);
		if (t->failure)
			add(&b, "%s", t->failure);
	} else {
		add(&b, "%s",
		    t->state == AGENT_TASK_RUNNING ? "running"
		    : t->state == AGENT_TASK_ENDED ? "ended"
						   : "failed");
		add(&b, "%s", t->name);
		add(&b, "%d", t->run);
		if (t->state == AGENT_TASK_FAILED) {
			add(&b, "%s", t->failure);
		} else {
			add(&b, "%lld", (long long)t->started_ns);
		}
		if (t->state == AGENT_TASK_ENDED) {
			add(&b, "%lld", (long long)t->finished_ns);
			add(&b, "%d", exit_code(t));
			add(&b, "%d", sig);
		}
	}
	tell(ts, &b);
	buf_fini(&b);
}

/* ---- logs --------------------------------------------------------------------------------- */

static void open_log(struct agent_task *t)
{
	t->log = open(t->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	t->log_len = 0;
}

/* One generation is kept: the newest AGENT_LOG_MAX to 2 * AGENT_LOG_MAX bytes. */
static void rotate(struct agent_task *t)
{
	_cleanup_(mem_freep) char *old = mem_xprintf("%s.1", t->log_path);

	fd_close(t->log);
	IGNORE(rename(t->log_path, old), "the old file is written on then");
	open_log(t);
}

static void write_line(struct agent_task *t, int which, struct str text, bool is_whole)
{
	char when[CLOCK_RFC3339_MAX];
	struct buf b = BUF_INIT;

	if (t->log < 0)
		return;
	if (t->log_len > AGENT_LOG_MAX)
		rotate(t);
	buf_printf(&b, "%.*s %s %c ",
		   STR_ARG(clock_format(when, clock_system.wall_ns(&clock_system), 9)),
		   which ? "stderr" : "stdout", is_whole ? 'F' : 'P');
	buf_add_str(&b, text);
	buf_add_byte(&b, '\n');
	t->log_len += b.len;
	/* On a full disk the line is lost; the container is not held up. */
	IGNORE(write(t->log, b.ptr, b.len), "see above");
	buf_fini(&b);
}

static void split(struct agent_task *t, int which)
{
	struct buf *line = &t->line[which];
	ptrdiff_t end;

	while ((end = str_find(buf_str(line), '\n')) >= 0) {
		write_line(t, which, str_n(line->ptr, (size_t)end), true);
		buf_consume(line, (size_t)end + 1);
	}
	while (line->len >= AGENT_LOG_LINE_MAX) {
		write_line(t, which, str_n(line->ptr, AGENT_LOG_LINE_MAX), false);
		buf_consume(line, AGENT_LOG_LINE_MAX);
	}
}

static void close_pipe(struct agent_task *t, int which)
{
	if (t->pipe[which] < 0)
		return;
	fd_close(t->pipe[which]);
	t->pipe[which] = -1;
	if (t->line[which].len)
		write_line(t, which, buf_str(&t->line[which]), true);
	buf_fini(&t->line[which]);
}

static void drain(struct agent_task *t, int which)
{
	char text[AGENT_LOG_LINE_MAX];
	ssize_t n;

	while (t->pipe[which] >= 0 && (n = read(t->pipe[which], text, sizeof(text))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		buf_add(&t->line[which], text, (size_t)n);
		split(t, which);
	}
	close_pipe(t, which);
}

void agent_tasks_output(struct agent_tasks *ts, int fd)
{
	list_foreach(struct agent_task, t, &ts->list, link)
		for (int i = 0; i < 2; i++)
			if (t->pipe[i] == fd)
				drain(t, i);
}

/* ---- starting ----------------------------------------------------------------------------- */

struct task_spec {
	struct buf text;
	const char *cwd, *log, *input;
	VEC(char *) args, envs;
};

static void spec_fini(struct task_spec *s)
{
	vec_fini(&s->args);
	vec_fini(&s->envs);
	buf_fini(&s->text);
}

static int spec_read(struct agent_tasks *ts, const char *name, struct task_spec *s, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/container/%s", ts->dir, name);
	struct str rest, key, value;
	int r;

	*s = (struct task_spec){.text = BUF_INIT, .cwd = "/"};
	r = fd_read_file(path, AGENT_PAUSE_SPEC_MAX, &s->text, err);
	if (r < 0)
		return r;
	rest = buf_str(&s->text);
	while (str_next(&rest, '\0', &key) && str_next(&rest, '\0', &value)) {
		char *v = s->text.ptr + (value.ptr - s->text.ptr);

		if (str_eq_c(key, "cwd"))
			s->cwd = v;
		else if (str_eq_c(key, "log"))
			s->log = v;
		else if (str_eq_c(key, "stdin"))
			s->input = v;
		else if (str_eq_c(key, "arg"))
			*vec_push(&s->args) = v;
		else if (str_eq_c(key, "env"))
			*vec_push(&s->envs) = v;
	}
	return 0;
}

/* In the child: `fds` are its standard descriptors; `report` takes what goes wrong. */
_noreturn_ static void become(const struct task_spec *s, char **argv, const int fds[3], int report)
{
	int null = open("/dev/null", O_RDWR);
	char text[ERR_MSG_MAX];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	dup2(fds[2] >= 0 ? fds[2] : null, STDERR_FILENO);
	dup2(fds[1] >= 0 ? fds[1] : null, STDOUT_FILENO);
	dup2(fds[0] >= 0 ? fds[0] : null, STDIN_FILENO);
	if (isatty(STDIN_FILENO))
		IGNORE(ioctl(STDIN_FILENO, TIOCSCTTY, 0), "then without job control");
	environ = s->envs.ptr;
	if (chdir(s->cwd) < 0)
		snprintf(text, sizeof(text), "workingDir '%s': %s", s->cwd, strerror(errno));
	else {
		execvp(argv[0], argv);
		snprintf(text, sizeof(text), "exec '%s': %s", argv[0], strerror(errno));
	}
	IGNORE(write(report, text, strlen(text)), "the exit status tells as well");
	_exit(127);
}

/* Starts the process; the text of a failure in *ret_failure. */
static void launch(struct agent_task *t, const struct task_spec *s, char **argv, const int fds[3])
{
	char text[ERR_MSG_MAX];
	int report[2];
	ssize_t n = 0;

	if (pipe2(report, O_CLOEXEC) < 0) {
		t->failure = mem_xprintf("make a pipe: %s", strerror(errno));
		return;
	}
	t->started_ns = clock_system.wall_ns(&clock_system);
	t->pid = fork();
	if (t->pid == 0)
		become(s, argv, fds, report[1]);
	close(report[1]);
	if (t->pid < 0)
		t->failure = mem_xprintf("fork: %s", strerror(errno));
	else
		n = read(report[0], text, sizeof(text));
	if (n > 0)
		t->failure = mem_xstrndup(text, (size_t)n);
	close(report[0]);
}

static struct agent_task *task_new(struct agent_tasks *ts, const char *name, int run)
{
	struct agent_task *t = mem_xnew(struct agent_task);

	t->name = mem_xstrdup(name);
	t->run = run;
	t->pipe[0] = t->pipe[1] = t->log = t->input = -1;
	t->line[0] = t->line[1] = BUF_INIT;
	list_append(&ts->list, &t->link);
	ts->n++;
	return t;
}

/* Nobody can begin to write any more; those who do are not held up. */
static void close_input(struct agent_task *t)
{
	if (t->input < 0)
		return;
	unlink(t->input_path);
	fd_close(t->input);
	t->input = -1;
}

static void task_free(struct agent_tasks *ts, struct agent_task *t)
{
	close_input(t);
	close_pipe(t, 0);
	close_pipe(t, 1);
	fd_close(t->log);
	list_remove(&t->link);
	ts->n--;
	free(t->name);
	free(t->id);
	free(t->failure);
	free(t->log_path);
	free(t->input_path);
	free(t);
}

static struct agent_task *find(struct agent_tasks *ts, const char *name)
{
	list_foreach(struct agent_task, t, &ts->list, link)
		if (!t->id && !strcmp(t->name, name))
			return t;
	return NULL;
}

static struct agent_task *find_exec(struct agent_tasks *ts, const char *id)
{
	list_foreach(struct agent_task, t, &ts->list, link)
		if (t->id && !strcmp(t->id, id))
			return t;
	return NULL;
}

static void settle(struct agent_tasks *ts, struct agent_task *t)
{
	if (t->failure) {
		/* Its child has ended with 127 already; reaping it finds no running task. */
		t->state = AGENT_TASK_FAILED;
		close_pipe(t, 0);
		close_pipe(t, 1);
		close_input(t);
	}
	tell_state(ts, t);
	if (t->id && t->failure)
		task_free(ts, t);
}

static void open_output(struct agent_task *t, const struct task_spec *s, int ends[3])
{
	int p[2];

	if (s->log) {
		t->log_path = mem_xprintf("%s/%d.log", s->log, t->run);
		open_log(t);
	}
	for (int i = 0; i < 2; i++)
		if (pipe2(p, O_CLOEXEC) == 0) {
			t->pipe[i] = p[0];
			ends[i + 1] = p[1];
			IGNORE(fd_set_nonblock(p[0], NULL), "a pipe always can");
		}
}

/* ret_end: what the process reads. */
static void open_input(struct agent_task *t, const struct task_spec *s, int *ret_end)
{
	if (!s->input)
		return;
	t->input_path = mem_xstrdup(s->input);
	unlink(s->input);
	if (mkfifo(s->input, 0600) == 0)
		t->input = open(s->input, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->input >= 0)
		*ret_end = open(s->input, O_RDONLY | O_CLOEXEC);
	if (*ret_end < 0)
		t->failure =
			mem_xprintf("make its standard input '%s': %s", s->input, strerror(errno));
}

static void start(struct agent_tasks *ts, const char *name, int run)
{
	struct agent_task *t = find(ts, name);
	struct task_spec s;
	struct err err;
	int ends[3] = {-1, -1, -1};

	if (t && t->state == AGENT_TASK_RUNNING) {
		tell_state(ts, t);
		return;
	}
	if (t)
		task_free(ts, t);
	t = task_new(ts, name, run);
	if (spec_read(ts, name, &s, &err) < 0) {
		t->failure = mem_xstrdup(err.msg);
	} else if (!s.args.len) {
		t->failure = mem_xstrdup("there is no command to run");
	} else {
		*vec_push(&s.args) = NULL;
		*vec_push(&s.envs) = NULL;
		open_output(t, &s, ends);
		open_input(t, &s, &ends[0]);
		if (!t->failure)
			launch(t, &s, s.args.ptr, ends);
	}
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		fd_close(ends[i]);
	spec_fini(&s);
	settle(ts, t);
}

static void exec_in(struct agent_tasks *ts, const char *id, const char *name, struct str rest,
		    const int fds[3])
{
	static char term[] = "TERM=xterm";
	VEC(char *) argv = {0};
	struct agent_task *t;
	struct task_spec s;
	struct str arg;
	struct err err;

	t = task_new(ts, name, 0);
	t->id = mem_xstrdup(id);
	while (str_next(&rest, '\0', &arg) && (arg.len || str_is_set(rest)))
		*vec_push(&argv) = mem_xstrndup(arg.ptr, arg.len);
	*vec_push(&argv) = NULL;
	if (spec_read(ts, name, &s, &err) < 0) {
		t->failure = mem_xstrdup(err.msg);
	} else if (ts->n > AGENT_PAUSE_TASKS_MAX) {
		t->failure = mem_xprintf("%d processes run already", AGENT_PAUSE_TASKS_MAX);
	} else if (argv.len < 2) {
		t->failure = mem_xstrdup("there is no command to run");
	} else {
		if (fds[0] >= 0 && isatty(fds[0]))
			*vec_push(&s.envs) = term;
		*vec_push(&s.envs) = NULL;
		launch(t, &s, argv.ptr, fds);
	}
	spec_fini(&s);
	vec_foreach(a, &argv)
		free(*a);
	vec_fini(&argv);
	settle(ts, t);
}

/* ---- ends and commands -------------------------------------------------------------------- */

void agent_tasks_ended(struct agent_tasks *ts, pid_t pid, int status)
{
	list_foreach(struct agent_task, t, &ts->list, link) {
		if (t->pid != pid || t->state != AGENT_TASK_RUNNING)
			continue;
		/* What the process left behind ends with it, as in a container of its own. */
		kill(-pid, SIGKILL);
		drain(t, 0);
		drain(t, 1);
		close_pipe(t, 0);
		close_pipe(t, 1);
		close_input(t);
		t->state = AGENT_TASK_ENDED;
		t->status = status;
		t->finished_ns = clock_system.wall_ns(&clock_system);
		tell_state(ts, t);
		if (t->id)
			task_free(ts, t);
		return;
	}
}

static void list_all(struct agent_tasks *ts)
{
	struct buf b = BUF_INIT;

	list_foreach(struct agent_task, t, &ts->list, link)
		if (!t->id)
			tell_state(ts, t);
	add(&b, "listed");
	tell(ts, &b);
	buf_fini(&b);
}

static void send_signal(struct agent_task *t, int signo)
{
	if (t && t->state == AGENT_TASK_RUNNING && t->pid > 0)
		kill(signo == SIGKILL ? -t->pid : t->pid, signo);
}

static int number(struct str s)
{
	int64_t v;

	return str_to_i64(s, 0, INT32_MAX, &v, NULL) < 0 ? 0 : (int)v;
}

void agent_tasks_command(struct agent_tasks *ts, struct str msg, const int fds[3])
{
	struct str verb, one = {0}, two = {0};

	if (!str_next(&msg, '\0', &verb))
		return;
	if (str_eq_c(verb, "list")) {
		list_all(ts);
		return;
	}
	/* Each ends in NUL, so they are C strings. */
	if (!str_next(&msg, '\0', &one) || !one.len)
		return;
	if (str_eq_c(verb, "cancel")) {
		send_signal(find_exec(ts, one.ptr), SIGKILL);
		return;
	}
	if (str_eq_c(verb, "close")) {
		struct agent_task *t = find(ts, one.ptr);

		if (t)
			close_input(t);
		return;
	}
	if (!str_next(&msg, '\0', &two) || !two.len)
		return;
	if (str_eq_c(verb, "start"))
		start(ts, one.ptr, number(two));
	else if (str_eq_c(verb, "signal"))
		send_signal(find(ts, one.ptr), number(two));
	else if (str_eq_c(verb, "exec"))
		exec_in(ts, one.ptr, two.ptr, msg, fds);
}
