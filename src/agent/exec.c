/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that a client runs in a container. The pause starts it (it is the parent of all that
 * runs in the Pod) on pipes, or a terminal, whose other ends are here; what the client sends is its
 * input, what it prints goes to the client, and how it ended is told on the stream "error" as a
 * Status. A client that goes takes the process with it.
 *
 * Attach speaks the same way, but nothing is run: the client gets what the container prints from
 * now on, read from its log, until its run ends; what it sends goes to the container's standard
 * input (a FIFO, agent/pause.h), if that has one.
 */
#include "agent/exec.h"

#include "agent/log_file.h"
#include "agent/session.h"
#include "agent/wire.h"
#include "base/fd.h"
#include "loop/loop.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	STREAMS_WAIT_MS = 30 * 1000, /* for the client to open all its streams */
	INPUT_MAX = 1024 * 1024,   /* bytes that the process has not read; then the client waits */
	INPUT_LOW = INPUT_MAX / 4, /* … until so few are left */
	RESIZE_MAX = 256,          /* bytes of one message about the terminal's size */
	OUTPUT_READ = 32 * 1024,
	ATTACH_POLL_MS = 100, /* the log of an attached container is looked at so often */
};

enum stream {
	IN,
	OUT,
	ERR,
	STATUS,
	SIZE,
	STREAMS
}; /* the channels' numbers, too */
static const char *const stream_names[] = {"stdin", "stdout", "stderr", "error", "resize"};

struct pipe {
	int fd; /* -1: closed */
	struct loop_poll *poll;
};

struct agent_exec {
	struct agent_session session;
	struct agent_container *container; /* while the session has its place */
	struct agent_wire *wire;
	struct agent_errand errand;
	struct arena arena;
	const char **words; /* the command, NULL at the end; in the arena */
	bool is_wanted[STREAMS], is_open[STREAMS];
	uint32_t ids[STREAMS];
	bool is_attach, is_tty, is_started, is_ended;
	int exit_code;
	char *failure; /* why it could not be run */
	struct pipe in, out[2];
	struct buf input, size;
	bool input_ends, is_paused;
	struct loop_timer *timer;
	/* of an attach */
	int number; /* of the run */
	struct agent_log_file log;
};

/* ---- the end -------------------------------------------------------------------------------- */

static void close_pipe(struct pipe *p)
{
	if (p->poll)
		loop_poll_close(p->poll);
	p->poll = NULL;
	fd_close(p->fd);
	p->fd = -1;
}

/* Nothing more comes from the client. With stdinOnce the container's input ends with that of the
 * first client, else it stays open for others. */
static void end_input(struct agent_exec *e)
{
	const struct agent_container *c = e->container;
	const char *words[] = {"close", c->name, NULL};

	if (e->in.fd < 0)
		return;
	close_pipe(&e->in);
	if (e->is_attach && e->session.place && c->spec->is_stdin_once)
		IGNORE(agent_place_send(e->session.place, words, NULL, NULL),
		       "then the pause hangs or is gone");
}

static void exec_free(struct agent_exec *e)
{
	end_input(e);
	agent_errand_cancel(&e->errand);
	agent_session_end(&e->session);
	agent_wire_close(e->wire);
	close_pipe(&e->out[0]);
	close_pipe(&e->out[1]);
	loop_timer_close(e->timer);
	if (e->log.path)
		agent_log_file_close(&e->log);
	buf_fini(&e->input);
	buf_fini(&e->size);
	arena_fini(&e->arena);
	free(e->failure);
	free(e);
}

static struct json *cause(struct arena *a, const char *reason, struct str message)
{
	struct json *n = json_new(a, JSON_OBJECT);

	if (reason)
		json_set(n, "reason", json_new_string(a, str_of(reason)));
	json_set(n, "message", json_new_string(a, message));
	return n;
}

