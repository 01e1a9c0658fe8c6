/* SPDX-License-Identifier: Apache-2.0 */
#include "client/kubeconfig.h"

#include "json/yaml_tree.h"

#include <errno.h>
#include <string.h>

/* The `field` object of the element of obj[list] with that name. */
static int find_named(const struct json *obj, const char *list, struct str name, const char *field,
		      const struct json **ret, struct err *err)
{
	const struct json *all = json_get(obj, list);

	if (json_is(all, JSON_ARRAY))
		json_foreach(it, all)
			if (str_eq(json_get_string(it, "name"), name)) {
				*ret = json_get(it, field);
				return 0;
			}
	return err_set(err, ERR_USAGE, "%s: there is none named \"%.*s\"", list, STR_ARG(name));
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4, with line breaks allowed. */
static int base64_decode(struct arena *a, struct str s, struct str *ret)
{
	char *out = arena_alloc(a, s.len / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t n = 0, digits = 0;

	s = str_trim(s);
	while (s.len && s.ptr[s.len - 1] == '=')
		s.len--;
	for (size_t i = 0; i < s.len; i++) {
		int d = base64_digit(s.ptr[i]);

		if (s.ptr[i] == '\n' || s.ptr[i] == '\r' || s.ptr[i] == ' ')
			continue;
		if (d < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)d;
		if (++digits % 4 == 0) {
			out[n++] = (char)(bits >> 16);
			out[n++] = (char)(bits >> 8);
			out[n++] = (char)bits;
			bits = 0;
		}
	}
	if (digits % 4 == 1)
		return -EINVAL;
	if (digits % 4 == 2) {
		out[n++] = (char)(bits >> 4);
	} else if (digits % 4 == 3) {
		out[n++] = (char)(bits >> 10);
		out[n++] = (char)(bits >> 2);
	}
	*ret = str_n(out, n);
	return 0;
}

/* "name-data" (inline, base64) wins over "name" (a file). */
static int read_pem(struct arena *a, const struct json *obj, const char *name, const char *dir,
		    const char **ret_file, struct str *ret_pem, struct err *err)
{
	struct str data = json_get_string(obj, str_printf(a, "%s-data", name).ptr);
	struct str file = json_get_string(obj, name);

	if (data.len) {
		if (base64_decode(a, data, ret_pem) < 0)
			return err_set(err, ERR_USAGE, "%s-data: not base64", name);
	} else if (file.len) {
		*ret_file = file.ptr[0] == '/' ? str_cstr(a, file)
					       : str_printf(a, "%s/%.*s", dir, STR_ARG(file)).ptr;
	}
	return 0;
}

static int parse_port(struct str s, uint16_t *ret, struct err *err)
{
	uint64_t port;
	int r = str_to_u64(s, 1, UINT16_MAX, &port, err);

	if (r < 0)
		return err_wrap(err, r, "the port");
	*ret = (uint16_t)port;
	return 0;
}

/* "https://host:6443", "http://[::1]:8080", "host:6443" (http, as kubectl takes it). */
static int parse_server(struct arena *a, struct str url, struct http_client_config *http,
			struct err *err)
{
	struct str rest = url;
	ptrdiff_t end, colon;

	if (str_has_prefix(rest, STR("https://"))) {
		http->is_tls = true;
		rest = str_skip(rest, 8);
	} else if (str_has_prefix(rest, STR("http://"))) {
		rest = str_skip(rest, 7);
	}
	if (str_has_suffix(rest, STR("/")))
		rest.len--;
	if (str_find(rest, '/') >= 0)
		return err_set(err, ERR_USAGE, "\"%.*s\": a path in the URL is not supported",
			       STR_ARG(url));
	http->port = http->is_tls ? 443 : 80;
	if (rest.len && rest.ptr[0] == '[') {
		end = str_find(rest, ']');
		if (end < 0)
			return err_set(err, ERR_USAGE, "\"%.*s\": no closing bracket",
				       STR_ARG(url));
		http->host = str_dup(a, str_sub(rest, 1, (size_t)end - 1));
		rest = str_skip(rest, (size_t)end + 1);
		colon = rest.len ? 0 : -1;
	} else {
		colon = str_rfind(rest, ':');
		http->host = str_dup(a, str_sub(rest, 0, colon < 0 ? rest.len : (size_t)colon));
	}
	if (!http->host.len)
		return err_set(err, ERR_USAGE, "\"%.*s\": no host", STR_ARG(url));
	return colon < 0 ? 0 : parse_port(str_skip(rest, (size_t)colon + 1), &http->port, err);
}

static int parse_cluster(struct arena *a, const struct json *cluster, const char *dir,
			 struct http_client_config *http, struct err *err)
{
	struct str url = json_get_string(cluster, "server");
	int r;

	if (!url.len)
		return err_set(err, ERR_USAGE, "server: missing");
	if (json_get_string(cluster, "proxy-url").len)
		return err_set(err, ERR_USAGE, "proxy-url: not supported");
	r = parse_server(a, url, http, err);
	if (r < 0)
		return err_wrap(err, r, "server");
	http->server_name = json_get_string(cluster, "tls-server-name");
	http->is_insecure = str_eq_c(json_get_string(cluster, "insecure-skip-tls-verify"), "true");
	return read_pem(a, cluster, "certificate-authority", dir, &http->ca_file, &http->ca_pem,
			err);
}

static int parse_user(struct arena *a, const struct json *user, const char *dir,
		      struct client_kubeconfig *k, struct err *err)
{
	static const char *const unsupported[] = {"exec", "auth-provider", "username"};
	struct str file = json_get_string(user, "tokenFile");
	int r;

	for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
		if (!json_is_null(json_get(user, unsupported[i])))
			return err_set(err, ERR_USAGE,
				       "%s: not supported; use a certificate or a token",
				       unsupported[i]);
	r = read_pem(a, user, "client-certificate", dir, &k->http.cert_file, &k->http.cert_pem,
		     err);
	if (r < 0)
		return r;
	r = read_pem(a, user, "client-key", dir, &k->http.key_file, &k->http.key_pem, err);
	if (r < 0)
		return r;
	if ((k->http.cert_file || k->http.cert_pem.len) !=
	    (k->http.key_file || k->http.key_pem.len))
		return err_set(err, ERR_USAGE,
			       "client-certificate and client-key: one of them is missing");
	k->token = json_get_string(user, "token");
	if (file.len && !k->token.len)
		k->token_file = file.ptr[0] == '/'
					? str_cstr(a, file)
					: str_printf(a, "%s/%.*s", dir, STR_ARG(file)).ptr;
	return 0;
}

int client_kubeconfig_parse(struct arena *a, struct str text, const char *dir,
			    struct client_kubeconfig *ret, struct err *err)
{
	struct client_kubeconfig k = {0};
	const struct json *context, *cluster, *user;
	struct json *root;
	struct str current, name;
	int r = json_yaml_parse(a, text, JSON_YAML_STRINGS, &root, err);

	if (r < 0)
		return r;
	current = json_get_string(root, "current-context");
	if (!current.len)
		return err_set(err, ERR_USAGE, "current-context: missing");
	r = find_named(root, "contexts", current, "context", &context, err);
	if (r < 0)
		return r;
	name = json_get_string(context, "cluster");
	r = find_named(root, "clusters", name, "cluster", &cluster, err);
	if (r < 0)
		return r;
	r = parse_cluster(a, cluster, dir, &k.http, err);
	if (r < 0)
		return err_wrap(err, r, "cluster \"%.*s\"", STR_ARG(name));
	name = json_get_string(context, "user");
	if (name.len) {
		r = find_named(root, "users", name, "user", &user, err);
		if (r < 0)
			return r;
		r = parse_user(a, user, dir, &k, err);
		if (r < 0)
			return err_wrap(err, r, "user \"%.*s\"", STR_ARG(name));
	}
	*ret = k;
	return 0;
}

int client_kubeconfig_in_cluster(struct arena *a, const char *dir, struct client_kubeconfig *ret,
				 struct err *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	struct client_kubeconfig k = {0};
	int r;

	if (!host || !port || !*host)
		return err_set(err, ERR_USAGE,
			       "not in a Pod ($KUBERNETES_SERVICE_HOST, $KUBERNETES_SERVICE_PORT); "
			       "give --kubeconfig");
	r = parse_port(str_of(port), &k.http.port, err);
	if (r < 0)
		return err_wrap(err, r, "$KUBERNETES_SERVICE_PORT");
	k.http.host = str_dup(a, str_of(host));
	k.http.is_tls = true;
	k.http.ca_file = str_printf(a, "%s/ca.crt", dir).ptr;
	k.token_file = str_printf(a, "%s/token", dir).ptr;
	*ret = k;
	return 0;
}
