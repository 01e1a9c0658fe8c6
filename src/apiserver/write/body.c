/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/body.h"

#include "api/defaults/defaults.h"
#include "api/managed/managed.h"
#include "api/proto.h"
#include "api/strict.h"
#include "apiserver/accept.h"
#include "apiserver/access/audit.h"
#include "apiserver/write/ownership.h"
#include "json/yaml_tree.h"

enum {
	OWNERS_COMPARED_MAX = 1000, /* in a longer list repeated ones stay */
};

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

/* JSON is YAML: it is read as what it looks like. */
static int parse_yaml(struct op *op, struct json **ret)
{
	struct str body = op->req->x->req.body;
	struct err err;
	int r;

	if (str_has_prefix(str_trim(body), STR("{")) &&
	    json_parse(&op->arena, body, JSON_BORROW, ret, NULL) == 0)
		return 0;
	r = json_yaml_parse(&op->arena, body, 0, ret, &err);
	if (r < 0)
		return status_set(&op->req->st, ERR_BAD_REQUEST,
				  "error decoding YAML: error converting YAML to JSON: yaml: %s",
				  err.msg);
	return 0;
}

static int parse_proto(struct op *op, const struct api_type *type, const char *package,
		       struct json **ret)
{
	struct api_proto_envelope e;
	struct json *obj = NULL;
	struct err err;
	int r = api_proto_open(op->req->x->req.body, &e, &err);

	/* Without a type: the one that the envelope names, if the schema has it. */
	if (r == 0 && !type)
		type = api_type_find(str_printf(&op->arena, "%s.%.*s", package, STR_ARG(e.kind)));
	if (r == 0 && !type)
		r = err_set(&err, ERR_BAD_REQUEST, "no %.*s is expected here", STR_ARG(e.kind));
	if (r == 0)
		r = api_proto_parse(&op->arena, type, e.message, &obj, &err);
	if (r < 0)
		return status_set(&op->req->st, ERR_BAD_REQUEST,
				  "the request body is no protobuf that can be served: %s",
				  err.msg);
	json_set(obj, "kind", json_new_string(&op->arena, e.kind));
	json_set(obj, "apiVersion", json_new_string(&op->arena, e.api_version));
	*ret = obj;
	return 0;
}

/* The body as an object. In protobuf it is a message of this type or, when that is NULL, of the
 * one of this package that the body names. */
static int parse_object(struct op *op, const struct api_type *type, const char *package,
			struct json **ret)
{
	static const char *const types[] = {"application/json", API_PROTO, "application/yaml",
					    NULL};
	struct request *req = op->req;
	int which = accept_body(content_type(req), types), r;

	if (which == 1)
		return parse_proto(op, type, package, ret);
	if (which < 0)
		return status_set(
			&req->st, ERR_MEDIA_TYPE,
			"the body of the request was in an unknown format - accepted media types "
			"include: application/json, application/yaml, " API_PROTO);
	r = which == 2 ? parse_yaml(op, ret) : parse(op, ret);
	if (r == 0 && !json_is(*ret, JSON_OBJECT))
		r = status_set(&req->st, ERR_BAD_REQUEST, "the request body must be a JSON object");
	return r;
}

