/* SPDX-License-Identifier: Apache-2.0 */
#define LOG_COMPONENT "agent"
#include "agent/agent-internal.h"

#include "agent/pause.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sockaddr.h"
#include "http/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct agent_prober {
	struct agent_container *container;
	enum agent_probe_type type;
	const struct api_probe *spec;
	struct agent_probe state;
	struct loop_timer *timer;   /* the next run */
	struct loop_timer *timeout; /* of the run under way */
	/* The run under way is one of these. */
	char exec[24]; /* id; "": none */
	int sock;
	struct loop_poll *poll;
	struct http_transport *http;
	struct http_call *call;
	int http_status;
	bool is_told; /* that the command cannot be run */
};

static int64_t now_ms(const struct agent_prober *p)
{
	return agent_pod_now_ms(p->container->pod);
}

static void plan(struct agent_prober *p)
{
	loop_timer_start(p->timer, MAX(p->state.due_ms - now_ms(p), 0), 0);
}

static void end_run(struct agent_prober *p)
{
	loop_timer_stop(p->timeout);
	p->exec[0] = '\0';
	if (p->poll)
		loop_poll_close(p->poll);
	p->poll = NULL;
	fd_close(p->sock);
	p->sock = -1;
	if (p->call)
		p->http->ops->cancel(p->call);
	p->call = NULL;
	if (p->http)
		p->http->ops->close(p->http);
	p->http = NULL;
}

/* May free the prober: nothing of it may be used afterwards. */
static void finish(struct agent_prober *p, bool is_pass)
{
	struct agent_container *c = p->container;
	struct agent_pod *pod = c->pod;
	bool is_new;

	end_run(p);
	is_new = agent_probe_end(&p->state, is_pass);
	/* A startup probe that has passed is over. */
	if (p->type == AGENT_STARTUP && p->state.verdict == AGENT_PASS)
		loop_timer_stop(p->timer);
	else
		plan(p);
	if (!is_new)
		return;
	agent_container_on_verdict(c, p->type, p->state.verdict);
	agent_pod_sync(pod);
}

static void on_timeout(void *ctx)
{
	struct agent_prober *p = ctx;
	const char *words[] = {"cancel", p->exec, NULL};

	if (p->exec[0])
		IGNORE(agent_pod_send(p->container->pod, words, NULL, NULL),
		       "a pause that takes nothing is seen by the next run");
	finish(p, false);
}

/* ---- exec --------------------------------------------------------------------------------- */

static bool run_exec(struct agent_prober *p)
{
	struct agent_pod *pod = p->container->pod;
	const struct api_strs *cmd = &p->spec->command;
	struct arena a;
	const char **words;
	struct err err;
	int r;

	snprintf(p->exec, sizeof(p->exec), "p%u", ++pod->next_exec);
	arena_init(&a, 0);
	words = arena_array(&a, cmd->n + 4, sizeof(*words));
	words[0] = "exec";
	words[1] = p->exec;
	words[2] = p->container->name;
	for (size_t i = 0; i < cmd->n; i++)
		words[3 + i] = str_cstr(&a, cmd->ptr[i]);
	r = agent_pod_send(pod, words, NULL, &err);
	arena_fini(&a);
	if (r == ERR_TOO_LARGE && !p->is_told)
		log_warning("exec.command of a probe is longer than %d bytes, so it fails; put it "
			    "into a file pod=%s/%s container=%s",
			    AGENT_PAUSE_MESSAGE_MAX, pod->box->ns, pod->box->name,
			    p->container->name);
	else if (r < 0 && !p->is_told)
		log_warning("a probe cannot be run, so it fails pod=%s/%s container=%s error=%s",
			    pod->box->ns, pod->box->name, p->container->name, err.msg);
	p->is_told = r < 0;
	return r == 0;
}

bool agent_prober_on_exec(struct agent_prober *p, struct str id, int exit_code)
{
	if (!p->exec[0] || !str_eq_c(id, p->exec))
		return false;
	finish(p, exit_code == 0);
	return true;
}

/* ---- where to ------------------------------------------------------------------------------ */

static bool find_port(const struct agent_prober *p, uint16_t *ret)
{
	const struct api_container *c = p->container->spec;

	if (!p->spec->port.is_str) {
		*ret = (uint16_t)p->spec->port.number;
		return p->spec->port.number > 0 && p->spec->port.number <= 65535;
	}
	for (size_t i = 0; i < c->n_ports; i++)
		if (str_eq(c->ports[i].name, p->spec->port.name)) {
			*ret = c->ports[i].port;
			return true;
		}
	return false;
}

