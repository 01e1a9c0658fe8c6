/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"
#include "store/etcd/internal.h"

#include <string.h>

void etcd_request_init(struct etcd_request *q, struct etcd_store *s, const char *path)
{
	list_init(&q->link);
	q->s = s;
	q->path = path;
	buf_init(&q->message);
	q->attempt_ms = ETCD_ATTEMPT_MS;
	q->until_ms = etcd_now(s) + ETCD_TOTAL_MS;
}

void etcd_request_fini(struct etcd_request *q)
{
	assert(!q->call);
	list_remove(&q->link);
	buf_fini(&q->message);
}

static bool may_help_to_try_again(enum etcd_grpc_status status)
{
	return status == ETCD_GRPC_CANCELLED || status == ETCD_GRPC_UNKNOWN ||
	       status == ETCD_GRPC_DEADLINE || status == ETCD_GRPC_ABORTED ||
	       status == ETCD_GRPC_INTERNAL || status == ETCD_GRPC_UNAVAILABLE;
}

/* etcd's --max-request-bytes, and what gRPC says of a message beyond its own limit. */
static bool is_too_large(const char *text)
{
	return strstr(text, "request is too large") || strstr(text, "larger than max");
}

bool etcd_link_error(enum etcd_grpc_status status, const char *text, struct err *err)
{
	int code = ERR_SYSTEM;

	if (may_help_to_try_again(status))
		return false;
	if (is_too_large(text))
		code = ERR_TOO_LARGE;
	else if (status == ETCD_GRPC_EXHAUSTED) /* "database space exceeded", "too many requests" */
		code = ERR_UNAVAILABLE;
	else if (status == ETCD_GRPC_RANGE) /* texts of etcd's api/v3rpc/rpctypes */
		code = strstr(text, "compacted") ? ERR_GONE : ERR_INVALID;
	else if (status == ETCD_GRPC_INVALID)
		code = ERR_INVALID;
	err_set(err, code, "etcd: %s", text);
	return true;
}

/* Requests */

static void tick_soon(struct etcd_store *s)
{
	loop_timer_start(s->tick, ETCD_TICK_MS, 0);
}

static void on_sent(void *ctx)
{
	struct etcd_request *q = ctx;

	q->is_sent = true;
}

static void on_message(void *ctx, struct str message)
{
	struct etcd_request *q = ctx;
	struct err err;

	q->has_read = q->read(q, message, &err) >= 0;
	if (q->has_read)
		q->s->n_failures = 0;
}

/* Back to the others that wait, in front. */
static void take_back(struct etcd_request *q)
{
	struct etcd_store *s = q->s;

	q->call = NULL;
	list_remove(&q->link);
	s->n_flying--;
	list_insert_before(s->ready.next, &q->link);
	if (q->is_sent && q->again)
		q->again(q);
}

static void on_done(void *ctx, enum etcd_grpc_status status, const char *text)
{
	struct etcd_request *q = ctx;
	struct etcd_store *s = q->s;
	struct err err;

	if (status == ETCD_GRPC_OK && !q->has_read) {
		status = ETCD_GRPC_INTERNAL;
		text = "an answer that cannot be read";
	}
	if (status != ETCD_GRPC_OK && !etcd_link_error(status, text, &err)) {
		take_back(q);
		etcd_link_fail(s, text);
		return;
	}
	q->call = NULL;
	list_remove(&q->link);
	s->n_flying--;
	q->done(q, status == ETCD_GRPC_OK ? 0 : err.code, &err);
	etcd_link_pump(s);
}

static void start(struct etcd_request *q)
{
	static const struct etcd_grpc_events events = {on_sent, on_message, on_done};
	struct etcd_store *s = q->s;
	struct etcd_grpc_request req = {
		.path = q->path, .message = buf_str(&q->message), .timeout_ms = q->attempt_ms};

	list_remove(&q->link);
	list_append(&s->flying, &q->link);
	s->n_flying++;
	q->has_read = false;
	q->call = etcd_grpc_start(s->line, &req, &events, q);
}

void etcd_link_pump(struct etcd_store *s)
{
	struct etcd_request *q;

	while (s->state == ETCD_UP && s->n_flying < ETCD_FLYING_MAX &&
	       (q = list_first(struct etcd_request, &s->ready, link)))
		start(q);
}

void etcd_link_submit(struct etcd_store *s, struct etcd_request *q)
{
	list_append(&s->ready, &q->link);
	etcd_link_pump(s);
}

void etcd_link_withdraw(struct etcd_request *q)
{
	if (q->call) {
		etcd_grpc_cancel(TAKE_PTR(q->call));
		q->s->n_flying--;
	}
	list_remove(&q->link);
}

void etcd_link_expire(struct etcd_store *s, bool all)
{
	int64_t now = etcd_now(s);
	struct list_node late;
	struct etcd_request *q;
	struct err err;

	list_init(&late);
	/* Those that fly have a deadline of their own; when the member is up, nobody waits long. */
	list_foreach(struct etcd_request, r, &s->ready, link) {
		if (!all && (s->state == ETCD_UP || now < r->until_ms))
			continue;
		list_remove(&r->link);
		list_append(&late, &r->link);
	}
	while ((q = list_first(struct etcd_request, &late, link))) {
		list_remove(&q->link);
		err_set(&err, ERR_UNAVAILABLE, "etcd cannot be reached: %s", s->why);
		q->done(q, ERR_UNAVAILABLE, &err);
	}
}

/* Members */

