/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/relay.h"

#include "apiserver/reply.h"
#include "apiserver/stats.h"

struct relay_list {
	struct list_node all;
};

struct relay {
	struct list_node link; /* in relay_list.all */
	struct request *req;   /* NULL: the client has gone */
	struct loop *loop;
	struct http_transport *transport;
	struct http_call *call;
	struct loop_timer *timer; /* armed while it is the agent's turn */
	const struct relay_way *way;
	int64_t timeout_ms;
	bool is_begun, is_tunnel;
	int failure;     /* status of a failure whose text is collected; 0: none */
	struct buf text; /* of it */
};

enum {
	FAILURE_MAX = 2048, /* bytes of a failure's text; what is longer is cut */
};

const struct relay_way relay_agent = {.failure = "the node's agent does not answer"};

struct str relay_agent_host(struct request *req, struct str node, uint16_t *ret_port)
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
	buf_fini(&v->text);
	free(v);
}

/* Not at once: the transport must not be closed from inside its own callback's call. */
static void relay_end(struct relay *v)
{
	list_remove(&v->link);
	loop_post(v->loop, relay_free, v);
}

struct relay_list *relay_list_new(void)
{
	struct relay_list *relays = mem_xnew(struct relay_list);

	list_init(&relays->all);
	return relays;
}

void relay_list_free(struct relay_list *relays)
{
	struct relay *v;

	while (relays && (v = list_first(struct relay, &relays->all, link))) {
		list_remove(&v->link);
		relay_free(v);
	}
	free(relays);
}

/* The agent is to say something now. Where silence is no fault, a dead agent is found out by the
 * transport once its answer has begun. */
static void wait_for_agent(struct relay *v)
{
	if (v->is_tunnel)
		loop_timer_start(v->timer, RELAY_TUNNEL_IDLE_MS, 0);
	else if (v->is_begun && v->way->may_be_silent)
		loop_timer_stop(v->timer);
	else
		loop_timer_start(v->timer, v->timeout_ms, 0);
}

static void pause_agent(struct relay *v, bool is_paused)
{
	v->transport->ops->pause(v->call, is_paused);
	if (is_paused && !v->is_tunnel)
		loop_timer_stop(v->timer); /* it is the client who takes its time */
	else
		wait_for_agent(v);
}

static void on_close(struct http_exchange *x)
{
	struct relay *v = x->handler_ctx;

	v->req = NULL;
	loop_timer_stop(v->timer);
	if (v->is_tunnel) {
		v->transport->ops->tunnel_finish(v->call); /* its last words count; on_done */
		return;
	}
	v->transport->ops->cancel(v->call);
	relay_end(v);
}

/* ---- heads -------------------------------------------------------------------------------- */

bool relay_is_hop_header(const struct http_header *headers, size_t n, struct str name)
{
	static const char *const names[] = {
		"connection", "proxy-connection", "keep-alive",        "proxy-authenticate",
		"te",         "trailer",          "transfer-encoding", "proxy-authorization",
		"upgrade",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(name, names[i]))
			return true;
	return http_has_token(headers, n, "connection", name);
}

/* The headers that go on to the client, and the length that the answer has said (-1: none). */
static size_t pass_headers(struct relay *v, const struct http_header *headers, size_t n,
			   struct http_header *ret, int64_t *ret_length)
{
	struct request *req = v->req;
	size_t n_ret = 0;

	*ret_length = -1;
	for (size_t i = 0; i < n; i++) {
		struct str name = headers[i].name, value = headers[i].value;

		if (str_eq_c(name, "content-length"))
			IGNORE(str_to_i64(value, 0, INT64_MAX, ret_length, NULL), "then unknown");
		else if (!str_eq_c(name, "date") && /* this server has a clock, too */
			 (v->is_tunnel ? !str_eq_c(name, "connection")
				       : !relay_is_hop_header(headers, n, name)))
			ret[n_ret++] = (struct http_header){
				name, str_eq_c(name, "location") && v->way->location
					      ? v->way->location(req, value)
					      : value};
	}
	return n_ret;
}

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n_headers)
{
	struct relay *v = ctx;
	struct http_header own[HTTP_HEADERS_MAX] = {{STR("content-type"), {0}}};
	struct http_exchange *x;
	int64_t length = -1;
	size_t n = 1;

	if (!v->req)
		return;
	if (v->way->has_text_failures && status >= 300) {
		v->failure = status;
		return;
	}
	x = v->req->x;
	v->is_begun = true;
	v->is_tunnel = status == 101;
	wait_for_agent(v);
	stats_request(v->req, status);
	own[0].value = str_of(v->req->content_type);
	if (v->way->has_own_headers)
		n = pass_headers(v, headers, n_headers, own, &length);
	if (v->is_tunnel)
		http_upgrade(x, own, n);
	else
		x->ops->begin(x, status, own, n, length);
}