static bool find_host(const struct agent_prober *p, struct ip_addr *ret)
{
	const struct agent_pod *pod = p->container->pod;
	const struct agent_config *config = &pod->agent->config;

	if (p->spec->host.len)
		return ip_parse_sloppy(p->spec->host, ret, NULL) == 0;
	if (pod->box->n_addrs)
		*ret = pod->box->addrs[0];
	else if (pod->box->has_host_network && config->n_internal)
		*ret = config->internal[0];
	else
		return false;
	return true;
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static void on_connected(void *ctx, unsigned events)
{
	struct agent_prober *p = ctx;
	int failure = 0;
	socklen_t len = sizeof(failure);

	if (getsockopt(p->sock, SOL_SOCKET, SO_ERROR, &failure, &len) < 0)
		failure = errno;
	finish(p, failure == 0);
}

static bool run_tcp(struct agent_prober *p, const struct ip_addr *host, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(host, port, &ss);

	p->sock = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->sock < 0)
		return false;
	if (connect(p->sock, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS)
		return false;
	return loop_poll_new(p->container->pod->agent->loop, p->sock, LOOP_WRITE, on_connected, p,
			     &p->poll, NULL) == 0;
}

/* ---- HTTP ---------------------------------------------------------------------------------- */

static void on_head(void *ctx, int status, const struct http_header *headers, size_t n)
{
	struct agent_prober *p = ctx;

	p->http_status = status;
}

static void on_done(void *ctx, int r, const struct err *err)
{
	struct agent_prober *p = ctx;

	p->call = NULL;
	finish(p, r == 0 && p->http_status >= 200 && p->http_status < 400);
}

static bool run_http(struct agent_prober *p, const struct ip_addr *host, uint16_t port)
{
	static const struct http_call_events events = {.on_head = on_head, .on_done = on_done};
	char text[IP_TEXT_MAX];
	struct http_client_config config = {
		.host = ip_format(host, text),
		.port = port,
		.is_tls = str_eq_nocase(p->spec->scheme, STR("https")),
		.is_insecure = true,
		.is_http1_only = true,
		.connect_timeout_ms = p->state.timeout_ms,
	};
	struct http_call_request req = {.method = HTTP_GET,
					.target = p->spec->path.len ? p->spec->path : STR("/"),
					.timeout_ms = p->state.timeout_ms};
	struct http_header *headers = NULL;
	struct arena a;
	bool is_begun;

	arena_init(&a, 0);
	headers = arena_array(&a, p->spec->n_headers + 2, sizeof(*headers));
	headers[0] = (struct http_header){STR("user-agent"), STR("fairlead-probe/1")};
	headers[1] = (struct http_header){STR("accept"), STR("*/*")};
	for (size_t i = 0; i < p->spec->n_headers; i++)
		headers[i + 2] =
			(struct http_header){p->spec->headers[i].key, p->spec->headers[i].value};
	req.headers = headers;
	req.n_headers = p->spec->n_headers + 2;
	p->http_status = 0;
	is_begun = http_client_new(p->container->pod->agent->loop, &config, &p->http, NULL) == 0;
	if (is_begun)
		p->call = p->http->ops->send(p->http, &req, &events, p);
	arena_fini(&a);
	return is_begun;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static bool run(struct agent_prober *p)
{
	struct ip_addr host;
	uint16_t port = 0;

	if (p->spec->kind == API_PROBE_EXEC)
		return run_exec(p);
	if (!find_host(p, &host) || !find_port(p, &port))
		return false;
	if (p->spec->kind == API_PROBE_HTTP)
		return run_http(p, &host, port);
	/* A grpc probe is asked whether somebody listens: no health protocol is spoken here. */
	return run_tcp(p, &host, port);
}

static void on_due(void *ctx)
{
	struct agent_prober *p = ctx;

	if (!agent_probe_is_due(&p->state, now_ms(p))) {
		plan(p);
		return;
	}
	agent_probe_begin(&p->state, now_ms(p));
	loop_timer_start(p->timeout, p->state.timeout_ms, 0);
	if (!run(p))
		finish(p, false);
}

struct agent_prober *agent_prober_new(struct agent_container *c, enum agent_probe_type type,
				      enum agent_verdict initial)
{
	struct agent_prober *p = mem_xnew(struct agent_prober);
	struct loop *l = c->pod->agent->loop;

	p->container = c;
	p->type = type;
	p->spec = type == AGENT_READINESS  ? &c->spec->readiness
		  : type == AGENT_LIVENESS ? &c->spec->liveness
					   : &c->spec->startup;
	p->sock = -1;
	p->timer = loop_timer_new(l, on_due, p);
	p->timeout = loop_timer_new(l, on_timeout, p);
	agent_probe_init(&p->state, p->spec, initial, now_ms(p));
	if (p->spec->kind == API_PROBE_GRPC)
		log_warning("a grpc probe is checked as a TCP connection only pod=%s/%s "
			    "container=%s",
			    c->pod->box->ns, c->pod->box->name, c->name);
	plan(p);
	return p;
}

void agent_prober_free(struct agent_prober *p)
{
	if (!p)
		return;
	end_run(p);
	loop_timer_close(p->timer);
	loop_timer_close(p->timeout);
	free(p);
}
