/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/request.h"

#include "api/rules/validate.h"
#include "apiserver/accept.h"

#include <inttypes.h>

const char *request_verb_name(enum request_verb v)
{
	static const char *const names[] = {
		[REQUEST_GET] = "get",       [REQUEST_LIST] = "list",
		[REQUEST_WATCH] = "watch",   [REQUEST_CREATE] = "create",
		[REQUEST_UPDATE] = "update", [REQUEST_PATCH] = "patch",
		[REQUEST_DELETE] = "delete", [REQUEST_DELETE_COLLECTION] = "deletecollection",
	};

	return names[v];
}

static int no_such_path(struct request *req)
{
	req->st.has_details = true;
	return status_set(&req->st, ERR_NOT_FOUND,
			  "the server could not find the requested resource");
}

/* The next decoded segment of the path; absent when there is none. */
static int segment(struct request *req, struct str *rest, struct str *ret)
{
	struct str raw;
	struct err err;

	*ret = (struct str){0};
	if (!str_next(rest, '/', &raw))
		return 0;
	if (!raw.len)
		return no_such_path(req);
	if (http_unescape(req->arena, raw, false, ret, &err) < 0)
		return status_from_err(&req->st, ERR_BAD_REQUEST, &err);
	if (str_eq_c(*ret, ".") || str_eq_c(*ret, ".."))
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "Name parameter invalid: \"%.*s\": may not be '%.*s'",
				  STR_ARG(*ret), STR_ARG(*ret));
	if (str_find(*ret, '/') >= 0)
		return no_such_path(req);
	return 0;
}

enum {
	SEGMENTS_MAX = 6, /* namespaces NS PLURAL NAME SUB, and one to find out about more */
};

/* What follows PLURAL/NAME/proxy is not ours. */
static bool is_at_proxy(const struct str *seg, size_t n)
{
	return n > 0 && str_eq_c(seg[n - 1], "proxy") &&
	       n == (str_eq_c(seg[0], "namespaces") ? 5 : 3);
}

/* Subresources that are passed on to somebody else, with whatever is in the query. */
static bool is_passed_on(const struct request *req)
{
	static const char *const names[] = {"attach", "exec", "log", "portforward", "proxy"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_c(req->sub, names[i]))
			return true;
	return false;
}

/* namespaces/NS/PLURAL/NAME/SUB and its shorter forms; is_prefixed: the old …/watch/… prefix. */
static int parse_resource(struct request *req, struct str group, struct str version,
			  struct str rest, bool *ret_is_prefixed)
{
	struct str seg[SEGMENTS_MAX] = {0};
	struct str *at = seg;
	size_t n = 0;
	int r;

	while (n < SEGMENTS_MAX && str_is_set(rest)) {
		r = segment(req, &rest, &seg[n]);
		if (r < 0)
			return r;
		if (!str_is_set(seg[n]))
			break;
		n++;
		if (is_at_proxy(seg, n)) {
			req->rest = str_is_set(rest) ? str_n(rest.ptr - 1, rest.len + 1) : STR("");
			break;
		}
	}
	*ret_is_prefixed = n > 1 && str_eq_c(seg[0], "watch");
	if (*ret_is_prefixed)
		at++, n--;
	if (n >= 3 && str_eq_c(at[0], "namespaces") &&
	    !(n == 3 && (str_eq_c(at[2], "status") || str_eq_c(at[2], "finalize")))) {
		req->ns = at[1];
		at += 2, n -= 2;
	}
	if (n < 1 || n > 3)
		return no_such_path(req);
	req->res = server_resource(req->s, group, version, at[0]);
	req->name = n > 1 ? at[1] : (struct str){0};
	req->sub = n > 2 ? at[2] : (struct str){0};
	if (!req->res || (str_is_set(req->ns) && !req->res->kind->is_namespaced) ||
	    (n > 1 && !str_is_set(req->ns) && req->res->kind->is_namespaced)) {
		req->res = NULL;
		return no_such_path(req);
	}
	return 0;
}

