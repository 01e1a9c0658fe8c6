/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/documents.h"

#include "api/discovery.h"
#include "api/openapi/openapi.h"
#include "apiserver/accept.h"
#include "apiserver/compress.h"
#include "base/map.h"

struct documents {
	struct map rendered; /* struct bytes, by what it is and its path */
};

enum document {
	DOCUMENT_V3_INDEX,
	DOCUMENT_V3,
	DOCUMENT_V2,
	DOCUMENT_V2_PROTO,
	DOCUMENT_VERSIONS,
	DOCUMENT_GROUPS,
	DOCUMENT_GROUP,
	DOCUMENT_RESOURCES,
	DOCUMENT_AGGREGATED,
	DOCUMENT_AGGREGATED_BETA,
};

static bool resources(struct str path, struct buf *b)
{
	struct str rest = str_skip(path, 1), root, group, version;

	IGNORE(str_next(&rest, '/', &root), "the path begins so");
	if (str_eq_c(root, "api")) {
		group = STR("");
		version = rest;
	} else {
		IGNORE(str_next(&rest, '/', &group), "an absent group names nothing");
		version = rest;
		if (!version.len)
			return api_discovery_group(group, b);
	}
	return version.len && api_discovery_resources(group, version, b);
}

static bool render(struct apiserver *s, enum document which, struct str path, struct buf *b)
{
	switch (which) {
	case DOCUMENT_V3_INDEX:
		api_openapi_v3_index(b);
		return true;
	case DOCUMENT_V3:
		return api_openapi_v3(str_skip(path, strlen("/openapi/v3/")), b);
	case DOCUMENT_V2:
		api_openapi_v2(b);
		return true;
	case DOCUMENT_V2_PROTO:
		api_openapi_v2_proto(b);
		return true;
	case DOCUMENT_VERSIONS:
		api_discovery_versions(s->server_address, b);
		return true;
	case DOCUMENT_GROUPS:
		api_discovery_groups(b);
		return true;
	case DOCUMENT_AGGREGATED:
	case DOCUMENT_AGGREGATED_BETA:
		api_discovery_aggregated(str_eq_c(path, "/api"),
					 which == DOCUMENT_AGGREGATED ? "v2" : "v2beta1", b);
		return true;
	case DOCUMENT_GROUP:
	case DOCUMENT_RESOURCES:
	default:
		return resources(path, b);
	}
}

/* The document, made when it is asked for first; NULL: there is none of that path. */
static struct bytes *document(struct apiserver *s, enum document which, struct str path)
{
	struct arena a;
	struct str key;
	struct bytes *body;

	arena_init(&a, 0);
	key = str_printf(&a, "%d %.*s", (int)which, STR_ARG(path));
	body = map_get(&s->documents->rendered, key);
	if (!body) {
		struct buf b = BUF_INIT;

		if (render(s, which, path, &b)) {
			body = bytes_dup(buf_str(&b));
			map_put(&s->documents->rendered, key, body);
		}
		buf_fini(&b);
	}
	arena_fini(&a);
	return body;
}

/* Its form in gzip, kept beside it; NULL: it has none that is shorter. Made on the loop, once:
 * rendering it took longer. */
static struct bytes *packed(struct apiserver *s, enum document which, struct str path,
			    const struct bytes *body)
{
	struct arena a;
	struct str key;
	struct bytes *ret;

	arena_init(&a, 0);
	key = str_printf(&a, "%d %.*s gzip", (int)which, STR_ARG(path));
	ret = map_get(&s->documents->rendered, key);
	if (!ret) {
		ret = compress_gzip(bytes_str(body), NULL);
		if (ret)
			map_put(&s->documents->rendered, key, ret);
	}
	arena_fini(&a);
	return ret;
}

/* False: there is no such document. */
static bool answer(struct apiserver *s, struct http_exchange *x, enum document which,
		   struct str path, const char *type)
{
	struct http_header headers[3] = {{STR("content-type"), str_of(type)},
					 {STR("vary"), STR("Accept-Encoding")},
					 {STR("content-encoding"), STR("gzip")}};
	struct bytes *body = document(s, which, path), *gz = NULL;

	if (!body)
		return false;
	if (compress_is_wanted(&x->req, body->len))
		gz = packed(s, which, path, body);
	http_reply_with(x, 200, headers,
			gz                          ? 3
			: body->len > COMPRESS_FROM ? 2
						    : 1,
			gz ? gz : body);
	return true;
}

static struct str accept_header(struct http_exchange *x)
{
	return http_header(x->req.headers, x->req.n_headers, "accept");
}

/* Clients ask for the protobuf form by a name with '@', which their own parsers of media types
 * refuse in an answer; so it is answered by the name that took its place. */
static bool openapi_v2(struct apiserver *s, struct http_exchange *x, struct str path)
{
	struct str accept = accept_header(x);
	struct accept_type t;

	while (accept_next(&accept, &t)) {
		if (str_eq_c(t.type, "application/json") || str_eq_c(t.type, "*/*"))
			break;
		if (str_eq_c(t.type, API_OPENAPI_V2_PROTO))
			return answer(s, x, DOCUMENT_V2_PROTO, path, API_OPENAPI_V2_PROTO_REPLY);
	}
	return answer(s, x, DOCUMENT_V2, path, "application/json");
}

static bool discovery_root(struct apiserver *s, struct http_exchange *x, struct str path)
{
	struct str accept = accept_header(x);
	struct accept_type t;

	while (accept_next(&accept, &t)) {
		if (!str_eq_c(t.as, "APIGroupDiscoveryList")) {
			if (!t.as.len)
				break;
			continue;
		}
		if (str_eq_c(t.version, "v2"))
			return answer(s, x, DOCUMENT_AGGREGATED, path, API_DISCOVERY_V2);
		if (str_eq_c(t.version, "v2beta1"))
			return answer(s, x, DOCUMENT_AGGREGATED_BETA, path, API_DISCOVERY_V2BETA1);
	}
	return answer(s, x, str_eq_c(path, "/api") ? DOCUMENT_VERSIONS : DOCUMENT_GROUPS, path,
		      "application/json");
}

/* /api/v1, /apis/GROUP, /apis/GROUP/VERSION, /openapi/v3/…: true when there is such a document. */
static bool by_path(struct apiserver *s, struct http_exchange *x, struct str path)
{
	size_t slashes = 0;

	for (size_t i = 0; i < path.len; i++)
		slashes += path.ptr[i] == '/';
	if (str_has_prefix(path, STR("/openapi/v3/")))
		return answer(s, x, DOCUMENT_V3, path, "application/json");
	if ((str_has_prefix(path, STR("/api/")) && slashes == 2) ||
	    (str_has_prefix(path, STR("/apis/")) && slashes <= 3))
		return answer(s, x, DOCUMENT_RESOURCES, path, "application/json");
	return false;
}

bool documents_handle(struct apiserver *s, struct http_exchange *x)
{
	struct str path = x->req.path;

	if (str_eq_c(path, "/api") || str_eq_c(path, "/apis"))
		return discovery_root(s, x, path);
	if (str_eq_c(path, "/openapi/v2"))
		return openapi_v2(s, x, path);
	if (str_eq_c(path, "/openapi/v3"))
		return answer(s, x, DOCUMENT_V3_INDEX, path, "application/json");
	return by_path(s, x, path);
}

struct documents *documents_new(void)
{
	return mem_xnew(struct documents);
}

void documents_free(struct documents *d)
{
	if (!d)
		return;
	map_foreach(e, &d->rendered)
		bytes_unref(e->value);
	map_fini(&d->rendered);
	free(d);
}
