/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/pod_log.h"

#include "apiserver/connect/pod_container.h"
#include "apiserver/connect/relay.h"
#include "apiserver/reply.h"

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

int pod_log_start(struct request *req)
{
	static const struct relay_way whole = {.failure = "the node's agent does not answer",
					       .has_text_failures = true};
	static const struct relay_way followed = {.failure = "the node's agent does not answer",
						  .has_text_failures = true,
						  .may_be_silent = true};
	struct str follow = http_query(req->arena, req->x->req.query, "follow", 0);
	bool is_following = str_eq_c(follow, "true") || str_eq_c(follow, "1");
	struct http_call_request call = {.method = HTTP_GET};
	struct http_transport *t;
	struct str container = {0}, node;
	struct json *pod;
	struct err err;
	int r;

	r = pod_container_find_pod(req, &pod);
	if (r < 0)
		return r;
	r = pod_container(req, pod, &container);
	if (r < 0)
		return r;
	node = json_get_string(json_get(pod, "spec"), "nodeName");
	req->content_type = "text/plain";
	if (!node.len) { /* has said nothing yet */
		reply_bytes(req, 204, bytes_dup(STR("")));
		return 0;
	}
	r = relay_open(req, node, &t, &err);
	if (r < 0)
		return status_set(&req->st, r, "the logs of pod %.*s are out of reach: %s",
				  STR_ARG(req->name), err.msg);
	call.target = log_target(req, container);
	relay_run(req, t, &call, is_following ? &followed : &whole);
	return 0;
}