static int parse_path(struct request *req, bool *ret_is_prefixed)
{
	struct str rest = str_skip(req->x->req.path, 1);
	struct str root, group = STR(""), version;
	int r = segment(req, &rest, &root);

	if (r == 0 && str_eq_c(root, "apis"))
		r = segment(req, &rest, &group);
	else if (r == 0 && !str_eq_c(root, "api"))
		r = no_such_path(req);
	if (r == 0)
		r = segment(req, &rest, &version);
	if (r < 0)
		return r;
	if (!str_is_set(rest) || !str_is_set(version) || !str_is_set(group))
		return no_such_path(req);
	return parse_resource(req, group, version, rest, ret_is_prefixed);
}

static unsigned verb_bit(enum request_verb v)
{
	static const unsigned bits[] = {
		[REQUEST_GET] = API_VERB_GET,
		[REQUEST_LIST] = API_VERB_LIST,
		[REQUEST_WATCH] = API_VERB_WATCH,
		[REQUEST_CREATE] = API_VERB_CREATE,
		[REQUEST_UPDATE] = API_VERB_UPDATE,
		[REQUEST_PATCH] = API_VERB_PATCH,
		[REQUEST_DELETE] = API_VERB_DELETE,
		[REQUEST_DELETE_COLLECTION] = API_VERB_DELETE_COLLECTION,
	};

	return bits[v];
}

static bool verb_of(struct request *req, bool is_watch, enum request_verb *ret)
{
	bool is_item = str_is_set(req->name);
	enum http_method m = req->x->req.method;

	switch (m) {
	case HTTP_GET:
	case HTTP_HEAD:
		*ret = is_watch ? REQUEST_WATCH : is_item ? REQUEST_GET : REQUEST_LIST;
		return true;
	case HTTP_POST:
		*ret = REQUEST_CREATE;
		return !is_item || str_is_set(req->sub);
	case HTTP_PUT:
		*ret = REQUEST_UPDATE;
		return is_item;
	case HTTP_PATCH:
		*ret = REQUEST_PATCH;
		return is_item;
	case HTTP_DELETE:
		*ret = is_item ? REQUEST_DELETE : REQUEST_DELETE_COLLECTION;
		return true;
	case HTTP_OPTIONS: /* only of what is proxied */
		*ret = REQUEST_GET;
		return str_is_set(req->rest);
	case HTTP_CONNECT:
	case HTTP_OTHER:
	default:
		return false;
	}
}

static const struct api_subresource *find_subresource(const struct api_kind *kind, struct str name)
{
	for (size_t i = 0; i < kind->n_subresources; i++)
		if (str_eq_c(name, kind->subresources[i].name))
			return &kind->subresources[i];
	return NULL;
}

static struct str query(struct request *req, const char *name)
{
	return http_query(req->arena, req->x->req.query, name, 0);
}

static bool is_true(struct str s)
{
	return str_is_set(s) && !str_eq_c(s, "false") && !str_eq_c(s, "0");
}

/* is_prefixed: by …/watch/…, which is read only, and no way to a subresource. */
static int check_verb(struct request *req, bool is_prefixed)
{
	const struct api_kind *kind = req->res->kind;
	unsigned verbs = kind->verbs;
	bool is_wide = kind->is_namespaced && !str_is_set(req->ns);
	/* Of one object ?watch means nothing, as to Kubernetes: who asks so needs the right to get.
	 */
	bool is_watch = is_prefixed || (!str_is_set(req->name) && is_true(query(req, "watch")));

	if (str_is_set(req->sub)) {
		const struct api_subresource *sub = find_subresource(kind, req->sub);

		if (!sub || is_prefixed) {
			req->res = NULL;
			return no_such_path(req);
		}
		req->subresource = sub;
		verbs = sub->verbs;
	}
	if (!verb_of(req, is_watch, &req->verb) || !(verbs & verb_bit(req->verb)) ||
	    (is_prefixed && req->verb != REQUEST_WATCH) ||
	    (is_wide && (req->verb == REQUEST_CREATE || req->verb == REQUEST_DELETE_COLLECTION))) {
		req->st.has_details = true;
		return status_set(&req->st, ERR_METHOD,
				  "the server does not allow this method on the requested "
				  "resource");
	}
	return 0;
}

