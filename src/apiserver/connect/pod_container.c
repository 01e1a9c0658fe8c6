/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/connect/pod_container.h"

#include "apiserver/server.h"

int pod_container_find_pod(struct request *req, struct json **ret)
{
	const struct object *o = cache_get(
		req->res->cache, server_cache_key(req->arena, req->res, req->ns, req->name));
	struct err err;
	int r;

	if (!o)
		return status_not_found(&req->st, req->res, req->name);
	r = object_decode_copy(req->arena, o, 0, ret, &err);
	return r < 0 ? status_from_err(&req->st, r, &err) : 0;
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

/* "a b c", as much as an error's text has room for. */
static struct str container_names(struct arena *a, const struct json *list)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	for (const struct json *c = list->first; c && b.len < ERR_MSG_MAX; c = c->next) {
		buf_add_c(&b, c == list->first ? "" : " ");
		buf_add_str(&b, json_get_string(c, "name"));
	}
	return str_dup(a, buf_str(&b));
}

int pod_container(struct request *req, const struct json *pod, struct str *ret)
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