int body_typed(struct op *op, const char *package, const char *kind, struct json **ret)
{
	struct arena *a = &op->arena;
	const struct api_type *type = api_type_find(str_printf(a, "%s.%s", package, kind));
	struct api_strs issues;
	struct json *body;
	struct err err;
	int r;

	if (!op->req->x->req.body.len) {
		*ret = json_new(a, JSON_OBJECT);
		return 0;
	}
	r = parse_object(op, NULL, package, &body);
	if (r < 0)
		return r;
	r = api_strict_type(a, type, body, &issues, &err);
	if (r < 0)
		return status_from_err(&op->req->st, r, &err);
	*ret = body;
	return 0;
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

/* An owner that is there already, member by member, goes; clients are told which. */
static void drop_repeated_owners(struct op *op, struct json *obj)
{
	struct request *req = op->req;
	struct json *owners = json_path(obj, "metadata.ownerReferences"), *next;
	struct buf uids = BUF_INIT;

	if (!json_is(owners, JSON_ARRAY) || owners->count > OWNERS_COMPARED_MAX)
		return;
	for (struct json *c = owners->first; c; c = next) {
		const struct json *same = owners->first;

		next = c->next;
		while (same != c && !json_eq(same, c))
			same = same->next;
		if (same == c)
			continue;
		buf_printf(&uids, "%s%.*s", uids.len ? ", " : "",
			   STR_ARG(json_get_string(c, "uid")));
		json_unlink(owners, c);
	}
	if (uids.len)
		request_warn(
			req,
			str_printf(req->arena,
				   ".metadata.ownerReferences contains duplicate entries%s; API "
				   "server dedups owner references in 1.20+, and may reject such "
				   "requests as early as 1.24; please fix your requests; duplicate "
				   "UID(s) observed: %s",
				   req->verb == REQUEST_PATCH ? " after mutating admission happens"
							      : "",
				   uids.ptr));
	buf_fini(&uids);
}

/* Types, unknown fields, defaults. */
static int normalise(struct op *op, struct json *obj)
{
	struct request *req = op->req;
	struct api_strs issues = {0};
	struct err err;
	int r;

	/* Asked before what is empty is dropped. */
	op->resets_owners = api_managed_is_reset(json_path(obj, "metadata.managedFields"));
	r = api_strict(&op->arena, req->res->kind, obj, &issues, &err);
	if (r == 0 && req->field_validation == REQUEST_FIELDS_STRICT)
		r = api_strict_refuse(req->res->kind, &issues, &err);
	if (r < 0)
		return status_from_err(&req->st, ERR_BAD_REQUEST, &err);
	for (size_t i = 0; req->field_validation == REQUEST_FIELDS_WARN && i < issues.n; i++)
		request_warn(req, str_dup(req->arena, issues.ptr[i]));
	drop_repeated_owners(op, obj);
	api_defaults(&op->arena, req->res->kind, obj);
	return 0;
}

int body_object(struct op *op, struct json **ret)
{
	struct json *obj;
	int r = parse_object(op, op->req->res->kind->type, NULL, &obj);

	if (r == 0)
		r = check_kind(op->req, obj);
	if (r == 0)
		audit_object(op->req->x, obj);
	if (r == 0)
		r = normalise(op, obj);
	if (r == 0)
		*ret = obj;
	return r;
}

static struct str patch_type(struct request *req)
{
	struct str header = content_type(req);
	struct accept_type type = {0};

	IGNORE(accept_next(&header, &type), "an absent type is refused by all callers");
	return type.type;
}

int body_patch_kind(struct request *req, enum api_patch_kind *ret)
{
	if (api_patch_kind_of(patch_type(req), ret))
		return 0;
	req->st.has_details = true;
	return status_set(&req->st, ERR_MEDIA_TYPE, "415: Unsupported Media Type");
}

/* Kind and version must be there, and those of the path. */
static int check_applied_kind(struct request *req, const struct json *config)
{
	struct str kind = json_get_string(config, "kind");
	struct str version = json_get_string(config, "apiVersion");
	ptrdiff_t slash = str_find(version, '/');

	if (str_eq(version, req->res->api_version) && str_eq_c(kind, req->res->kind->kind))
		return 0;
	return status_set(&req->st, ERR_BAD_REQUEST, "invalid object type: %s%.*s, Kind=%.*s",
			  slash < 0 ? "/" : "", STR_ARG(version), STR_ARG(kind));
}

/* What becomes of keys that are there twice is fieldValidation's matter, once the apply is without
 * conflicts. Where they are can be told of a body of one line, which is what clients send. */
static int check_repeated(struct request *req, const struct api_strs *issues)
{
	const char *where = str_find(req->x->req.body, '\n') < 0 ? "line 1: " : "";
	struct str all = STR("");

	for (size_t i = 0; i < issues->n; i++) {
		struct str text = str_printf(req->arena, "%s%.*s", where, STR_ARG(issues->ptr[i]));

		if (req->field_validation == REQUEST_FIELDS_WARN)
			request_warn(req, text);
		all = str_printf(req->arena, "%.*s\n  %.*s", STR_ARG(all), STR_ARG(text));
	}
	if (!issues->n || req->field_validation != REQUEST_FIELDS_STRICT)
		return 0;
	return status_set(&req->st, ERR_BAD_REQUEST,
			  "error strict decoding YAML: error converting YAML to JSON: yaml: "
			  "unmarshal errors:%.*s",
			  STR_ARG(all));
}

/* An empty body is an object with nothing in it. */
static int check_config(struct op *op, struct json **config)
{
	static const char *const words[] = {
		[JSON_BOOL] = "bool",     [JSON_INT] = "number",  [JSON_NUMBER] = "number",
		[JSON_STRING] = "string", [JSON_ARRAY] = "array",
	};

	if ((*config)->type == JSON_NULL)
		*config = json_new(&op->arena, JSON_OBJECT);
	if ((*config)->type == JSON_OBJECT)
		return 0;
	return status_set(&op->req->st, ERR_BAD_REQUEST,
			  "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
			  "json: cannot unmarshal %s into Go value of type map[string]interface {}",
			  words[(*config)->type]);
}

int body_applied(struct op *op, const struct json *old, struct json **ret)
{
	struct api_strs repeated;
	struct json *config, *obj;
	int r = parse_yaml(op, &config);

	if (r == 0)
		r = check_config(op, &config);
	if (r < 0)
		return r;
	api_strict_repeated_keys(&op->arena, config, &repeated);
	r = check_applied_kind(op->req, config);
	if (r == 0)
		r = ownership_apply(op, old, config, &obj);
	if (r == 0)
		r = check_repeated(op->req, &repeated);
	if (r == 0)
		r = normalise(op, obj);
	if (r == 0)
		*ret = obj;
	return r;
}

/* Members of the patch itself that occur twice, or are none of a JSON patch. */
static void find_repeated(struct op *op, enum api_patch_kind kind, struct json *patch,
			  struct api_strs *ret)
{
	if (kind == API_PATCH_JSON)
		api_strict_json_patch(&op->arena, patch, ret);
	else
		api_strict_repeated(&op->arena, patch, ret);
}

static int refuse_repeated(struct request *req, const struct api_strs *issues)
{
	if (!issues->n || req->field_validation != REQUEST_FIELDS_STRICT)
		return 0;
	return status_invalid_patch(
		&req->st, req->x->req.body,
		str_printf(req->arena, "strict decoding error: %.*s", STR_ARG(issues->ptr[0])));
}

static void warn_each(struct request *req, const struct api_strs *issues)
{
	for (size_t i = 0; req->field_validation == REQUEST_FIELDS_WARN && i < issues->n; i++)
		request_warn(req, str_dup(req->arena, issues->ptr[i]));
}

/* A stock server reads what has no version as no object, and misses the name first. */
static int refuse_nameless(struct request *req)
{
	return status_set(&req->st, ERR_BAD_REQUEST,
			  "the name of the object (%.*s based on URL) was undeterminable: name "
			  "must be provided",
			  STR_ARG(req->name));
}

static bool is_text(const struct json *n)
{
	return json_is_null(n) || n->type == JSON_STRING;
}

int body_patched(struct op *op, const struct json *old, struct json **ret)
{
	struct request *req = op->req;
	enum api_patch_kind kind;
	struct json *patch, *obj;
	struct api_strs issues;
	struct err err;
	bool has_version;
	int r = body_patch_kind(req, &kind);

	if (r == 0)
		r = parse(op, &patch);
	if (r < 0)
		return r;
	find_repeated(op, kind, patch, &issues);
	r = api_patch(&op->arena, kind, req->res->kind->type, old, patch, &obj, &err);
	/* Without a kind and a name: else kubectl would tell those only, and not what is wrong. */
	req->st.has_details = r == ERR_INVALID;
	if (r < 0)
		return status_from_err(&req->st, r, &err);
	if (!json_is(obj, JSON_OBJECT))
		return status_set(&req->st, ERR_BAD_REQUEST, "the patched value is no object");
	r = refuse_repeated(req, &issues);
	if (r < 0)
		return r;
	/* A strategic patch is of this kind, whatever it says. */
	if (kind == API_PATCH_STRATEGIC) {
		if (!is_text(json_get(obj, "kind")) || !is_text(json_get(obj, "apiVersion")))
			return status_invalid_patch(&req->st, req->x->req.body,
						    STR("kind and apiVersion are strings"));
		json_remove(obj, "kind");
		json_remove(obj, "apiVersion");
	}
	has_version = kind == API_PATCH_STRATEGIC || json_get_string(obj, "apiVersion").len;
	if (check_kind(req, obj) < 0 || normalise(op, obj) < 0)
		r = status_invalid_patch(&req->st, req->x->req.body, req->st.message);
	if (r < 0)
		return r;
	warn_each(req, &issues);
	if (!has_version)
		return refuse_nameless(req);
	*ret = obj;
	return 0;
}