/* The options' kind, in which mistakes are reported. */
static const char *options_kind(const struct request *req)
{
	switch (req->verb) {
	case REQUEST_CREATE:
		return "CreateOptions";
	case REQUEST_UPDATE:
		return "UpdateOptions";
	case REQUEST_PATCH:
		return "PatchOptions";
	case REQUEST_DELETE:
	case REQUEST_DELETE_COLLECTION:
		return "DeleteOptions";
	case REQUEST_GET:
	case REQUEST_LIST:
	case REQUEST_WATCH:
	default:
		return "ListOptions";
	}
}

static struct str quoted(struct request *req, struct str value)
{
	const struct json shown = {.type = JSON_STRING, .string = value};
	struct buf b = BUF_INIT;
	struct str ret;

	json_write(&b, &shown);
	ret = str_dup(req->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}

/* `value` as it is to be shown. */
static int unsupported(struct request *req, const char *field, struct str value,
		       const char *supported)
{
	return status_invalid_options(&req->st, options_kind(req), "FieldValueNotSupported", field,
				      str_printf(req->arena,
						 "Unsupported value: %.*s: supported values: %s",
						 STR_ARG(value), supported));
}

static int forbidden(struct request *req, const char *field, const char *why)
{
	return status_invalid_options(&req->st, options_kind(req), "FieldValueForbidden", field,
				      str_printf(req->arena, "Forbidden: %s", why));
}

static int parse_dry_run(struct request *req)
{
	struct str all = STR(""), run;
	bool is_known = true;

	for (size_t i = 0; str_is_set(run = http_query(req->arena, req->x->req.query, "dryRun", i));
	     i++) {
		is_known = is_known && str_eq_c(run, "All");
		all = str_printf(req->arena, "%.*s%s%.*s", STR_ARG(all), i ? "," : "",
				 STR_ARG(quoted(req, run)));
		req->is_dry_run = true;
	}
	return is_known ? 0
			: unsupported(req, "dryRun", str_printf(req->arena, "[%.*s]", STR_ARG(all)),
				      "\"All\"");
}

static int parse_manager(struct request *req)
{
	req->is_forced = is_true(query(req, "force"));
	req->field_manager = query(req, "fieldManager");
	if (req->field_manager.len > REQUEST_MANAGER_MAX)
		return status_invalid_options(&req->st, options_kind(req), "FieldValueTooLong",
					      "fieldManager",
					      STR("Too long: may not be more than 128 bytes"));
	for (size_t i = 0; i < req->field_manager.len; i++) {
		unsigned char c = (unsigned char)req->field_manager.ptr[i];

		if (c < 0x20 || c == 0x7f)
			return status_invalid_options(
				&req->st, options_kind(req), "FieldValueInvalid", "fieldManager",
				str_printf(req->arena,
					   "Invalid value: %.*s: invalid character U+%04X (at "
					   "position %zu)",
					   STR_ARG(quoted(req, req->field_manager)), c, i));
	}
	return 0;
}

static int parse_patch_type(struct request *req)
{
	static const char *const types[] = {
		"application/apply-patch+yaml", "application/json-patch+json",
		"application/merge-patch+json", "application/strategic-merge-patch+json", NULL};
	struct str header = http_header(req->x->req.headers, req->x->req.n_headers, "content-type");
	int which = str_is_set(header) ? accept_body(header, types) : -1;

	if (req->verb != REQUEST_PATCH)
		return 0;
	req->is_apply = which == 0;
	if (which >= 0)
		return 0;
	req->st.has_details = true;
	return status_set(&req->st, ERR_MEDIA_TYPE, "415: Unsupported Media Type");
}

/* What only an apply may say, and what it has to. */
static int parse_patch(struct request *req)
{
	if (req->verb != REQUEST_PATCH)
		return 0;
	if (req->is_apply && !req->field_manager.len)
		return status_invalid_options(&req->st, options_kind(req), "FieldValueRequired",
					      "fieldManager",
					      STR("Required value: is required for apply patch"));
	if (!req->is_apply && str_is_set(http_query(req->arena, req->x->req.query, "force", 0)))
		return forbidden(req, "force", "may not be specified for non-apply patch");
	return 0;
}

/* A duration as Go writes it, of whole numbers: "30s", "1m30s", "500ms"; -1: it is none. */
static int64_t parse_duration(struct str s)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};
	int64_t sum = 0;

	while (s.len) {
		size_t digits = 0, i = 0;
		uint64_t n;

		while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
			digits++;
		if (str_to_u64(str_sub(s, 0, digits), 0, 1000000, &n, NULL) < 0)
			return -1;
		s = str_skip(s, digits);
		while (i < ARRAY_LEN(units) && !str_has_prefix(s, str_of(units[i].unit)))
			i++;
		if (i == ARRAY_LEN(units))
			return -1;
		sum += (int64_t)n * units[i].ms;
		s = str_skip(s, strlen(units[i].unit));
	}
	return sum;
}