static void on_hello(void *ctx, struct str message)
{
	struct etcd_store *s = ctx;
	uint64_t rev;

	if (etcd_wire_read_rev(message, &rev, NULL) < 0)
		return;
	s->newest = MAX(s->newest, rev);
	s->seen_hello = rev;
}

static void on_hello_done(void *ctx, enum etcd_grpc_status status, const char *text)
{
	struct etcd_store *s = ctx;

	s->hello = NULL;
	if (status != ETCD_GRPC_OK || !s->seen_hello) {
		etcd_link_fail(s, status == ETCD_GRPC_OK ? "it is not etcd" : text);
		return;
	}
	s->state = ETCD_UP;
	if (s->is_told_down && s->config.tell) {
		char line[256];

		snprintf(line, sizeof(line), "etcd is there again: %.*s",
			 STR_ARG(s->members[s->at].url));
		s->config.tell(s->config.ctx, false, line);
	}
	s->is_told_down = false;
	etcd_watch_start(s, s->seen_hello);
	etcd_link_pump(s);
}

/* A linearizable read: a member that answers it has a leader and a quorum behind it. */
static void say_hello(struct etcd_store *s)
{
	static const struct etcd_grpc_events events = {NULL, on_hello, on_hello_done};
	struct etcd_wire_range range = {.key = s->config.prefix, .limit = 1, .is_keys_only = true};
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	etcd_wire_add_range(&b, &range);
	s->seen_hello = 0;
	s->state = ETCD_HELLO;
	s->hello = etcd_grpc_start(s->line,
				   &(struct etcd_grpc_request){.path = "/etcdserverpb.KV/Range",
							       .message = buf_str(&b),
							       .timeout_ms = ETCD_HELLO_MS},
				   &events, s);
}

static int open_line(struct etcd_store *s, size_t at, struct http_transport **ret, struct err *err)
{
	const struct etcd_member *m = &s->members[at];
	struct http_client_config config = {
		.host = m->host,
		.port = m->port,
		.is_tls = m->is_tls,
		.ca_file = s->config.ca_file,
		.cert_file = s->config.cert_file,
		.key_file = s->config.key_file,
		.is_h2_only = true,
		.connect_timeout_ms = ETCD_CONNECT_MS,
	};

	return http_client_new(s->loop, &config, ret, err);
}

static void on_retry(void *ctx)
{
	struct etcd_store *s = ctx;
	struct err err;

	if (s->line)
		return;
	s->state = ETCD_HELLO;
	/* The files may be exchanged at any time: they are read anew for each connection. */
	if (open_line(s, s->at, &s->line, &err) < 0)
		etcd_link_fail(s, err.msg);
	else
		say_hello(s);
}

static void tell_down(struct etcd_store *s, const char *why)
{
	char line[ETCD_GRPC_TEXT_MAX + 128];

	if (s->is_told_down || s->is_closing || s->n_failures < s->n_members)
		return;
	s->is_told_down = true;
	snprintf(line, sizeof(line), "etcd cannot be used, trying on: %.*s: %s",
		 STR_ARG(s->members[s->at].url), why);
	if (s->config.tell)
		s->config.tell(s->config.ctx, true, line);
}

void etcd_link_fail(struct etcd_store *s, const char *why)
{
	struct http_transport *line = s->line;
	int64_t pause = 0;
	unsigned rounds;

	if (s->state == ETCD_DOWN)
		return;
	snprintf(s->why, sizeof(s->why), "%.*s: %s", STR_ARG(s->members[s->at].url), why);
	s->state = ETCD_DOWN;
	s->n_failures++;
	etcd_grpc_cancel(TAKE_PTR(s->hello));
	etcd_watch_stop(s);
	while (!list_is_empty(&s->flying)) { /* from the end: each goes to the front */
		struct etcd_request *q = CONTAINER_OF(s->flying.prev, struct etcd_request, link);

		etcd_grpc_cancel(q->call);
		take_back(q);
	}
	s->line = NULL;
	if (line)
		line->ops->close(line);
	tell_down(s, why);
	s->at = (s->at + 1) % s->n_members;
	rounds = s->n_failures / (unsigned)s->n_members;
	if (rounds)
		pause = (int64_t)ETCD_BACKOFF_MS << MIN(rounds - 1, 8u);
	loop_timer_start(s->retry, MIN(pause, (int64_t)ETCD_BACKOFF_MS_MAX), 0);
	tick_soon(s);
}

static void on_tick(void *ctx)
{
	struct etcd_store *s = ctx;
	bool is_idle;

	etcd_link_expire(s, false);
	etcd_watch_tick(s, etcd_now(s));
	is_idle = list_is_empty(&s->ready) && list_is_empty(&s->flying) &&
		  list_is_empty(&s->held) && list_is_empty(&s->histories);
	loop_timer_start(s->tick, is_idle ? ETCD_TICK_IDLE_MS : ETCD_TICK_MS, 0);
}

void etcd_link_start(struct etcd_store *s)
{
	s->retry = loop_timer_new(s->loop, on_retry, s);
	s->tick = loop_timer_new(s->loop, on_tick, s);
	loop_timer_start(s->retry, 0, 0);
	tick_soon(s);
}

void etcd_link_stop(struct etcd_store *s)
{
	etcd_grpc_cancel(TAKE_PTR(s->hello));
	if (s->line)
		s->line->ops->close(TAKE_PTR(s->line));
	loop_timer_close(s->retry);
	loop_timer_close(s->tick);
}

int etcd_link_check(struct etcd_store *s, struct err *err)
{
	struct http_transport *line;
	int r = open_line(s, 0, &line, err);

	if (r == 0)
		line->ops->close(line);
	return r;
}