/* ---- what is passed on --------------------------------------------------------------------- */

static void on_data(void *ctx, struct str data)
{
	struct relay *v = ctx;
	struct bytes *chunk;

	if (!v->req)
		return;
	if (v->failure) {
		buf_add_str(&v->text,
			    str_sub(data, 0, FAILURE_MAX - MIN(v->text.len, FAILURE_MAX)));
		return;
	}
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

/* A tunnel's other direction. */
static void on_client_data(struct http_exchange *x, struct str data)
{
	struct relay *v = x->handler_ctx;
	struct bytes *chunk = bytes_dup(data);

	v->transport->ops->tunnel_write(v->call, chunk);
	bytes_unref(chunk);
	wait_for_agent(v);
	if (v->transport->ops->tunnel_pending(v->call) >= HTTP_PENDING_MAX)
		http_pause(x, true);
}

static void on_agent_writable(void *ctx)
{
	struct relay *v = ctx;

	if (v->req)
		http_pause(v->req->x, false);
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct relay *v = ctx;
	struct request *req = v->req;

	relay_end(v);
	loop_timer_stop(v->timer);
	if (!req)
		return;
	req->x->on_close = NULL;
	req->x->on_writable = NULL;
	if (r == 0 && v->failure) {
		IGNORE(status_set(&req->st, err_from_http(v->failure, NULL), "%.*s",
				  STR_ARG(str_trim(buf_str(&v->text)))),
		       "answered next");
		reply_failure(req);
	} else if (r == 0 ||
		   v->is_tunnel) { /* a tunnel: however it ended, what has come goes out */
		http_end(req->x);
	} else if (v->is_begun) {
		http_abort(req->x);
	} else {
		IGNORE(status_set(&req->st, r == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
				  "%s: %s", v->way->failure, err->msg),
		       "answered next");
		reply_failure(req);
	}
}

static void on_timeout(void *ctx)
{
	struct relay *v = ctx;
	struct err err;

	IGNORE(err_set(&err, ERR_TIMEOUT, "nothing came for %lld s",
		       (long long)v->timeout_ms / 1000),
	       "told next");
	v->transport->ops->cancel(v->call);
	on_done(v, ERR_TIMEOUT, &err);
}

int relay_open(struct request *req, struct str node, struct http_transport **ret, struct err *err)
{
	const struct apiserver_config *config = &req->s->config;
	uint16_t port;
	struct str host = relay_agent_host(req, node, &port);
	char text[IP_TEXT_MAX];
	struct ip_addr addr;

	if (!host.len)
		return err_set(err, ERR_UNAVAILABLE, "node \"%.*s\": it has no InternalIP",
			       STR_ARG(node));
	/* Never a name to look up, nor a text that a resolver reads in another way. */
	if (ip_parse_sloppy(host, &addr, err) < 0)
		return err_wrap(err, ERR_UNAVAILABLE, "node \"%.*s\": its InternalIP",
				STR_ARG(node));
	host = ip_format(&addr, text);
	if (!config->agent_transport)
		return err_set(err, ERR_UNAVAILABLE,
			       "node \"%.*s\": this server was not told how to reach agents",
			       STR_ARG(node));
	if (config->agent_transport(config->ctx, host, port, ret, err) < 0)
		return err_wrap(err, ERR_UNAVAILABLE, "node \"%.*s\"", STR_ARG(node));
	return 0;
}

void relay_run(struct request *req, struct http_transport *t, const struct http_call_request *call,
	       const struct relay_way *way)
{
	static const struct http_call_events events = {.on_head = on_head,
						       .on_data = on_data,
						       .on_done = on_done,
						       .on_writable = on_agent_writable};
	int64_t timeout_ms = way->timeout_ms ? way->timeout_ms : req->s->config.agent_timeout_ms;
	struct relay *v = mem_xnew(struct relay);

	v->req = req;
	v->loop = req->s->loop;
	buf_init(&v->text);
	v->transport = t;
	v->timer = loop_timer_new(v->loop, on_timeout, v);
	v->timeout_ms = timeout_ms ? timeout_ms : APISERVER_AGENT_MS;
	v->way = way;
	req->x->handler_ctx = v;
	req->x->on_close = on_close;
	req->x->on_writable = on_writable;
	req->x->on_data = on_client_data;
	list_append(&req->s->relays->all, &v->link);
	v->call = t->ops->send(t, call, &events, v);
	wait_for_agent(v);
}
