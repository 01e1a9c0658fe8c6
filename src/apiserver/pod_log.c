/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/pod_log.h"

#include "apiserver/relay.h"

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
	const struct object *o = cache_get(
		req->res->cache, server_cache_key(req->arena, req->res, req->ns, req->name));
	struct str follow = http_query(req->arena, req->x->req.query, "follow", 0);
	bool is_following = str_eq_c(follow, "true") || str_eq_c(follow, "1");
	struct http_call_request call = {.method = HTTP_GET};
	struct http_transport *t;
	struct str container = {0}, node;
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
	r = relay_open(req, node, &t, &err);
	if (r < 0)
		return status_set(&req->st, r, "the logs of pod %.*s are out of reach: %s",
				  STR_ARG(req->name), err.msg);
	call.target = log_target(req, container);
	req->content_type = "text/plain";
	relay_run(req, t, &call, /* may_be_silent= */ is_following);
	return 0;
}
