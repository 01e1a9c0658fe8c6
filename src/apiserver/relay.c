/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/relay.h"

#include "apiserver/reply.h"
#include "apiserver/stats.h"

struct relay {
	struct request *req; /* NULL: the client has gone */
	struct loop *loop;
	struct http_transport *transport;
	struct http_call *call;
	struct loop_timer *timer; /* armed while it is the agent's turn */
	int64_t timeout_ms;
	bool is_begun, may_be_silent;
};

/* Where the node's agent is: absent when it has no address, port 0 when it does not say one. */
static struct str agent_host(struct request *req, struct str node, uint16_t *ret_port)
{
	const struct object *o = cache_get(server_resource_of(req->s, "Node")->cache, node);
	struct json *obj;
	const struct json *list;
	int64_t port;

	*ret_port = 0;
	if (!o || object_decode_copy(req->arena, o, 0, &obj, NULL) < 0)
		return (struct str){0};
	list = json_path(obj, "status.addresses");
	if (!json_is(list, JSON_ARRAY))
		return (struct str){0};
	port = json_get_int(json_path(obj, "status.daemonEndpoints.kubeletEndpoint"), "Port", 0);
	*ret_port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
	json_foreach(a, list) {
		if (str_eq_c(json_get_string(a, "type"), "InternalIP"))
			return json_get_string(a, "address");
	}
	return (struct str){0};
}

static void relay_free(void *ctx)
{
	struct relay *v = ctx;

	v->transport->ops->close(v->transport);
	loop_timer_close(v->timer);
	free(v);
}

/* The agent is to say something now. Where silence is no fault, a dead agent is found out by the
 * transport once its answer has begun. */
static void wait_for_agent(struct relay *v)
{
	if (v->is_begun && v->may_be_silent)
		loop_timer_stop(v->timer);
	else
		loop_timer_start(v->timer, v->timeout_ms, 0);
}

static void pause_agent(struct relay *v, bool is_paused)
{
	v->transport->ops->pause(v->call, is_paused);
	if (is_paused)
		loop_timer_stop(v->timer); /* it is the client who takes its time */
	else
		wait_for_agent(v);
}

static void on_close(struct http_exchange *x)
{
	struct relay *v = x->handler_ctx;

	v->req = NULL;
	loop_timer_stop(v->timer);
	v->transport->ops->cancel(v->call);
	loop_post(v->loop, relay_free, v);
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct relay *v = ctx;
	struct http_header type = {STR("content-type"), {0}};

	if (!v->req)
		return;
	type.value = str_of(v->req->content_type);
	v->is_begun = true;
	wait_for_agent(v);
	stats_request(v->req, status);
	http_begin(v->req->x, status, &type, 1);
}

static void on_data(void *ctx, struct str data)
{
	struct relay *v = ctx;
	struct bytes *chunk;

	if (!v->req)
		return;
	chunk = bytes_dup(data);
	http_write(v->req->x, chunk);
	bytes_unref(chunk);
	if (http_pending(v->req->x) >= HTTP_PENDING_MAX)
		pause_agent(v, true);
	else
		wait_for_agent(v);
}

/* The client has read most of what was held back. */
static void on_writable(struct http_exchange *x)
{
	pause_agent(x->handler_ctx, false);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct relay *v = ctx;
	struct request *req = v->req;

	/* The transport must not be closed from inside its own callback's call. */
	loop_post(v->loop, relay_free, v);
	loop_timer_stop(v->timer);
	if (!req)
		return;
	req->x->on_close = NULL;
	req->x->on_writable = NULL;
	if (r == 0) {
		http_end(req->x);
	} else if (v->is_begun) {
		http_abort(req->x);
	} else {
		IGNORE(status_set(&req->st, r == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
				  "the node's agent does not answer: %s", err->msg),
		       "answered next");
		reply_failure(req);
	}
}

static void on_timeout(void *ctx)
{
	struct relay *v = ctx;
	struct err err;

	err_set(&err, ERR_TIMEOUT, "nothing came for %lld s", (long long)v->timeout_ms / 1000);
	v->transport->ops->cancel(v->call);
	on_done(v, ERR_TIMEOUT, &err);
}

int relay_open(struct request *req, struct str node, struct http_transport **ret, struct err *err)
{
	const struct apiserver_config *config = &req->s->config;
	uint16_t port;
	struct str host = agent_host(req, node, &port);

	if (!host.len)
		return err_set(err, ERR_UNAVAILABLE, "node \"%.*s\": it has no InternalIP",
			       STR_ARG(node));
	if (!config->agent_transport)
		return err_set(err, ERR_UNAVAILABLE,
			       "node \"%.*s\": this server was not told how to reach agents",
			       STR_ARG(node));
	if (config->agent_transport(config->ctx, host, port, ret, err) < 0)
		return err_wrap(err, ERR_UNAVAILABLE, "node \"%.*s\"", STR_ARG(node));
	return 0;
}

void relay_run(struct request *req, struct http_transport *t, const struct http_call_request *call,
	       bool may_be_silent)
{
	static const struct http_call_events events = {on_head, on_data, on_done};
	int64_t timeout_ms = req->s->config.agent_timeout_ms;
	struct relay *v = mem_xnew(struct relay);

	v->req = req;
	v->loop = req->s->loop;
	v->transport = t;
	v->timer = loop_timer_new(v->loop, on_timeout, v);
	v->timeout_ms = timeout_ms ? timeout_ms : APISERVER_AGENT_MS;
	v->may_be_silent = may_be_silent;
	req->x->handler_ctx = v;
	req->x->on_close = on_close;
	req->x->on_writable = on_writable;
	v->call = t->ops->send(t, call, &events, v);
	wait_for_agent(v);
}
