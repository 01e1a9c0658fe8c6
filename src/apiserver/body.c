/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/body.h"

#include "api/defaults.h"
#include "api/patch.h"
#include "api/service_defaults.h"
#include "api/strict.h"
#include "apiserver/accept.h"

static struct str content_type(const struct request *req)
{
	return http_header(req->x->req.headers, req->x->req.n_headers, "content-type");
}

static int parse(struct op *op, struct json **ret)
{
	struct err err;
	int r = json_parse(&op->arena, op->req->x->req.body, JSON_BORROW, ret, &err);

	if (r < 0)
		return status_set(&op->req->st, ERR_BAD_REQUEST,
				  "the request body is no JSON that can be served: %s", err.msg);
	return 0;
}

static int require_json(struct request *req)
{
	static const char *const types[] = {"application/json", NULL};

	if (accept_body(content_type(req), types) >= 0)
		return 0;
	return status_set(&req->st, ERR_MEDIA_TYPE,
			  "the body of the request was in an unknown format - accepted media types "
			  "include: application/json");
}

int body_json(struct op *op, struct json **ret)
{
	int r;

	if (!op->req->x->req.body.len) {
		*ret = json_new(&op->arena, JSON_OBJECT);
		return 0;
	}
	r = require_json(op->req);
	if (r == 0)
		r = parse(op, ret);
	if (r == 0 && !json_is(*ret, JSON_OBJECT))
		r = status_set(&op->req->st, ERR_BAD_REQUEST,
			       "the request body must be a JSON object");
	return r;
}

static int check_kind(struct request *req, const struct json *obj)
{
	struct str kind = json_get_string(obj, "kind");
	struct str version = json_get_string(obj, "apiVersion");

	if (version.len && !str_eq(version, req->res->api_version))
		return status_set(
			&req->st, ERR_BAD_REQUEST,
			"the API version in the data (%.*s) does not match the expected API "
			"version (%.*s)",
			STR_ARG(version), STR_ARG(req->res->api_version));
	if (kind.len && !str_eq_c(kind, req->res->kind->kind))
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "%.*s in version \"%.*s\" cannot be handled as a %s",
				  STR_ARG(kind), STR_ARG(req->res->api_version),
				  req->res->kind->kind);
	return 0;
}

/* Types, unknown fields, defaults. */
static int normalise(struct op *op, struct json *obj)
{
	struct request *req = op->req;
	struct api_strs issues = {0};
	struct err err;
	int r = api_strict(&op->arena, req->res->kind, obj, &issues, &err);

	if (r == 0 && req->field_validation == REQUEST_FIELDS_STRICT)
		r = api_strict_refuse(req->res->kind, &issues, &err);
	if (r < 0)
		return status_from_err(&req->st, ERR_BAD_REQUEST, &err);
	for (size_t i = 0; req->field_validation == REQUEST_FIELDS_WARN && i < issues.n; i++)
		request_warn(req, str_dup(req->arena, issues.ptr[i]));
	api_defaults(&op->arena, req->res->kind, obj);
	api_default_kind(&op->arena, req->res->kind, obj);
	return 0;
}

int body_object(struct op *op, struct json **ret)
{
	struct json *obj;
	int r = require_json(op->req);

	if (r == 0)
		r = parse(op, &obj);
	if (r == 0 && !json_is(obj, JSON_OBJECT))
		r = status_set(&op->req->st, ERR_BAD_REQUEST,
			       "the request body must be a JSON object");
	if (r == 0)
		r = check_kind(op->req, obj);
	if (r == 0)
		r = normalise(op, obj);
	if (r == 0)
		*ret = obj;
	return r;
}

int body_patched(struct op *op, const struct json *old, struct json **ret)
{
	struct request *req = op->req;
	struct accept_type type = {0};
	struct str header = content_type(req);
	enum api_patch_kind kind;
	struct json *patch, *obj;
	struct err err;
	int r;

	IGNORE(accept_next(&header, &type), "an absent type is refused below");
	if (!api_patch_kind_of(type.type, &kind))
		return status_set(
			&req->st, ERR_MEDIA_TYPE,
			"the body of the request was in an unknown format - accepted media "
			"types include: application/json-patch+json, "
			"application/merge-patch+json, "
			"application/strategic-merge-patch+json");
	r = parse(op, &patch);
	if (r < 0)
		return r;
	r = api_patch(&op->arena, kind, req->res->kind->type, old, patch, &obj, &err);
	if (r == ERR_INVALID)
		status_about(&req->st, req->res, req->name);
	if (r < 0)
		return status_from_err(&req->st, r, &err);
	if (!json_is(obj, JSON_OBJECT))
		return status_set(&req->st, ERR_BAD_REQUEST, "the patched value is no object");
	r = check_kind(req, obj);
	if (r == 0)
		r = normalise(op, obj);
	if (r == 0)
		*ret = obj;
	return r;
}
