/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/accept.h"

#include "api/proto.h"

bool accept_next(struct str *rest, struct accept_type *ret)
{
	struct str range, part;

	if (!str_next(rest, ',', &range))
		return false;
	*ret = (struct accept_type){0};
	IGNORE(str_next(&range, ';', &part), "a set string has a first part");
	ret->type = str_trim(part);
	while (str_next(&range, ';', &part)) {
		part = str_trim(part);
		if (str_has_prefix(part, STR("as=")))
			ret->as = str_skip(part, 3);
		else if (str_has_prefix(part, STR("g=")))
			ret->group = str_skip(part, 2);
		else if (str_has_prefix(part, STR("v=")))
			ret->version = str_skip(part, 2);
	}
	return true;
}

static bool is_json(struct str type)
{
	return str_eq_c(type, "application/json") || str_eq_c(type, "*/*") ||
	       str_eq_c(type, "application/*");
}

/* Whether this type can be served; sets the request's format. */
static bool take(struct request *req, const struct accept_type *t)
{
	bool wants_many = req->verb == REQUEST_LIST;

	if (str_eq_c(t->type, API_PROTO) && !t->as.len) {
		req->format = REQUEST_PROTO;
		req->content_type = req->verb == REQUEST_WATCH ? API_PROTO_WATCH : API_PROTO;
		return true;
	}
	if (!is_json(t->type))
		return false;
	if (!t->as.len)
		return true;
	if (!str_eq_c(t->group, "meta.k8s.io") || req->verb > REQUEST_WATCH)
		return false;
	if (!str_eq_c(t->version, "v1") && !str_eq_c(t->version, "v1beta1"))
		return false;
	req->is_beta = !str_eq_c(t->version, "v1");
	if (str_eq_c(t->as, "Table")) {
		req->format = REQUEST_TABLE;
		return true;
	}
	if (str_eq_c(t->as, wants_many ? "PartialObjectMetadataList" : "PartialObjectMetadata")) {
		req->format = REQUEST_METADATA;
		return true;
	}
	return false;
}

int accept_negotiate(struct request *req)
{
	struct str rest = http_header(req->x->req.headers, req->x->req.n_headers, "accept");
	struct accept_type t;

	if (!str_trim(rest).len)
		return 0;
	while (accept_next(&rest, &t))
		if (take(req, &t))
			return 0;
	return status_set(
		&req->st, ERR_NOT_ACCEPTABLE,
		"only the following media types are accepted: application/json, " API_PROTO);
}

int accept_body(struct str content_type, const char *const *types)
{
	struct accept_type t = {0};

	if (!str_trim(content_type).len)
		return 0;
	IGNORE(accept_next(&content_type, &t), "it is not empty");
	for (int i = 0; types[i]; i++)
		if (str_eq_nocase(t.type, str_of(types[i])))
			return i;
	return -1;
}
