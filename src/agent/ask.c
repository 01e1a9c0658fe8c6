/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ask.h"

#include "base/fd.h"
#include "base/sockaddr.h"
#include "http/client.h"
#include "loop/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct agent_ask {
	struct agent_ask_config config;
	struct loop_timer *timeout; /* also of what failed at once: never answered from inside */
	bool has_failed, is_asleep;
	struct err err;
	/* It is one of these. */
	struct agent_errand errand;
	int sock;
	struct loop_poll *poll;
	struct http_transport *http;
	struct http_call *call;
	int http_status;
};

static struct loop *loop_of(const struct agent_ask *a)
{
	return a->config.place->agent->loop;
}

/* Its owner may free it. */
static void answer(struct agent_ask *a, bool is_ok, const char *why)
{
	loop_timer_stop(a->timeout);
	a->config.on_answer(a->config.ctx, is_ok, why);
}

/* ---- exec --------------------------------------------------------------------------------- */

static void on_errand_done(void *ctx, int exit_code, struct str failure)
{
	struct agent_ask *a = ctx;
	char why[256];

	if (exit_code < 0)
		snprintf(why, sizeof(why), "%.*s", STR_ARG(failure));
	else
		snprintf(why, sizeof(why), "the command exited with %d", exit_code);
	answer(a, exit_code == 0, exit_code == 0 ? "" : why);
}

static int ask_exec(struct agent_ask *a, struct err *err)
{
	const struct api_strs *cmd = &a->config.how->command;
	struct arena arena;
	const char **words;
	int r;

	arena_init(&arena, 0);
	words = arena_array(&arena, cmd->n + 1, sizeof(*words));
	for (size_t i = 0; i < cmd->n; i++)
		words[i] = str_cstr(&arena, cmd->ptr[i]);
	a->errand.on_done = on_errand_done;
	a->errand.ctx = a;
	r = agent_errand_start(&a->errand, a->config.place, a->config.name, words, NULL, err);
	arena_fini(&arena);
	return r == ERR_TOO_LARGE ? err_wrap(err, r, "exec.command (put it into a file)") : r;
}

/* ---- where to ------------------------------------------------------------------------------ */

static int find_port(const struct agent_ask *a, uint16_t *ret, struct err *err)
{
	const struct api_container *c = a->config.container;
	const struct api_int_or_str *port = &a->config.how->port;

	if (!port->is_str && port->number > 0 && port->number <= 65535) {
		*ret = (uint16_t)port->number;
		return 0;
	}
	for (size_t i = 0; port->is_str && i < c->n_ports; i++)
		if (str_eq(c->ports[i].name, port->name)) {
			*ret = c->ports[i].port;
			return 0;
		}
	return err_set(err, ERR_NOT_FOUND, "the container has no port of this name");
}

