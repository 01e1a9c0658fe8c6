/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/agent-internal.h"

#include "agent/pause.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/metrics.h"
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LOGS_POLL_MS = 100,       /* a followed log is looked at so often */
	LOGS_FOLLOWERS_MAX = 256, /* at a time; more are answered 429 */
	LOGS_CHUNK = 65536,       /* bytes read from a followed log at a time */
};

/* The agent's HTTP endpoint: /healthz, /metrics, /containerLogs/NS/POD/CONTAINER. */
struct agent_logs {
	struct agent *agent;
	struct http_server *server;
	struct list_node followers;
	size_t n_followers;
};

struct follower {
	struct list_node link;
	struct agent_logs *logs;
	struct http_exchange *x;
	struct loop_timer *timer;
	char *uid, *container;
	int number; /* of the run that is followed */
	int fd;
	bool has_times;
	struct buf line; /* begun */
};

struct log_query {
	bool is_following, is_previous, has_times;
	uint64_t tail;  /* UINT64_MAX: all */
	uint64_t limit; /* bytes; UINT64_MAX: all */
};

/* ---- lines --------------------------------------------------------------------------------- */

/* "TIME stdout F text": the text, with the time when asked for; a part (P) has no line end. */
static void add_line(struct buf *out, struct str line, bool has_times)
{
	struct str rest = line, when, stream, mark;

	if (!str_next(&rest, ' ', &when) || !str_next(&rest, ' ', &stream) ||
	    !str_next(&rest, ' ', &mark))
		return;
	if (has_times) {
		buf_add_str(out, when);
		buf_add_byte(out, ' ');
	}
	buf_add_str(out, rest);
	if (str_eq_c(mark, "F"))
		buf_add_byte(out, '\n');
}

/* Where the last n lines begin. */
static size_t tail_start(struct str text, uint64_t n)
{
	size_t at = text.len;

	if (at > 0 && text.ptr[at - 1] == '\n')
		at--;
	while (at > 0 && n > 0) {
		if (text.ptr[at - 1] == '\n' && --n == 0)
			break;
		at--;
	}
	return n > 0 && at == 0 ? 0 : at;
}

static void add_lines(struct buf *out, struct str text, const struct log_query *q)
{
	struct str line;

	if (q->tail == 0)
		return;
	if (q->tail != UINT64_MAX)
		text = str_skip(text, tail_start(text, q->tail));
	while (str_next(&text, '\n', &line))
		if (line.len)
			add_line(out, line, q->has_times);
}

/* ---- following ----------------------------------------------------------------------------- */

static void follower_free(struct follower *f)
{
	list_remove(&f->link);
	f->logs->n_followers--;
	loop_timer_close(f->timer);
	fd_close(f->fd);
	buf_fini(&f->line);
	free(f->uid);
	free(f->container);
	free(f);
}

static void on_close(struct http_exchange *x)
{
	follower_free(x->handler_ctx);
}

static struct agent_container *find_container(struct agent_pod *p, struct str name)
{
	for (size_t i = 0; p && i < p->n_containers; i++)
		if (str_eq(p->containers[i].spec->name, name))
			return &p->containers[i];
	return NULL;
}

static bool is_running(const struct follower *f)
{
	struct agent_pod *p = map_get(&f->logs->agent->by_uid, str_of(f->uid));
	const struct agent_container *c = find_container(p, str_of(f->container));

	return c && c->number == f->number && c->now.run != AGENT_ENDED;
}

static void write_text(struct http_exchange *x, struct buf *text)
{
	struct bytes *chunk;

	if (!text->len)
		return;
	chunk = bytes_dup(buf_str(text));
	http_write(x, chunk);
	bytes_unref(chunk);
	buf_clear(text);
}

