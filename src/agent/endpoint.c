/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's HTTP endpoint, with a kubelet's paths:
 *
 *	/healthz /metrics                        anybody
 *	/containerLogs/NS/POD/CONTAINER          logs.c
 *	/exec/NS/POD/CONTAINER                   exec.c
 *	/attach/NS/POD/CONTAINER                 exec.c
 *	/portForward/NS/POD                      forward.c
 *
 * TLS alone lets a client without a certificate in (http/server.h): logs need one of the cluster's
 * CA, and what runs or reaches something in a Pod that of an API server.
 */
#include "agent/endpoint.h"

#include "agent/exec.h"
#include "agent/forward.h"
#include "agent/logs.h"
#include "agent/pod.h"
#include "base/metrics.h"
#include "http/server.h"

#include <stdlib.h>

struct agent_endpoint {
	struct agent *agent;
	struct http_server *server;
	struct agent_logs *logs;
};

/* The name under which an API server calls agents, as kubeadm names it. */
#define API_SERVER_USER "kube-apiserver-kubelet-client"

enum need {
	NEED_SERVER_IF_KNOWN, /* without a CA nobody can show who they are */
	NEED_SERVER,
};

static bool is_server(const struct http_peer *peer)
{
	if (str_eq_c(peer->user, API_SERVER_USER))
		return true;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (str_eq_c(peer->groups[i], "system:masters"))
			return true;
	return false;
}

/* Without a CA there is nothing to check logs' readers with; nobody runs anything then. */
static int admit(const struct agent_endpoint *e, const struct http_exchange *x, enum need need,
		 struct err *err)
{
	const struct http_peer *peer = x->req.peer;

	if (need == NEED_SERVER_IF_KNOWN && !e->agent->config.client_ca_file)
		return 0;
	if (!str_is_set(peer->user))
		return err_set(err, ERR_UNAUTHORIZED,
			       "a client certificate of the cluster's CA is needed\n");
	if (!is_server(peer))
		return err_set(err, ERR_FORBIDDEN,
			       "user '%.*s' is neither " API_SERVER_USER
			       " nor in the group system:masters\n",
			       STR_ARG(peer->user));
	return 0;
}

/* NS/POD, and /CONTAINER when ret_container is not NULL. */
static int find(struct agent_endpoint *e, struct str rest, struct agent_pod **ret_pod,
		struct agent_container **ret_container, struct err *err)
{
	struct str ns, pod, name = {0};

	if (!str_next(&rest, '/', &ns) || !str_next(&rest, '/', &pod) ||
	    (ret_container && !str_next(&rest, '/', &name)) || rest.len)
		return err_set(err, ERR_NOT_FOUND, "the path goes on with NAMESPACE/POD%s",
			       ret_container ? "/CONTAINER" : "");
	*ret_pod = agent_pod_find(e->agent, ns, pod);
	if (!*ret_pod || !(*ret_pod)->place.box)
		return err_set(err, ERR_NOT_FOUND, "Pod %.*s/%.*s does not run here", STR_ARG(ns),
			       STR_ARG(pod));
	if (!ret_container)
		return 0;
	*ret_container = agent_pod_container(*ret_pod, name);
	if (!*ret_container)
		return err_set(err, ERR_NOT_FOUND, "Pod %.*s/%.*s has no container '%.*s'",
			       STR_ARG(ns), STR_ARG(pod), STR_ARG(name));
	return 0;
}

static int serve_logs(struct agent_endpoint *e, struct http_exchange *x, struct str rest,
		      struct err *err)
{
	struct agent_container *c;
	struct agent_pod *p;
	int r;

	if (x->req.method != HTTP_GET)
		return err_set(err, ERR_METHOD, "logs are read with GET\n");
	r = find(e, rest, &p, &c, err);
	return r < 0 ? r : agent_logs_serve(e->logs, x, c, err);
}

static int serve_exec(struct agent_endpoint *e, struct http_exchange *x, struct str rest,
		      struct err *err)
{
	struct agent_container *c;
	struct agent_pod *p;
	int r = find(e, rest, &p, &c, err);

	return r < 0 ? r : agent_exec_start(c, x, err);
}

static int serve_attach(struct agent_endpoint *e, struct http_exchange *x, struct str rest,
			struct err *err)
{
	struct agent_container *c;
	struct agent_pod *p;
	int r = find(e, rest, &p, &c, err);

	return r < 0 ? r : agent_attach_start(c, x, err);
}

static int serve_forward(struct agent_endpoint *e, struct http_exchange *x, struct str rest,
			 struct err *err)
{
	struct agent_pod *p;
	int r = find(e, rest, &p, NULL, err);

	return r < 0 ? r : agent_forward_start(&p->place, x, err);
}

static const struct route {
	const char *prefix;
	enum need need;
	int (*serve)(struct agent_endpoint *e, struct http_exchange *x, struct str rest,
		     struct err *err);
} routes[] = {
	{"/attach/", NEED_SERVER, serve_attach},
	{"/containerLogs/", NEED_SERVER_IF_KNOWN, serve_logs},
	{"/exec/", NEED_SERVER, serve_exec},
	{"/portForward/", NEED_SERVER, serve_forward},
};

static void on_request(void *ctx, struct http_exchange *x)
{
	struct agent_endpoint *e = ctx;
	struct str path = x->req.path;
	struct err err;
	int r;

	if (str_eq_c(path, "/healthz") || str_eq_c(path, "/metrics")) {
		if (x->req.method != HTTP_GET)
			http_reply_text(x, 405, "only GET is served here\n");
		else if (str_eq_c(path, "/healthz"))
			http_reply_text(x, 200, "ok");
		else
			http_reply_metrics(x);
		return;
	}
	r = err_set(&err, ERR_NOT_FOUND, "not found\n");
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		if (str_has_prefix(path, str_of(routes[i].prefix))) {
			r = admit(e, x, routes[i].need, &err);
			if (r == 0)
				r = routes[i].serve(e, x, str_skip(path, strlen(routes[i].prefix)),
						    &err);
			break;
		}
	if (r < 0)
		http_reply_text(x, err_http_status(r), err.msg);
}

int agent_endpoint_new(struct agent *a, struct agent_endpoint **ret, struct err *err)
{
	const struct agent_config *c = &a->config;
	struct http_tls tls = {.cert_file = c->cert_file,
			       .key_file = c->key_file,
			       .client_ca_file = c->client_ca_file};
	struct agent_endpoint *e = mem_xnew(struct agent_endpoint);
	int r;

	e->agent = a;
	e->logs = agent_logs_new(a);
	r = http_server_new(a->loop, c->cert_file ? &tls : NULL, on_request, e, &e->server, err);
	if (r == 0)
		r = http_server_listen(e->server, &c->bind, c->port, NULL, err);
	if (r < 0) {
		agent_endpoint_free(e);
		return r;
	}
	*ret = e;
	return 0;
}

void agent_endpoint_free(struct agent_endpoint *e)
{
	if (!e)
		return;
	if (e->server)
		http_server_free(e->server);
	agent_logs_free(e->logs);
	free(e);
}
