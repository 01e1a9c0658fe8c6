/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/nonresource.h"

#include "apiserver/access/issuer.h"
#include "apiserver/serve/documents.h"
#include "apiserver/serve/health.h"
#include "apiserver/stats.h"
#include "base/metrics.h"

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
	http_reply_buf(x, 200, "application/json", &b);
}

static void show_metrics(struct apiserver *s, struct http_exchange *x)
{
	stats_update(s);
	http_reply_metrics(x);
}

static void list_paths(struct http_exchange *x)
{
	struct buf b = BUF_INIT;

	buf_add_c(
		&b,
		"{\"paths\":[\"/.well-known/openid-configuration\",\"/api\",\"/api/v1\",\"/apis\",\"/healthz\",\"/livez\","
		"\"/metrics\",\"/openapi/v2\",\"/openapi/v3\",\"/openid/v1/jwks\",\"/readyz\",\"/version\"]}");
	http_reply_buf(x, 200, "application/json", &b);
}

bool nonresource_handle(struct apiserver *s, struct http_exchange *x)
{
	struct str path = x->req.path;

	if (x->req.method != HTTP_GET && x->req.method != HTTP_HEAD)
		return false;
	if (str_eq_c(path, "/version"))
		version(s, x);
	else if (health_is_path(path))
		health_answer(s, x);
	else if (str_eq_c(path, "/metrics"))
		show_metrics(s, x);
	else if (str_eq_c(path, "/"))
		list_paths(x);
	else
		return issuer_answer(s, x) || documents_handle(s, x);
	return true;
}