static void on_poll(void *ctx)
{
	struct follower *f = ctx;
	struct http_exchange *x = f->x;
	struct buf out = BUF_INIT;
	bool was_running = is_running(f);
	ptrdiff_t end;
	ssize_t n = 0;

	if (http_pending(x) < HTTP_PENDING_MAX) {
		buf_reserve(&f->line, LOGS_CHUNK);
		n = read(f->fd, f->line.ptr + f->line.len, LOGS_CHUNK);
		if (n > 0)
			buf_set_len(&f->line, f->line.len + (size_t)n);
	}
	while ((end = str_find(buf_str(&f->line), '\n')) >= 0) {
		add_line(&out, str_n(f->line.ptr, (size_t)end), f->has_times);
		buf_consume(&f->line, (size_t)end + 1);
	}
	write_text(x, &out);
	buf_fini(&out);
	if (n > 0 || was_running)
		return;
	follower_free(f);
	http_end(x);
}

static void follow(struct agent_logs *l, struct http_exchange *x, const struct agent_container *c,
		   int number, int *fd, bool has_times)
{
	struct follower *f = mem_xnew(struct follower);

	f->logs = l;
	f->x = x;
	f->uid = mem_xstrndup(c->pod->obj->meta->uid.ptr, c->pod->obj->meta->uid.len);
	f->container = mem_xstrdup(c->name);
	f->number = number;
	f->fd = TAKE_FD(*fd);
	f->has_times = has_times;
	f->line = BUF_INIT;
	f->timer = loop_timer_new(l->agent->loop, on_poll, f);
	loop_timer_start(f->timer, LOGS_POLL_MS, LOGS_POLL_MS);
	list_append(&l->followers, &f->link);
	l->n_followers++;
	x->handler_ctx = f;
	x->on_close = on_close;
}

/* ---- requests ------------------------------------------------------------------------------ */

static bool is_true(struct str s)
{
	return str_eq_c(s, "true") || str_eq_c(s, "1");
}

static int read_number(struct http_exchange *x, const char *name, uint64_t *ret, struct err *err)
{
	struct str s = http_query(&x->arena, x->req.query, name, 0);

	if (!s.len)
		return 0;
	if (str_to_u64(s, 0, INT64_MAX, ret, NULL) < 0)
		return err_set(err, ERR_BAD_REQUEST, "%s: '%.*s' is no number", name, STR_ARG(s));
	return 0;
}

static int read_query(struct http_exchange *x, struct log_query *q, struct err *err)
{
	struct str query = x->req.query;
	int r;

	*q = (struct log_query){.tail = UINT64_MAX, .limit = UINT64_MAX};
	q->is_following = is_true(http_query(&x->arena, query, "follow", 0));
	q->is_previous = is_true(http_query(&x->arena, query, "previous", 0));
	q->has_times = is_true(http_query(&x->arena, query, "timestamps", 0));
	r = read_number(x, "tailLines", &q->tail, err);
	return r < 0 ? r : read_number(x, "limitBytes", &q->limit, err);
}

static struct agent_pod *find_pod(struct agent *a, struct str ns, struct str name)
{
	map_foreach(e, &a->by_uid) {
		struct agent_pod *p = e->value;

		if (str_eq(p->obj->meta->ns, ns) && str_eq(p->obj->meta->name, name))
			return p;
	}
	return NULL;
}

/* Reads what is there; the descriptor is left at its end, in *ret_fd. */
static int read_log(const struct agent_container *c, int number, struct buf *text, int *ret_fd,
		    struct err *err)
{
	_cleanup_(mem_freep) char *path =
		mem_xprintf("%s/log/%s/%d.log", c->pod->box->dir, c->name, number);
	_cleanup_(mem_freep) char *old = mem_xprintf("%s.1", path);
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "container '%s' has no log of run %d", c->name,
			       number);
	IGNORE(fd_read_file(old, 2 * AGENT_LOG_MAX, text, NULL), "most logs have no older part");
	do {
		buf_reserve(text, LOGS_CHUNK);
		n = read(fd, text->ptr + text->len, LOGS_CHUNK);
		if (n > 0)
			buf_set_len(text, text->len + (size_t)n);
	} while (n > 0 && text->len < 4 * (size_t)AGENT_LOG_MAX);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int serve_log(struct agent_logs *l, struct http_exchange *x, struct agent_container *c,
		     struct err *err)
{
	static const struct http_header plain[] = {{{"content-type", 12}, {"text/plain", 10}}};
	_cleanup_(fd_closep) int fd = -1;
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct log_query q;
	int number = c->number, r = read_query(x, &q, err);

