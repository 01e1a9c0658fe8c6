/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/pod_log.h"

#include "apiserver/connect/pod_container.h"
#include "apiserver/connect/relay.h"
#include "apiserver/reply.h"
#include "base/clock.h"

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

/* A number of the query; absent: *ret stays. */
static int read_number(struct request *req, const char *name, bool *ret_is_given, int64_t *ret)
{
	struct str s = http_query(req->arena, req->x->req.query, name, 0);

	*ret_is_given = str_is_set(s);
	if (!*ret_is_given || str_to_i64(s, INT64_MIN, INT64_MAX, ret, NULL) == 0)
		return 0;
	return status_set(&req->st, ERR_BAD_REQUEST,
			  "strconv.ParseInt: parsing \"%.*s\": invalid syntax", STR_ARG(s));
}

/* What the agent would refuse is told in a stock server's words. */
static int check_options(struct request *req)
{
	static const struct {
		const char *name;
		int64_t min;
		const char *detail;
	} numbers[] = {
		{"tailLines", 0, "must be greater than or equal to 0"},
		{"limitBytes", 1, "must be greater than 0"},
		{"sinceSeconds", 1, "must be greater than 0"},
	};
	struct str time = http_query(req->arena, req->x->req.query, "sinceTime", 0);
	struct api_path none = {.name = "[]"};
	struct api_causes causes;
	bool is_given = false;
	int64_t ns;

	api_causes_init(&causes, req->arena);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct api_path p = {.name = numbers[i].name};
		int64_t v = 0;
		int r = read_number(req, numbers[i].name, &is_given, &v);

		if (r < 0)
			return r;
		if (i == 2 && is_given && time.len)
			api_causes_forbidden(&causes, &none,
					     "at most one of `sinceTime` or `sinceSeconds` may be "
					     "specified");
		else if (is_given && v < numbers[i].min)
			api_causes_invalid_int(&causes, &p, v, numbers[i].detail);
	}
	if (time.len && clock_parse(time, &ns, NULL) < 0)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "parsing time \"%.*s\" as \"2006-01-02T15:04:05Z07:00\": cannot "
				  "parse \"%.*s\" as \"2006\"",
				  STR_ARG(time), STR_ARG(time));
	if (!causes.n)
		return 0;
	return status_invalid_options_for(&req->st, "PodLogOptions", req->name, &causes);
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

	r = check_options(req);
	if (r == 0)
		r = pod_container_find_pod(req, &pod);
	if (r == 0)
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
