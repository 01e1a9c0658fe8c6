/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/meta.h"

#include "api/discovery.h"
#include "api/openapi.h"
#include "apiserver/accept.h"
#include "apiserver/stats.h"
#include "base/metrics.h"

static bool is_at_or_below(struct str path, struct str root)
{
	return str_has_prefix(path, root) && (path.len == root.len || path.ptr[root.len] == '/');
}

bool meta_is_public(struct str path)
{
	return is_at_or_below(path, STR("/healthz")) || is_at_or_below(path, STR("/livez")) ||
	       is_at_or_below(path, STR("/readyz")) || str_eq_c(path, "/version");
}

static void reply(struct http_exchange *x, const char *type, struct buf *b)
{
	struct bytes *body = bytes_dup(buf_str(b));

	buf_fini(b);
	http_reply(x, 200, type, body);
	bytes_unref(body);
}

static void health(struct apiserver *s, struct http_exchange *x, struct str path)
{
	bool wants_ready = is_at_or_below(path, STR("/readyz"));
	bool is_up = wants_ready ? s->is_ready : !s->is_stopping;

	http_reply_text(x, is_up ? 200 : 503,
			is_up            ? "ok"
			: s->is_stopping ? "shutting down"
					 : "starting");
}

static void version(struct apiserver *s, struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	buf_add_c(
		&b,
		"{\"major\":\"1\",\"minor\":\"36\",\"emulationMajor\":\"1\","
		"\"emulationMinor\":\"36\",\"minCompatibilityMajor\":\"1\","
		"\"minCompatibilityMinor\":\"35\",\"gitVersion\":\"v1.36.0-fairlead." FAIRLEAD_VERSION
		"\",\"gitCommit\":\"\",\"gitTreeState\":\"clean\","
		"\"buildDate\":\"1970-01-01T00:00:00Z\",\"goVersion\":\"none\","
		"\"compiler\":\"cc\",\"platform\":\"linux/");
#if defined(__x86_64__)
	buf_add_c(&b, "amd64");
#elif defined(__aarch64__)
	buf_add_c(&b, "arm64");
#else
	buf_add_c(&b, "unknown");
#endif
	buf_add_c(&b, "\"}");
	reply(x, "application/json", &b);
}

static void show_metrics(struct apiserver *s, struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	stats_update(s);
	metrics_print(&b);
	reply(x, "text/plain; version=0.0.4; charset=utf-8", &b);
}

/* Documents */

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
	body = map_get(&s->documents, key);
	if (!body) {
		struct buf b = BUF_INIT;

		if (render(s, which, path, &b)) {
			body = bytes_dup(buf_str(&b));
			map_put(&s->documents, key, body);
		}
		buf_fini(&b);
	}
	arena_fini(&a);
	return body;
}

static struct str accept_header(struct http_exchange *x)
{
	return http_header(x->req.headers, x->req.n_headers, "accept");
}

/* Clients ask for the protobuf form by a name with '@', which their own parsers of media types
 * refuse in an answer; so it is answered by the name that took its place. */
#define OPENAPI_V2_PROTO "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

static void openapi_v2(struct apiserver *s, struct http_exchange *x)
{
	struct str accept = accept_header(x);
	struct accept_type t;

	while (accept_next(&accept, &t)) {
		if (str_eq_c(t.type, "application/json") || str_eq_c(t.type, "*/*"))
			break;
		if (str_eq_c(t.type, API_OPENAPI_V2_PROTO)) {
			http_reply(x, 200, API_OPENAPI_V2_PROTO_REPLY,
				   document(s, DOCUMENT_V2_PROTO, STR("/openapi/v2")));
			return;
		}
	}
	http_reply(x, 200, "application/json", document(s, DOCUMENT_V2, STR("/openapi/v2")));
}

static void discovery_root(struct apiserver *s, struct http_exchange *x, struct str path)
{
	struct str accept = accept_header(x);
	struct accept_type t;

	while (accept_next(&accept, &t)) {
		if (!str_eq_c(t.as, "APIGroupDiscoveryList")) {
			if (!t.as.len)
				break;
			continue;
		}
		if (str_eq_c(t.version, "v2")) {
			http_reply(x, 200, API_DISCOVERY_V2,
				   document(s, DOCUMENT_AGGREGATED, path));
			return;
		}
		if (str_eq_c(t.version, "v2beta1")) {
			http_reply(x, 200, API_DISCOVERY_V2BETA1,
				   document(s, DOCUMENT_AGGREGATED_BETA, path));
			return;
		}
	}
	http_reply(x, 200, "application/json",
		   document(s, str_eq_c(path, "/api") ? DOCUMENT_VERSIONS : DOCUMENT_GROUPS, path));
}

/* /api/v1, /apis/GROUP, /apis/GROUP/VERSION, /openapi/v3/…: true when there is such a document. */
static bool by_path(struct apiserver *s, struct http_exchange *x, struct str path)
{
	struct bytes *body = NULL;
	size_t slashes = 0;

	for (size_t i = 0; i < path.len; i++)
		slashes += path.ptr[i] == '/';
	if (str_has_prefix(path, STR("/openapi/v3/")))
		body = document(s, DOCUMENT_V3, path);
	else if ((str_has_prefix(path, STR("/api/")) && slashes == 2) ||
		 (str_has_prefix(path, STR("/apis/")) && slashes <= 3))
		body = document(s, DOCUMENT_RESOURCES, path);
	if (!body)
		return false;
	http_reply(x, 200, "application/json", body);
	return true;
}

static void list_paths(struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	buf_add_c(&b, "{\"paths\":[\"/api\",\"/api/v1\",\"/apis\",\"/healthz\",\"/livez\","
		      "\"/metrics\",\"/openapi/v2\",\"/openapi/v3\",\"/readyz\",\"/version\"]}");
	reply(x, "application/json", &b);
}

bool meta_handle(struct apiserver *s, struct http_exchange *x)
{
	struct str path = x->req.path;

	if (x->req.method != HTTP_GET && x->req.method != HTTP_HEAD)
		return false;
	if (str_eq_c(path, "/version"))
		version(s, x);
	else if (meta_is_public(path))
		health(s, x, path);
	else if (str_eq_c(path, "/metrics"))
		show_metrics(s, x);
	else if (str_eq_c(path, "/"))
		list_paths(x);
	else if (str_eq_c(path, "/api") || str_eq_c(path, "/apis"))
		discovery_root(s, x, path);
	else if (str_eq_c(path, "/openapi/v2"))
		openapi_v2(s, x);
	else if (str_eq_c(path, "/openapi/v3"))
		http_reply(x, 200, "application/json", document(s, DOCUMENT_V3_INDEX, path));
	else
		return by_path(s, x, path);
	return true;
}

void meta_fini(struct apiserver *s)
{
	map_foreach(e, &s->documents)
		bytes_unref(e->value);
	map_fini(&s->documents);
}