	if (r < 0)
		return r;
	if (q.is_following && l->n_followers >= LOGS_FOLLOWERS_MAX)
		return err_set(err, ERR_TOO_MANY, "%d logs are followed already",
			       LOGS_FOLLOWERS_MAX);
	/* One that waits to be started again has only its earlier runs' logs. */
	if (number > 0 && (q.is_previous || (c->now.run == AGENT_WAITING && !c->is_asked)))
		number--;
	r = read_log(c, number, &text, &fd, err);
	if (r == 0) {
		add_lines(&out, buf_str(&text), &q);
		if (out.len > q.limit)
			buf_set_len(&out, (size_t)q.limit);
		http_begin(x, 200, plain, 1);
		write_text(x, &out);
		if (q.is_following && !q.is_previous)
			follow(l, x, c, number, &fd, q.has_times);
		else
			http_end(x);
	}
	buf_fini(&text);
	buf_fini(&out);
	return r;
}

static int container_logs(struct agent_logs *l, struct http_exchange *x, struct str rest,
			  struct err *err)
{
	struct str ns, pod, container;
	struct agent_container *c;
	struct agent_pod *p;

	if (!str_next(&rest, '/', &ns) || !str_next(&rest, '/', &pod) ||
	    !str_next(&rest, '/', &container) || rest.len)
		return err_set(err, ERR_NOT_FOUND,
			       "the path is /containerLogs/NAMESPACE/POD/CONTAINER");
	p = find_pod(l->agent, ns, pod);
	if (!p || !p->box)
		return err_set(err, ERR_NOT_FOUND, "Pod %.*s/%.*s does not run here", STR_ARG(ns),
			       STR_ARG(pod));
	c = find_container(p, container);
	if (!c)
		return err_set(err, ERR_NOT_FOUND, "Pod %.*s/%.*s has no container '%.*s'",
			       STR_ARG(ns), STR_ARG(pod), STR_ARG(container));
	return serve_log(l, x, c, err);
}

static void serve_metrics(struct http_exchange *x)
{
	struct buf b = BUF_INIT;
	struct bytes *body;

	metrics_print(&b);
	body = bytes_dup(buf_str(&b));
	http_reply(x, 200, "text/plain; version=0.0.4", body);
	bytes_unref(body);
	buf_fini(&b);
}

static void on_request(void *ctx, struct http_exchange *x)
{
	struct agent_logs *l = ctx;
	struct str path = x->req.path;
	struct err err;

	if (x->req.method != HTTP_GET) {
		http_reply_text(x, 405, "only GET is served here\n");
	} else if (str_eq_c(path, "/healthz")) {
		http_reply_text(x, 200, "ok");
	} else if (str_eq_c(path, "/metrics")) {
		serve_metrics(x);
	} else if (str_has_prefix(path, STR("/containerLogs/"))) {
		int r = container_logs(l, x, str_skip(path, strlen("/containerLogs/")), &err);

		if (r < 0)
			http_reply_text(x, err_http_status(r), err.msg);
	} else {
		http_reply_text(x, 404, "not found\n");
	}
}

int agent_logs_new(struct agent *a, struct agent_logs **ret, struct err *err)
{
	const struct agent_config *c = &a->config;
	struct http_tls tls = {.cert_file = c->cert_file,
			       .key_file = c->key_file,
			       .client_ca_file = c->client_ca_file};
	struct agent_logs *l = mem_xnew(struct agent_logs);
	int r;

	l->agent = a;
	list_init(&l->followers);
	r = http_server_new(a->loop, c->cert_file ? &tls : NULL, on_request, l, &l->server, err);
	if (r == 0)
		r = http_server_listen(l->server, &c->bind, c->port, NULL, err);
	if (r < 0) {
		agent_logs_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void agent_logs_free(struct agent_logs *l)
{
	if (!l)
		return;
	if (l->server)
		http_server_free(l->server);
	free(l);
}
