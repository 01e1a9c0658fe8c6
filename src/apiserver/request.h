/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One request about objects: who wants what done to which, and how the answer is to look
 * (service-api.md sections 18.1, 18.2, 18.4). The ways to answer it are in reply.h.
 *
 * A request lives in its exchange's arena and ends with the exchange. Whoever works on it across
 * turns of the loop keeps a struct op (write/op.h) that learns when the client has gone.
 */

#include "access/access.h"
#include "api/table/table.h"
#include "apiserver/server.h"
#include "apiserver/status.h"

enum request_verb {
	REQUEST_GET,
	REQUEST_LIST,
	REQUEST_WATCH,
	REQUEST_CREATE,
	REQUEST_UPDATE,
	REQUEST_PATCH,
	REQUEST_DELETE,
	REQUEST_DELETE_COLLECTION,
};
const char *request_verb_name(enum request_verb v); /* "deletecollection" */

enum request_format {
	REQUEST_JSON,
	REQUEST_TABLE,
	REQUEST_METADATA, /* PartialObjectMetadata(List) */
	REQUEST_PROTO,    /* Kubernetes' protobuf */
};

enum request_field_validation {
	REQUEST_FIELDS_WARN,
	REQUEST_FIELDS_IGNORE,
	REQUEST_FIELDS_STRICT,
};

enum request_match { /* resourceVersionMatch */
	REQUEST_MATCH_UNSET,
	REQUEST_MATCH_EXACT,
	REQUEST_MATCH_NOT_OLDER,
};

enum {
	REQUEST_WARNINGS_MAX = 32,      /* Warning headers of one answer; more are left out */
	REQUEST_TIMEOUT_MS = 60 * 1000, /* a write may take as long */
	REQUEST_MANAGER_MAX = 128,      /* characters of fieldManager */
};

struct request {
	struct apiserver *s;
	struct http_exchange *x;
	struct arena *arena;            /* the exchange's */
	const struct access_user *user; /* who asks; lives as long as the request */
	const struct resource *res;
	struct str ns, name, sub;                  /* absent: none */
	const struct api_subresource *subresource; /* of that name; NULL: none */
	struct str rest; /* of a proxy: the path behind it, as it was sent; "" or begins with '/' */
	struct str proxied_host; /* … and "host:port" where it goes */
	enum request_verb verb;
	enum request_format format;
	enum api_include include; /* of a Table's rows */
	bool is_beta;             /* Table and PartialObjectMetadata of meta.k8s.io/v1beta1 */
	const char *content_type; /* of the answer */
	bool is_dry_run;
	enum request_field_validation field_validation;
	struct str field_manager;
	int64_t timeout_ms; /* that a write may take: `timeout`; 0: not said */
	bool is_apply;      /* a PATCH: server-side apply */
	bool is_forced;     /* … take fields from their owners */
	/* list and watch */
	struct str label_selector, field_selector, continue_token;
	uint64_t limit;
	struct str rev_text; /* resourceVersion as given (to get, too); absent: not given */
	uint64_t rev;
	enum request_match match;
	bool wants_bookmarks, wants_initial, has_initial; /* has_: sendInitialEvents was given */
	int64_t timeout_s;                                /* 0: not given */
	struct str warnings[REQUEST_WARNINGS_MAX];
	size_t n_warnings;
	int64_t began_ns;
	struct status st;
};

/* Fills *req from x->req: path, method, Accept, query. Negative with req->st set when it cannot be
 * served; ERR_NOT_FOUND without a res when the path names nothing that is served. */
int request_parse(struct apiserver *s, struct http_exchange *x, const struct access_user *user,
		  struct request *req) _nodiscard_;

void request_warn(struct request *req, struct str text);