static int find_host(const struct agent_ask *a, struct ip_addr *ret, struct err *err)
{
	const struct agent_sandbox *box = a->config.place->box;
	const struct agent_config *config = &a->config.place->agent->config;

	if (a->config.how->host.len)
		return ip_parse_sloppy(a->config.how->host, ret, err);
	if (box->n_addrs)
		*ret = box->addrs[0];
	else if (box->has_host_network && config->n_internal)
		*ret = config->internal[0];
	else
		return err_set(err, ERR_NOT_FOUND, "the Pod has no address");
	return 0;
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static void on_connected(void *ctx, unsigned events)
{
	struct agent_ask *a = ctx;
	int failure = 0;
	socklen_t len = sizeof(failure);

	if (getsockopt(a->sock, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
		failure = errno;
	loop_poll_set(a->poll, 0);
	answer(a, failure == 0, failure ? strerror(failure) : "");
}

static int ask_tcp(struct agent_ask *a, const struct ip_addr *host, uint16_t port, struct err *err)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(host, port, &ss);

	a->sock = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->sock < 0)
		return err_sys(err, errno, "make a socket");
	if (connect(a->sock, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return err_sys(err, errno, "connect");
	return loop_poll_new(loop_of(a), a->sock, LOOP_WRITE, on_connected, a, &a->poll, err);
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct agent_ask *a = ctx;

	a->http_status = status;
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct agent_ask *a = ctx;
	char why[64] = "";
	bool is_ok = r == 0 && a->http_status >= 200 && a->http_status < 400;

	a->call = NULL;
	if (r == 0 && !is_ok)
		snprintf(why, sizeof(why), "the answer has status %d", a->http_status);
	answer(a, is_ok, r < 0 ? err->msg : why);
}

static int ask_http(struct agent_ask *a, const struct ip_addr *host, uint16_t port, struct err *err)
{
	static const struct http_call_events events = {.on_head = on_head, .on_done = on_done};
	const struct api_probe *how = a->config.how;
	char text[IP_TEXT_MAX];
	struct http_client_config config = {
		.host = ip_format(host, text),
		.port = port,
		.is_tls = str_eq_nocase(how->scheme, STR("https")),
		.is_insecure = true,
		.is_http1_only = true,
		.connect_timeout_ms = a->config.timeout_ms,
	};
	struct http_call_request req = {.method = HTTP_GET,
					.target = how->path.len ? how->path : STR("/"),
					.timeout_ms = a->config.timeout_ms};
	struct http_header *headers = NULL;
	struct arena arena;
	int r;

	arena_init(&arena, 0);
	headers = arena_array(&arena, how->n_headers + 2, sizeof(*headers));
	headers[0] = (struct http_header){STR("user-agent"), str_of(a->config.agent_name)};
	headers[1] = (struct http_header){STR("accept"), STR("*/*")};
	for (size_t i = 0; i < how->n_headers; i++)
		headers[i + 2] = (struct http_header){how->headers[i].key, how->headers[i].value};
	req.headers = headers;
	req.n_headers = how->n_headers + 2;
	r = http_client_new(loop_of(a), &config, &a->http, err);
	if (r == 0)
		a->call = a->http->ops->send(a->http, &req, &events, a);
	arena_fini(&arena);
	return r;
}

/* ---- life ----------------------------------------------------------------------------------- */

static int ask(struct agent_ask *a, struct err *err)
{
	struct ip_addr host;
	uint16_t port = 0;
	int r;

	if (a->config.how->kind == API_PROBE_EXEC)
		return ask_exec(a, err);
	r = find_host(a, &host, err);
	if (r == 0)
		r = find_port(a, &port, err);
	if (r < 0)
		return r;
	if (a->config.how->kind == API_PROBE_HTTP)
		return ask_http(a, &host, port, err);
	/* A grpc probe is asked whether somebody listens: no health protocol is spoken here. */
	return ask_tcp(a, &host, port, err);
}

static void on_timeout(void *ctx)
{
	struct agent_ask *a = ctx;

	answer(a, a->is_asleep,
	       a->has_failed  ? a->err.msg
	       : a->is_asleep ? ""
			      : "no answer in time");
}

struct agent_ask *agent_ask_new(const struct agent_ask_config *config)
{
	struct agent_ask *a = mem_xnew(struct agent_ask);
	int64_t timeout_ms = config->timeout_ms;

	a->config = *config;
	a->sock = -1;
	a->timeout = loop_timer_new(loop_of(a), on_timeout, a);
	if (config->how->kind == API_PROBE_SLEEP && config->how->sleep_s <= timeout_ms / 1000) {
		a->is_asleep = true;
		timeout_ms = config->how->sleep_s * 1000;
	} else if (config->how->kind != API_PROBE_SLEEP) {
		a->has_failed = ask(a, &a->err) < 0;
	}
	loop_timer_start(a->timeout, a->has_failed ? 0 : timeout_ms, 0);
	return a;
}

void agent_ask_free(struct agent_ask *a)
{
	if (!a)
		return;
	agent_errand_cancel(&a->errand);
	if (a->poll)
		loop_poll_close(a->poll);
	fd_close(a->sock);
	if (a->call)
		a->http->ops->cancel(a->call);
	if (a->http)
		a->http->ops->close(a->http);
	loop_timer_close(a->timeout);
	free(a);
}