static int parse_timeout(struct request *req)
{
	struct str text = query(req, "timeout");
	int64_t ms = text.len ? parse_duration(text) : 0;

	if (ms < 0)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "invalid timeout specified in the request URL: %.*s",
				  STR_ARG(quoted(req, text)));
	req->timeout_ms = MIN(ms, (int64_t)REQUEST_TIMEOUT_MS);
	return 0;
}

static int parse_write_query(struct request *req)
{
	struct str fields = query(req, "fieldValidation");
	int r = parse_patch_type(req), dry, manager, patch;

	if (r < 0)
		return r;
	/* What is wrong is told together. */
	dry = parse_dry_run(req);
	manager = parse_manager(req);
	patch = parse_patch(req);
	r = dry < 0 ? dry : MIN(manager, patch);
	if (r == 0)
		r = parse_timeout(req);
	if (str_eq_c(fields, "Strict"))
		req->field_validation = REQUEST_FIELDS_STRICT;
	else if (str_eq_c(fields, "Ignore"))
		req->field_validation = REQUEST_FIELDS_IGNORE;
	else if (fields.len && !str_eq_c(fields, "Warn"))
		r = unsupported(req, "fieldValidation", quoted(req, fields),
				"\"\", \"Ignore\", \"Strict\", \"Warn\"");
	return r;
}

static int parse_number(struct request *req, const char *name, uint64_t max, uint64_t *ret)
{
	struct str text = query(req, name);

	if (text.len && str_to_u64(text, 0, max, ret, NULL) < 0)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "%s: '%.*s' must be a number from 0 to %" PRIu64, name,
				  STR_ARG(text), max);
	return 0;
}

static int parse_match(struct request *req)
{
	struct str match = query(req, "resourceVersionMatch");

	if (!match.len)
		return 0;
	if (str_eq_c(match, "Exact"))
		req->match = REQUEST_MATCH_EXACT;
	else if (str_eq_c(match, "NotOlderThan"))
		req->match = REQUEST_MATCH_NOT_OLDER;
	else
		return unsupported(req, "resourceVersionMatch", quoted(req, match),
				   "\"Exact\", \"NotOlderThan\"");
	if (req->verb == REQUEST_WATCH) {
		if (!req->has_initial)
			return forbidden(req, "resourceVersionMatch",
					 "resourceVersionMatch is forbidden for watch unless "
					 "sendInitialEvents is provided");
		if (req->match == REQUEST_MATCH_EXACT)
			return unsupported(req, "resourceVersionMatch", quoted(req, match),
					   "\"NotOlderThan\"");
	} else if (!req->rev_text.len) {
		return forbidden(req, "resourceVersionMatch",
				 "resourceVersionMatch is forbidden unless resourceVersion is "
				 "provided");
	}
	if (req->continue_token.len)
		return forbidden(req, "resourceVersionMatch",
				 "resourceVersionMatch is forbidden when continue is provided");
	if (req->match == REQUEST_MATCH_EXACT && req->rev == 0)
		return forbidden(req, "resourceVersionMatch",
				 "resourceVersionMatch \"Exact\" is forbidden for resourceVersion "
				 "\"0\"");
	return 0;
}

