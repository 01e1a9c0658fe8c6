/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/kubeconfig.h"

#include "base/fd.h"

enum {
	PEM_MAX = 256 * 1024, /* bytes of a certificate or key file */
};

static int add_file(struct buf *b, const char *key, const char *file, struct err *err)
{
	struct buf content = BUF_INIT;
	int r = fd_read_file(file, PEM_MAX, &content, err);

	if (r == 0) {
		buf_printf(b, "    %s: ", key);
		buf_add_base64(b, buf_str(&content));
		buf_add_byte(b, '\n');
	}
	buf_fini(&content);
	return r;
}

static int compose(struct buf *b, const struct kubeconfig_spec *spec, struct err *err)
{
	int r;

	buf_printf(b,
		   "apiVersion: v1\nkind: Config\ncurrent-context: fairlead\nclusters:\n"
		   "- name: fairlead\n  cluster:\n    server: %s\n",
		   spec->server);
	r = add_file(b, "certificate-authority-data", spec->ca_file, err);
	if (r < 0)
		return r;
	buf_printf(b,
		   "contexts:\n- name: fairlead\n  context:\n    cluster: fairlead\n    user: %s\n"
		   "users:\n- name: %s\n  user:\n",
		   spec->user, spec->user);
	r = add_file(b, "client-certificate-data", spec->cert_file, err);
	return r < 0 ? r : add_file(b, "client-key-data", spec->key_file, err);
}

int kubeconfig_write(const char *path, const struct kubeconfig_spec *spec, struct err *err)
{
	struct buf b = BUF_INIT, old = BUF_INIT;
	int r = compose(&b, spec, err);

	if (r == 0 && (fd_read_file(path, PEM_MAX * 4, &old, NULL) < 0 ||
		       !str_eq(buf_str(&b), buf_str(&old))))
		r = fd_write_file(path, buf_str(&b), 0600, err);
	buf_fini(&b);
	buf_fini(&old);
	return r < 0 ? err_wrap(err, r, "writing kubeconfig '%s'", path) : 0;
}

int kubeconfig_server(const char *path, struct arena *a, const char **ret, struct err *err)
{
	struct buf b = BUF_INIT;
	struct str rest, line, url = {0};
	int r = fd_read_file(path, PEM_MAX * 4, &b, err);

	rest = buf_str(&b);
	while (r == 0 && !url.len && str_next(&rest, '\n', &line)) {
		line = str_trim(line);
		if (str_has_prefix(line, STR("server: ")))
			url = str_skip(line, strlen("server: "));
	}
	if (r == 0 && !url.len)
		r = err_set(err, ERR_INVALID, "kubeconfig '%s' names no server", path);
	if (r == 0)
		*ret = str_cstr(a, url);
	buf_fini(&b);
	return r;
}
