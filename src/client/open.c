/* SPDX-License-Identifier: Apache-2.0 */
/* From a file's name to a client: the part of kubeconfig.h that does I/O. */
#include "base/fd.h"
#include "client/client-internal.h"
#include "client/kubeconfig.h"
#include "json/yaml_tree.h"

#include <string.h>

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

static int kubeconfig_read(struct arena *a, const char *path, struct client_kubeconfig *ret,
			   struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *dir = slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".";
	struct buf text;
	int r;

	buf_init(&text);
	r = fd_read_file(path, JSON_YAML_MAX, &text, err);
	if (r >= 0) {
		r = client_kubeconfig_parse(a, buf_str(&text), dir, ret, err);
		if (r < 0)
			err_wrap(err, r, "%s", path);
	}
	buf_fini(&text);
	return r < 0 ? r : 0;
}

int client_kubeconfig_open(struct loop *l, const char *path, const char *user_agent,
			   struct client **ret, struct err *err)
{
	struct client_kubeconfig k;
	struct http_transport *t;
	struct client *c;
	struct arena a;
	int r;

	arena_init(&a, 0);
	r = path ? kubeconfig_read(&a, path, &k, err)
		 : client_kubeconfig_in_cluster(&a, SERVICE_ACCOUNT_DIR, &k, err);
	if (r == 0)
		r = http_client_new(l, &k.http, &t, err);
	if (r == 0) {
		c = client_new(l, t, user_agent);
		if (k.token.len)
			c->token = mem_xstrndup(k.token.ptr, k.token.len);
		if (k.token_file)
			c->token_file = mem_xstrdup(k.token_file);
		*ret = c;
	}
	arena_fini(&a);
	return r < 0 ? r : 0;
}
