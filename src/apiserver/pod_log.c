/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/pod_log.h"

#include "apiserver/reply.h"
#include "apiserver/stats.h"

struct log_call {
	struct request *req; /* NULL: the client has gone */
	struct loop *loop;
	struct http_transport *transport;
	struct http_call *call;
	struct loop_timer *timer; /* armed while it is the agent's turn */
	int64_t timeout_ms;
	bool is_begun, is_following;
};

static void log_free(void *ctx)
{
	struct log_call *l = ctx;

	l->transport->ops->close(l->transport);
	loop_timer_close(l->timer);
	free(l);
}

/* The agent is to say something now. A log that is followed may be silent once it has begun: a dead
 * agent is then found out by the transport. */
static void log_wait(struct log_call *l)
{
	if (l->is_begun && l->is_following)
		loop_timer_stop(l->timer);
	else
		loop_timer_start(l->timer, l->timeout_ms, 0);
}

static void log_pause(struct log_call *l, bool is_paused)
{
	l->transport->ops->pause(l->call, is_paused);
	if (is_paused)
		loop_timer_stop(l->timer); /* it is the client who takes its time */
	else
		log_wait(l);
}

static void log_closed(struct http_exchange *x)
{
	struct log_call *l = x->handler_ctx;

	l->req = NULL;
	loop_timer_stop(l->timer);
	l->transport->ops->cancel(l->call);
	loop_post(l->loop, log_free, l);
}

static void log_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct log_call *l = ctx;
	struct http_header type = {STR("content-type"), STR("text/plain")};

	if (!l->req)
		return;
	l->is_begun = true;
	log_wait(l);
	stats_request(l->req, status);
	http_begin(l->req->x, status, &type, 1);
}

static void log_data(void *ctx, struct str data)
{
	struct log_call *l = ctx;
	struct bytes *chunk;

	if (!l->req)
		return;
	chunk = bytes_dup(data);
	http_write(l->req->x, chunk);
	bytes_unref(chunk);
	if (http_pending(l->req->x) >= HTTP_PENDING_MAX)
		log_pause(l, true);
	else
		log_wait(l);
}

/* The client has read most of what was held back. */
static void log_writable(struct http_exchange *x)
{
	log_pause(x->handler_ctx, false);
}

static void log_done(void *ctx, int r, const struct err *err)
{
	struct log_call *l = ctx;
	struct request *req = l->req;

	/* The transport must not be closed from inside its own callback's call. */
	loop_post(l->loop, log_free, l);
	loop_timer_stop(l->timer);
	if (!req)
		return;
	req->x->on_close = NULL;
	req->x->on_writable = NULL;
	if (r == 0) {
		http_end(req->x);
	} else if (l->is_begun) {
		http_abort(req->x);
	} else {
		IGNORE(status_set(&req->st, r == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
				  "the agent of the Pod's node does not answer: %s", err->msg),
		       "answered next");
		reply_failure(req);
	}
}

static void log_timed(void *ctx)
{
	struct log_call *l = ctx;
	struct err err;

	err_set(&err, ERR_TIMEOUT, "nothing came for %lld s", (long long)l->timeout_ms / 1000);
	l->transport->ops->cancel(l->call);
	log_done(l, ERR_TIMEOUT, &err);
}

static bool has_container(const struct json *pod, struct str name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers",
					    "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct json *list = json_path(pod, lists[i]);

		if (!json_is(list, JSON_ARRAY))
			continue;
		json_foreach(c, list)
			if (str_eq(json_get_string(c, "name"), name))
				return true;
	}
	return false;
}

/* "a b c" */
static struct str container_names(struct arena *a, const struct json *list)
{
	struct str names = STR("");

	json_foreach(c, list)
		names = str_printf(a, "%.*s%s%.*s", STR_ARG(names), names.len ? " " : "",
				   STR_ARG(json_get_string(c, "name")));
	return names;
}

