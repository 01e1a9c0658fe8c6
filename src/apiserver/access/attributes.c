/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/attributes.h"

enum {
	SEGMENTS_MAX = 8, /* of a path that can name a resource */
};

static struct str verb_of_path(enum http_method m)
{
	switch (m) {
	case HTTP_GET:
		return STR("get");
	case HTTP_HEAD:
		return STR("head");
	case HTTP_POST:
		return STR("post");
	case HTTP_PUT:
		return STR("put");
	case HTTP_PATCH:
		return STR("patch");
	case HTTP_DELETE:
		return STR("delete");
	case HTTP_OPTIONS:
		return STR("options");
	case HTTP_CONNECT:
		return STR("connect");
	case HTTP_OTHER:
	default:
		return STR("other");
	}
}

static struct str verb_of_item(enum http_method m)
{
	switch (m) {
	case HTTP_GET:
	case HTTP_HEAD:
		return STR("get");
	case HTTP_POST:
		return STR("create");
	case HTTP_PUT:
		return STR("update");
	case HTTP_PATCH:
	case HTTP_DELETE:
		return verb_of_path(m);
	case HTTP_OPTIONS:
	case HTTP_CONNECT:
	case HTTP_OTHER:
	default:
		return STR(""); /* no verb of objects */
	}
}

static size_t split(struct arena *a, struct str path, struct str *seg)
{
	struct str rest = str_skip(path, 1), raw;
	size_t n = 0;

	while (n < SEGMENTS_MAX && str_next(&rest, '/', &raw)) {
		if (!raw.len)
			continue;
		if (str_find(raw, '%') < 0 || http_unescape(a, raw, false, &seg[n], NULL) < 0)
			seg[n] = raw;
		n++;
	}
	return n;
}

static bool is_true(struct str s)
{
	return str_is_set(s) && !str_eq_c(s, "false") && !str_eq_c(s, "0");
}

static void set_verb(struct arena *a, const struct http_request *req, struct access_attrs *at)
{
	bool is_read = req->method == HTTP_GET || req->method == HTTP_HEAD;

	if (!at->name.len)
		at->fields = http_query(a, req->query, "fieldSelector", 0);
	if (is_read && str_eq_c(at->verb, "watch"))
		return;
	at->verb = verb_of_item(req->method);
	if (at->name.len)
		return;
	if (is_read)
		at->verb =
			is_true(http_query(a, req->query, "watch", 0)) ? STR("watch") : STR("list");
	else if (req->method == HTTP_DELETE)
		at->verb = STR("deletecollection");
	else
		return;
	/* A list or watch of one name is about that name. */
	at->name = access_field_wanted(at->fields, "metadata.name");
}

/* The path's part behind the version. With the prefix "watch" it is read only (request.c refuses
 * the rest), so a write there is judged as the write that it says it is. */
static void set_resource(const struct str *seg, size_t n, struct access_attrs *at)
{
	if (n > 1 && str_eq_c(seg[0], "watch")) {
		at->verb = STR("watch");
		seg++, n--;
	}
	if (n > 1 && str_eq_c(seg[0], "namespaces")) {
		at->ns = seg[1];
		if (n > 2 && !str_eq_c(seg[2], "status") && !str_eq_c(seg[2], "finalize"))
			seg += 2, n -= 2;
	}
	at->is_resource = true;
	at->resource = seg[0];
	if (n > 1)
		at->name = seg[1];
	if (n > 2)
		at->sub = seg[2];
}

void attributes_from(struct arena *a, const struct http_request *req, struct access_attrs *ret)
{
	struct str seg[SEGMENTS_MAX];
	size_t n, skip;

	*ret = (struct access_attrs){.path = req->path, .group = STR("")};
	n = split(a, req->path, seg); /* decoded, as request.c reads it: "/%61pi" is "/api" */
	skip = n && str_eq_c(seg[0], "api") ? 2 : n && str_eq_c(seg[0], "apis") ? 3 : n;
	if (n <= skip) {
		ret->verb = verb_of_path(req->method);
		return;
	}
	if (skip == 3)
		ret->group = seg[1];
	ret->version = seg[skip - 1];
	set_resource(seg + skip, n - skip, ret);
	set_verb(a, req, ret);
}