/* As a kubelet words it: clients look for the exit code in the causes. */
static void write_status(struct agent_exec *e, struct buf *b)
{
	struct arena *a = &e->arena;
	struct json *st = json_new(a, JSON_OBJECT), *details, *causes;
	const char *reason = e->failure ? "InternalError" : "NonZeroExitCode";
	struct str text;

	json_set(st, "metadata", json_new(a, JSON_OBJECT));
	if (!e->failure && e->exit_code == 0) {
		json_set(st, "status", json_new_string(a, STR("Success")));
		json_write(b, st);
		return;
	}
	if (e->failure)
		text = str_printf(a, "error executing command in container: %s", e->failure);
	else
		text = str_printf(a, "command terminated with exit code %d", e->exit_code);
	json_set(st, "status", json_new_string(a, STR("Failure")));
	json_set(
		st, "message",
		json_new_string(
			a, e->failure
				   ? str_printf(a, "Internal error occurred: %s", text.ptr)
				   : str_printf(a, "command terminated with non-zero exit code: %s",
						text.ptr)));
	json_set(st, "reason", json_new_string(a, str_of(reason)));
	details = json_set(st, "details", json_new(a, JSON_OBJECT));
	causes = json_set(details, "causes", json_new(a, JSON_ARRAY));
	if (e->failure) {
		json_append(causes, cause(a, NULL, text));
		json_set(st, "code", json_new_int(a, 500));
	} else {
		json_append(causes, cause(a, "ExitCode", str_printf(a, "%d", e->exit_code)));
	}
	json_write(b, st);
}

/* All that it printed is on its way: now how it ended. */
static void conclude(struct agent_exec *e)
{
	struct buf b = BUF_INIT;

	write_status(e, &b);
	if (e->is_open[STATUS])
		agent_wire_write(e->wire, e->ids[STATUS], buf_str(&b));
	buf_fini(&b);
	for (int i = 0; i < STREAMS; i++)
		if (e->is_open[i])
			agent_wire_end(e->wire, e->ids[i]);
	exec_free(e);
}

/* ---- output --------------------------------------------------------------------------------- */

/* False: there is nothing now. */
static bool read_once(struct agent_exec *e, int which)
{
	static char text[OUTPUT_READ];
	ssize_t n = read(e->out[which].fd, text, sizeof(text));

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) { /* a terminal's last process gives EIO */
		close_pipe(&e->out[which]);
		return false;
	}
	agent_wire_write(e->wire, e->ids[which ? ERR : OUT], str_n(text, (size_t)n));
	return true;
}

/* May free it. */
static void pump(struct agent_exec *e)
{
	bool is_empty = true;

	for (int i = 0; i < 2; i++) {
		while (e->out[i].fd >= 0 && !agent_wire_is_full(e->wire) && read_once(e, i))
			;
		is_empty &= !agent_wire_is_full(e->wire);
		if (e->out[i].poll)
			loop_poll_set(e->out[i].poll, agent_wire_is_full(e->wire) ? 0 : LOOP_READ);
	}
	/* What a process of the command's own still holds open is not waited for. */
	if (e->is_ended && is_empty)
		conclude(e);
}

static void on_output(void *ctx, unsigned events)
{
	pump(ctx);
}

/* ---- input ---------------------------------------------------------------------------------- */

static void feed(struct agent_exec *e)
{
	size_t at = 0;

	while (e->in.fd >= 0 && at < e->input.len) {
		ssize_t n = write(e->in.fd, e->input.ptr + at, e->input.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) { /* it reads no more: the rest is for nobody */
			close_pipe(&e->in);
			at = e->input.len;
			break;
		}
		at += (size_t)n;
	}
	buf_consume(&e->input, e->in.fd < 0 ? e->input.len : at);
	if (e->input_ends && !e->input.len && !e->is_tty)
		end_input(e);
	if (e->in.poll)
		loop_poll_set(e->in.poll, e->input.len ? LOOP_WRITE : 0);
	if (e->is_paused && e->input.len <= INPUT_LOW) {
		e->is_paused = false;
		agent_wire_pause(e->wire, false);
	}
}

static void on_input_room(void *ctx, unsigned events)
{
	feed(ctx);
}