static int parse_list_query(struct request *req)
{
	uint64_t timeout = 0;
	int r;

	req->label_selector = query(req, "labelSelector");
	req->field_selector = query(req, "fieldSelector");
	req->continue_token = query(req, "continue");
	req->rev_text = query(req, "resourceVersion");
	req->wants_bookmarks = is_true(query(req, "allowWatchBookmarks"));
	req->has_initial = str_is_set(query(req, "sendInitialEvents"));
	req->wants_initial = is_true(query(req, "sendInitialEvents"));
	r = parse_number(req, "limit", INT64_MAX, &req->limit);
	if (r == 0)
		r = parse_number(req, "timeoutSeconds", INT32_MAX, &timeout);
	if (r < 0)
		return r;
	req->timeout_s = (int64_t)timeout;
	if (req->rev_text.len && str_to_u64(req->rev_text, 0, INT64_MAX, &req->rev, NULL) < 0)
		return status_set(&req->st, ERR_BAD_REQUEST, "Invalid resourceVersion: '%.*s'",
				  STR_ARG(req->rev_text));
	r = parse_match(req);
	if (r < 0)
		return r;
	if (req->has_initial && req->verb != REQUEST_WATCH)
		return forbidden(req, "sendInitialEvents",
				 "sendInitialEvents is forbidden for list");
	if (req->has_initial && req->match != REQUEST_MATCH_NOT_OLDER)
		return forbidden(req, "resourceVersionMatch",
				 "sendInitialEvents requires setting resourceVersionMatch to "
				 "NotOlderThan");
	return 0;
}

/* What is no number is as good as nothing. */
static void parse_get_query(struct request *req)
{
	struct str rev = query(req, "resourceVersion");

	if (str_to_u64(rev, 0, INT64_MAX, &req->rev, NULL) >= 0)
		req->rev_text = rev;
}

static int parse_include(struct request *req)
{
	struct str include = query(req, "includeObject");

	struct err err;

	if (api_include_parse(include, &req->include, &err) < 0)
		return status_from_err(&req->st, ERR_BAD_REQUEST, &err);
	return 0;
}

int request_parse(struct apiserver *s, struct http_exchange *x, const struct access_user *user,
		  struct request *req)
{
	bool is_prefixed = false;
	int r;

	*req = (struct request){.s = s,
				.x = x,
				.user = user,
				.arena = &x->arena,
				.st.arena = &x->arena,
				.content_type = "application/json",
				.began_ns = s->clock->mono_ns(s->clock)};
	r = parse_path(req, &is_prefixed);
	if (r < 0)
		return r;
	r = check_verb(req, is_prefixed);
	if (r < 0 || is_passed_on(req))
		return r;
	if (api_deprecation(req->res->kind))
		request_warn(req, str_of(api_deprecation(req->res->kind)));
	r = accept_negotiate(req);
	if (r == 0 && (req->verb == REQUEST_LIST || req->verb == REQUEST_WATCH ||
		       req->verb == REQUEST_DELETE_COLLECTION))
		r = parse_list_query(req);
	else if (r == 0 && req->verb == REQUEST_GET)
		parse_get_query(req);
	if (r == 0)
		r = parse_include(req);
	if (r == 0 && req->verb >= REQUEST_CREATE)
		r = parse_write_query(req);
	return r;
}

void request_warn(struct request *req, struct str text)
{
	for (size_t i = 0; i < req->n_warnings; i++)
		if (str_eq(req->warnings[i], text))
			return;
	if (req->n_warnings < REQUEST_WARNINGS_MAX)
		req->warnings[req->n_warnings++] = text;
}