/* The container that is asked for: the one named, or the only one. */
static int container_of(struct request *req, const struct json *pod, struct str *ret)
{
	struct str name = http_query(req->arena, req->x->req.query, "container", 0);
	const struct json *list = json_path(pod, "spec.containers");

	if (!json_is(list, JSON_ARRAY) || !list->count)
		return status_set(&req->st, ERR_BAD_REQUEST, "pod %.*s has no containers",
				  STR_ARG(req->name));
	if (name.len && !has_container(pod, name))
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "container %.*s is not valid for pod %.*s", STR_ARG(name),
				  STR_ARG(req->name));
	if (!name.len && list->count > 1)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "a container name must be specified for pod %.*s, choose one of: "
				  "[%.*s]",
				  STR_ARG(req->name), STR_ARG(container_names(req->arena, list)));
	*ret = name.len ? name : json_get_string(json_at(list, 0), "name");
	return 0;
}

/* The node's address for its agent; absent when it has none. */
static struct str agent_host(struct request *req, struct str node)
{
	const struct object *o = cache_get(server_resource_of(req->s, "Node")->cache, node);
	struct json *obj;
	const struct json *list;

	if (!o || object_decode_copy(req->arena, o, 0, &obj, NULL) < 0)
		return (struct str){0};
	list = json_path(obj, "status.addresses");
	if (!json_is(list, JSON_ARRAY))
		return (struct str){0};
	json_foreach(a, list) {
		if (str_eq_c(json_get_string(a, "type"), "InternalIP"))
			return json_get_string(a, "address");
	}
	return (struct str){0};
}

static int unreachable(struct request *req, struct str node, const char *why)
{
	return status_set(&req->st, ERR_UNAVAILABLE,
			  "the logs of pod %.*s are with node \"%.*s\": %s", STR_ARG(req->name),
			  STR_ARG(node), why);
}

static struct str log_target(struct request *req, struct str container)
{
	struct buf b = BUF_INIT;
	struct str ret, query = req->x->req.query;

	buf_add_c(&b, "/containerLogs/");
	http_escape(&b, req->ns);
	buf_add_byte(&b, '/');
	http_escape(&b, req->name);
	buf_add_byte(&b, '/');
	http_escape(&b, container);
	if (query.len) {
		buf_add_byte(&b, '?');
		buf_add_str(&b, query);
	}
	ret = str_dup(req->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void log_send(struct request *req, struct http_transport *t, struct str container)
{
	static const struct http_call_events events = {log_head, log_data, log_done};
	struct log_call *l = mem_xnew(struct log_call);
	struct http_call_request call = {.method = HTTP_GET, .target = log_target(req, container)};

	int64_t timeout_ms = req->s->config.agent_timeout_ms;
	struct str follow = http_query(req->arena, req->x->req.query, "follow", 0);

	l->req = req;
	l->loop = req->s->loop;
	l->transport = t;
	l->timer = loop_timer_new(l->loop, log_timed, l);
	l->timeout_ms = timeout_ms ? timeout_ms : APISERVER_AGENT_MS;
	l->is_following = str_eq_c(follow, "true") || str_eq_c(follow, "1");
	req->x->handler_ctx = l;
	req->x->on_close = log_closed;
	req->x->on_writable = log_writable;
	l->call = t->ops->send(t, &call, &events, l);
	log_wait(l);
}

int pod_log_start(struct request *req)
{
	const struct apiserver_config *config = &req->s->config;
	const struct object *o = cache_get(
		req->res->cache, server_cache_key(req->arena, req->res, req->ns, req->name));
	struct http_transport *t;
	struct str container = {0}, node, host;
	struct json *pod;
	struct err err;
	int r;

	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = object_decode_copy(req->arena, o, 0, &pod, &err);
	if (r < 0)
		return status_from_err(&req->st, r, &err);
	r = container_of(req, pod, &container);
	if (r < 0)
		return r;
	node = json_get_string(json_get(pod, "spec"), "nodeName");
	if (!node.len)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "pod %.*s does not have a host assigned", STR_ARG(req->name));
	host = agent_host(req, node);
	if (!host.len)
		return unreachable(req, node, "it has no InternalIP");
	if (!config->agent_transport)
		return unreachable(req, node, "this server was not told how to reach agents");
	r = config->agent_transport(config->ctx, host, &t, &err);
	if (r < 0)
		return unreachable(req, node, err.msg);
	log_send(req, t, container);
	return 0;
}