/* {"Width":80,"Height":24}, one after the other; with SPDY in pieces of any size. */
static void resize(struct agent_exec *e, struct str piece)
{
	ptrdiff_t end;

	buf_add_str(&e->size, str_sub(piece, 0, RESIZE_MAX));
	while ((end = str_find(buf_str(&e->size), '}')) >= 0) {
		struct json *n;
		struct arena a;

		arena_init(&a, 0);
		if (e->is_tty && e->out[0].fd >= 0 &&
		    json_parse(&a, str_n(e->size.ptr, (size_t)end + 1), 0, &n, NULL) == 0) {
			struct winsize ws = {.ws_col = (unsigned short)json_get_int(n, "Width", 0),
					     .ws_row =
						     (unsigned short)json_get_int(n, "Height", 0)};

			IGNORE(ioctl(e->out[0].fd, TIOCSWINSZ, &ws), "a terminal always can");
		}
		arena_fini(&a);
		buf_consume(&e->size, (size_t)end + 1);
	}
	if (e->size.len > RESIZE_MAX)
		buf_clear(&e->size);
}

/* Takes fd. */
static int watch(struct agent_exec *e, struct pipe *p, int fd, unsigned events, loop_poll_fn fn,
		 struct err *err)
{
	p->fd = fd;
	return loop_poll_new(e->session.agent->loop, fd, events, fn, e, &p->poll, err);
}

/* ---- attach --------------------------------------------------------------------------------- */

static void print(struct agent_exec *e, enum stream which, struct buf *text)
{
	if (text->len && e->is_open[which])
		agent_wire_write(e->wire, e->ids[which], buf_str(text));
	buf_fini(text);
}

/* The run that it is attached to. */
static bool is_running(const struct agent_exec *e)
{
	return e->session.place && e->container->number == e->number &&
	       e->container->now.run != AGENT_ENDED;
}

/* What it has printed since. May free e. */
static void poll_log(struct agent_exec *e)
{
	struct buf out = BUF_INIT, errors = BUF_INIT;
	bool was_running = is_running(e), has_more;

	if (agent_wire_is_full(e->wire))
		return; /* what is left stays in the file */
	e->log.errors = &errors;
	has_more = agent_log_file_more(&e->log, &out);
	e->log.errors = NULL;
	print(e, OUT, &out);
	print(e, ERR, &errors);
	if (!has_more && !was_running)
		conclude(e);
}

static int open_container_input(struct agent_exec *e, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf(
		"%s/container/%s.stdin", e->session.place->box->dir, e->container->name);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND,
			       "the standard input of container '%s' is closed (%s)",
			       e->container->name, strerror(errno));
	return watch(e, &e->in, fd, 0, on_input_room, err);
}

static int follow(struct agent_exec *e, struct err *err)
{
	const struct agent_place *p = e->session.place;
	_cleanup_(mem_freep) char *path = NULL;
	struct buf before = BUF_INIT;
	int r;

	if (!p || !p->box)
		return err_set(err, ERR_NOT_FOUND, "the Pod does not run any more");
	path = mem_xprintf("%s/log/%s/%d.log", p->box->dir, e->container->name, e->number);
	r = agent_log_file_open(&e->log, path, false, UINT64_MAX, err);
	if (r < 0)
		return r;
	agent_log_file_all(&e->log, 0, &before);
	buf_fini(&before);
	if (e->is_wanted[IN] && (r = open_container_input(e, err)) < 0)
		return r;
	loop_timer_start(e->timer, ATTACH_POLL_MS, ATTACH_POLL_MS);
	return 0;
}

/* ---- starting ------------------------------------------------------------------------------- */

/* The terminal's other end is both input and output here. */
static int open_tty(struct agent_exec *e, int child[3], struct err *err)
{
	_cleanup_(fd_closep) int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int copy, r;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return err_sys(err, errno, "open a terminal");
	child[0] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (child[0] < 0)
		return err_sys(err, errno, "open a terminal's other end");
	child[1] = fcntl(child[0], F_DUPFD_CLOEXEC, 3);
	child[2] = fcntl(child[0], F_DUPFD_CLOEXEC, 3);
	copy = fcntl(master, F_DUPFD_CLOEXEC, 3);
	r = watch(e, &e->out[0], TAKE_FD(master), LOOP_READ, on_output, err);
	if (r == 0 && copy >= 0)
		r = watch(e, &e->in, copy, 0, on_input_room, err);
	return r;
}

