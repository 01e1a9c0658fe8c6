/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/logs.h"

#include "agent/log_file.h"
#include "agent/pod.h"
#include "base/clock.h"
#include "http/http.h"
#include "loop/loop.h"

#include <stdlib.h>

enum {
	LOGS_POLL_MS = 100,       /* a followed log is looked at so often */
	LOGS_FOLLOWERS_MAX = 256, /* at a time; more are answered 429 */
	NS_A_SECOND = 1000000000,
};

struct agent_logs {
	struct agent *agent;
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
	struct agent_log_file file;
};

struct log_query {
	bool is_following, is_previous, has_times;
	uint64_t tail;    /* UINT64_MAX: all */
	uint64_t limit;   /* bytes; UINT64_MAX: all */
	int64_t since_ns; /* wall clock; INT64_MIN: all */
};

/* ---- following ----------------------------------------------------------------------------- */

static void follower_free(struct follower *f)
{
	list_remove(&f->link);
	f->logs->n_followers--;
	loop_timer_close(f->timer);
	agent_log_file_close(&f->file);
	free(f->uid);
	free(f->container);
	free(f);
}

static void on_close(struct http_exchange *x)
{
	follower_free(x->handler_ctx);
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
	bool was_running = agent_pod_is_running(f->logs->agent, f->uid, f->container, f->number),
	     has_more;

	if (http_pending(x) >= HTTP_PENDING_MAX)
		return; /* a slow reader: what is left stays in the file */
	has_more = agent_log_file_more(&f->file, &out);
	write_text(x, &out);
	buf_fini(&out);
	if (f->file.left > 0 && (has_more || was_running))
		return;
	follower_free(f);
	http_end(x);
}

/* Takes the file. */
static void follow(struct agent_logs *l, struct http_exchange *x, const struct agent_container *c,
		   int number, const struct agent_log_file *file)
{
	struct follower *f = mem_xnew(struct follower);

	f->logs = l;
	f->x = x;
	f->uid = mem_xstrndup(c->place->obj->meta->uid.ptr, c->place->obj->meta->uid.len);
	f->container = mem_xstrdup(c->name);
	f->number = number;
	f->file = *file;
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

static int read_number(struct http_exchange *x, const char *name, uint64_t min, uint64_t *ret,
		       struct err *err)
{
	struct str s = http_query(&x->arena, x->req.query, name, 0);

	if (!s.len)
		return 0;
	if (str_to_u64(s, min, INT64_MAX, ret, NULL) < 0)
		return err_set(err, ERR_BAD_REQUEST, "%s: '%.*s' is no number of at least %llu\n",
			       name, STR_ARG(s), (unsigned long long)min);
	return 0;
}

static int read_since(struct http_exchange *x, struct log_query *q, struct err *err)
{
	struct str time = http_query(&x->arena, x->req.query, "sinceTime", 0);
	uint64_t seconds = 0;
	int64_t now = clock_system.wall_ns(&clock_system);
	int r = read_number(x, "sinceSeconds", 1, &seconds, err);

	if (r < 0)
		return r;
	if (seconds && time.len)
		return err_set(err, ERR_BAD_REQUEST,
			       "at most one of sinceTime and sinceSeconds may be given\n");
	if (seconds && seconds < (uint64_t)(now / NS_A_SECOND))
		q->since_ns = now - (int64_t)seconds * NS_A_SECOND;
	if (time.len && clock_parse(time, &q->since_ns, err) < 0)
		return err_wrap(err, ERR_BAD_REQUEST, "sinceTime");
	return 0;
}

static int read_query(struct http_exchange *x, struct log_query *q, struct err *err)
{
	struct str query = x->req.query;
	int r;

	*q = (struct log_query){.tail = UINT64_MAX, .limit = UINT64_MAX, .since_ns = INT64_MIN};
	q->is_following = is_true(http_query(&x->arena, query, "follow", 0));
	q->is_previous = is_true(http_query(&x->arena, query, "previous", 0));
	q->has_times = is_true(http_query(&x->arena, query, "timestamps", 0));
	r = read_number(x, "tailLines", 0, &q->tail, err);
	if (r == 0)
		r = read_number(x, "limitBytes", 1, &q->limit, err);
	return r < 0 ? r : read_since(x, q, err);
}

static int open_log(const struct agent_container *c, int number, const struct log_query *q,
		    struct agent_log_file *ret, struct err *err)
{
	_cleanup_(mem_freep) char *path =
		mem_xprintf("%s/log/%s/%d.log", c->place->box->dir, c->name, number);

	if (agent_log_file_open(ret, path, q->has_times, q->limit, NULL) < 0)
		return err_set(err, ERR_NOT_FOUND, "container '%s' has no log of run %d\n", c->name,
			       number);
	if (q->since_ns != INT64_MIN)
		agent_log_file_since(ret, q->since_ns);
	return 0;
}

/* The run whose log is meant. One that waits to be started again has only its earlier runs', which
 * is the previous one's as well. */
static int pick_run(const struct agent_container *c, const struct log_query *q, int *ret,
		    struct err *err)
{
	bool is_waiting = c->now.run == AGENT_WAITING && !c->is_asked;
	struct str pod = c->place->obj->meta->name;

	if (q->is_previous && c->number == 0)
		return err_set(err, ERR_BAD_REQUEST,
			       "previous terminated container \"%s\" in pod \"%.*s\" not found",
			       c->name, STR_ARG(pod));
	if (is_waiting && c->number == 0)
		return err_set(err, ERR_BAD_REQUEST,
			       "container \"%s\" in pod \"%.*s\" is waiting to start: %s", c->name,
			       STR_ARG(pod), c->now.reason ? c->now.reason : "ContainerCreating");
	*ret = q->is_previous || is_waiting ? c->number - 1 : c->number;
	return 0;
}

int agent_logs_serve(struct agent_logs *l, struct http_exchange *x, struct agent_container *c,
		     struct err *err)
{
	static const struct http_header plain[] = {{{"content-type", 12}, {"text/plain", 10}}};
	struct agent_log_file file;
	struct buf out = BUF_INIT;
	struct log_query q;
	int number = 0, r = read_query(x, &q, err);

	if (r < 0)
		return r;
	if (q.is_following && l->n_followers >= LOGS_FOLLOWERS_MAX)
		return err_set(err, ERR_TOO_MANY, "%d logs are followed already",
			       LOGS_FOLLOWERS_MAX);
	r = pick_run(c, &q, &number, err);
	if (r == 0)
		r = open_log(c, number, &q, &file, err);
	if (r < 0)
		return r;
	agent_log_file_all(&file, q.tail, &out);
	http_begin(x, 200, plain, 1);
	write_text(x, &out);
	buf_fini(&out);
	if (q.is_following && !q.is_previous) {
		follow(l, x, c, number, &file);
	} else {
		agent_log_file_close(&file);
		http_end(x);
	}
	return 0;
}

struct agent_logs *agent_logs_new(struct agent *a)
{
	struct agent_logs *l = mem_xnew(struct agent_logs);

	l->agent = a;
	list_init(&l->followers);
	return l;
}

void agent_logs_free(struct agent_logs *l)
{
	free(l);
}