static int open_pipes(struct agent_exec *e, int child[3], struct err *err)
{
	int r = 0, p[2];

	for (int i = IN; r == 0 && i <= ERR; i++) {
		if (!e->is_wanted[i]) {
			child[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
			r = child[i] < 0 ? err_sys(err, errno, "open /dev/null") : 0;
			continue;
		}
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_sys(err, errno, "make a pipe");
		child[i] = p[i == IN ? 0 : 1];
		r = i == IN ? watch(e, &e->in, p[1], 0, on_input_room, err)
			    : watch(e, &e->out[i - OUT], p[0], LOOP_READ, on_output, err);
	}
	return r;
}

static void on_errand_done(void *ctx, int exit_code, struct str failure)
{
	struct agent_exec *e = ctx;

	e->is_ended = true;
	e->exit_code = exit_code;
	if (exit_code < 0)
		e->failure = mem_xstrndup(failure.ptr, failure.len);
	pump(e);
}

static int launch(struct agent_exec *e, struct err *err)
{
	struct agent_place *p = e->session.place;
	int child[3] = {-1, -1, -1}, r;

	if (!p)
		return err_set(err, ERR_NOT_FOUND, "the Pod does not run any more");
	e->errand.on_done = on_errand_done;
	e->errand.ctx = e;
	r = e->is_tty ? open_tty(e, child, err) : open_pipes(e, child, err);
	if (r == 0)
		r = agent_errand_start(&e->errand, p, e->container->name, e->words, child, err);
	for (int i = 0; i < 3; i++)
		fd_close(child[i]);
	return r;
}

static void start(struct agent_exec *e)
{
	struct err err;

	loop_timer_stop(e->timer);
	e->is_started = true;
	if ((e->is_attach ? follow(e, &err) : launch(e, &err)) == 0) {
		feed(e);
		return;
	}
	e->failure = mem_xstrdup(err.msg);
	conclude(e);
}

/* ---- the client ----------------------------------------------------------------------------- */

static bool is_complete(const struct agent_exec *e)
{
	for (int i = 0; i < STREAMS; i++)
		if (e->is_wanted[i] && !e->is_open[i])
			return false;
	return true;
}

static bool on_open(void *ctx, uint32_t id, const struct http_header *headers, size_t n)
{
	struct agent_exec *e = ctx;
	struct str type = http_header(headers, n, "streamtype");

	for (int i = 0; i < STREAMS; i++) {
		if (!str_eq_c(type, stream_names[i]) || !e->is_wanted[i] || e->is_open[i])
			continue;
		e->ids[i] = id;
		e->is_open[i] = true;
		/* Not at once: the stream is accepted first. */
		if (is_complete(e))
			loop_timer_start(e->timer, 0, 0);
		return true;
	}
	return false;
}

static void on_data(void *ctx, uint32_t id, struct str piece, bool is_last)
{
	struct agent_exec *e = ctx;

	if (e->is_open[SIZE] && id == e->ids[SIZE])
		resize(e, piece);
	if (!e->is_open[IN] || id != e->ids[IN] || e->input_ends)
		return;
	buf_add_str(&e->input, piece);
	e->input_ends = is_last;
	if (e->input.len > INPUT_MAX && !e->is_paused) {
		e->is_paused = true;
		agent_wire_pause(e->wire, true);
	}
	if (e->is_started)
		feed(e);
}

static void on_reset(void *ctx, uint32_t id)
{
	on_data(ctx, id, STR(""), true);
}

static void on_writable(void *ctx)
{
	pump(ctx);
}

static void on_gone(void *ctx)
{
	struct agent_exec *e = ctx;

	e->wire = NULL;
	exec_free(e);
}

/* All streams are there, or it has waited for them long enough; later, of an attach, the log. */
static void on_timer(void *ctx)
{
	struct agent_exec *e = ctx;

	if (e->is_started)
		poll_log(e);
	else if (is_complete(e))
		start(e);
	else
		exec_free(e);
}

static const struct agent_wire_ops wire_ops = {
	.on_open = on_open,
	.on_data = on_data,
	.on_reset = on_reset,
	.on_writable = on_writable,
	.on_gone = on_gone,
};

static bool is_on(struct http_exchange *x, const char *name)
{
	struct str s = http_query(&x->arena, x->req.query, name, 0);

	return str_eq_c(s, "1") || str_eq_c(s, "true");
}

static void read_query(struct agent_exec *e, struct http_exchange *x)
{
	struct str query = x->req.query, arg;
	size_t n = 0;

	e->is_tty = is_on(x, "tty");
	e->is_wanted[IN] = is_on(x, "input");
	e->is_wanted[OUT] = is_on(x, "output");
	e->is_wanted[ERR] = is_on(x, "error") && !e->is_tty;
	e->is_wanted[STATUS] = true;
	e->is_wanted[SIZE] = e->is_tty;
	while (str_is_set(http_query(&x->arena, query, "command", n)))
		n++;
	e->words = arena_array(&e->arena, n + 1, sizeof(*e->words));
	for (size_t i = 0; i < n; i++) {
		arg = http_query(&x->arena, query, "command", i);
		e->words[i] = str_cstr(&e->arena, arg);
	}
}

static int check(const struct agent_exec *e, const struct agent_container *c, struct err *err)
{
	if (!e->is_wanted[IN] && !e->is_wanted[OUT] && !e->is_wanted[ERR])
		return err_set(err, ERR_BAD_REQUEST,
			       "you must specify at least 1 of stdin, stdout, stderr");
	if (e->is_attach && e->is_wanted[IN] && !c->spec->has_stdin)
		return err_set(err, ERR_UNSUPPORTED,
			       "container '%s' has no input: use 'kubectl attach' without -i, or "
			       "'kubectl exec -i', or set stdin: true in its spec",
			       c->name);
	if (!e->is_attach && !e->words[0])
		return err_set(err, ERR_BAD_REQUEST, "you must specify at least 1 command");
	if (c->now.run != AGENT_RUNNING || !c->place->pause)
		return err_set(err, ERR_INTERNAL, "container not found (\"%s\")", c->name);
	return 0;
}

/* What was started is told by its run; what is attached reads on to the end of the log. */
static void on_lost(struct agent_session *s)
{
}

static int begin(struct agent_container *c, struct http_exchange *x, bool is_attach,
		 struct err *err)
{
	struct agent_exec *e = mem_xnew(struct agent_exec);
	struct loop *l = c->place->agent->loop;
	int r = agent_session_begin(&e->session, c->place, on_lost, err);

	if (r < 0) {
		free(e);
		return r;
	}
	e->container = c;
	e->is_attach = is_attach;
	e->number = c->number;
	e->in.fd = e->out[0].fd = e->out[1].fd = -1;
	arena_init(&e->arena, 0);
	buf_init(&e->input);
	buf_init(&e->size);
	e->timer = loop_timer_new(l, on_timer, e);
	read_query(e, x);
	r = check(e, c, err);
	if (r == 0)
		r = agent_wire_open(l, x, AGENT_WIRE_REMOTE, &wire_ops, e, &e->wire, err);
	if (r < 0) {
		exec_free(e);
		return r;
	}
	loop_timer_start(e->timer, STREAMS_WAIT_MS, 0);
	if (!agent_wire_has_channels(e->wire))
		return 0;
	for (uint32_t i = 0; i < STREAMS; i++) {
		e->ids[i] = i;
		e->is_open[i] = e->is_wanted[i];
	}
	/* Clients take an empty message for "connected". */
	agent_wire_write(e->wire,
			 e->is_wanted[OUT]   ? OUT
			 : e->is_wanted[ERR] ? ERR
					     : STATUS,
			 STR(""));
	start(e);
	return 0;
}

int agent_exec_start(struct agent_container *c, struct http_exchange *x, struct err *err)
{
	return begin(c, x, false, err);
}

int agent_attach_start(struct agent_container *c, struct http_exchange *x, struct err *err)
{
	return begin(c, x, true, err);
}
