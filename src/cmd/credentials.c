/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/credentials.h"

#include "access/jwt.h"
#include "access/token_file.h"
#include "apiserver/apiserver.h"
#include "base/fd.h"
#include "base/vec.h"
#include "cli/options.h"
#include "loop/loop.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_COMPONENT "server"
#include "base/log.h"

enum {
	LOOK_MS = 5000, /* between looks at the files */
};

/* What of a file shows that it is another one. */
struct stamp {
	struct timespec changed;
	ino_t inode;
	off_t size;
};

struct credentials {
	struct arena arena;
	const struct options *options;
	struct loop_timer *timer;
	struct apiserver *s;
	VEC(const char *) key_files;
	const char *signing_file, *token_file; /* NULL: no static tokens */
	VEC(const char *) issuers, audiences;  /* end with NULL */
	struct stamp keys_stamp, tokens_stamp, tls_stamp;
	struct http_server *https; /* NULL: not followed */
	struct http_tls tls;
};

static void add_to_stamp(struct stamp *s, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return;
	s->changed.tv_sec += st.st_mtim.tv_sec;
	s->changed.tv_nsec += st.st_mtim.tv_nsec;
	s->inode += st.st_ino;
	s->size += st.st_size;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->inode == b->inode && a->size == b->size;
}

static struct stamp keys_stamp(const struct credentials *c)
{
	struct stamp s = {0};

	add_to_stamp(&s, c->signing_file);
	for (size_t i = 0; i < c->key_files.len; i++)
		add_to_stamp(&s, c->key_files.ptr[i]);
	return s;
}

static struct stamp tokens_stamp(const struct credentials *c)
{
	struct stamp s = {0};

	if (c->token_file)
		add_to_stamp(&s, c->token_file);
	return s;
}

static struct stamp tls_stamp(const struct credentials *c)
{
	struct stamp s = {0};

	add_to_stamp(&s, c->tls.cert_file);
	add_to_stamp(&s, c->tls.key_file);
	if (c->tls.client_ca_file)
		add_to_stamp(&s, c->tls.client_ca_file);
	return s;
}

/* Files */

static int make_key(const char *path, struct err *err)
{
	struct buf pem = BUF_INIT;
	int r = access_jwt_generate(&pem, err);

	if (r == 0)
		r = fd_write_file(path, buf_str(&pem), 0600, err);
	OPENSSL_cleanse(pem.ptr, pem.len);
	buf_fini(&pem);
	return r;
}

static int read_key(struct access_jwt_keys *keys, const char *path, bool is_signer, struct err *err)
{
	struct buf pem = BUF_INIT;
	int r = fd_read_file(path, ACCESS_JWT_KEY_FILE_MAX, &pem, err);

	if (r == 0)
		r = is_signer ? access_jwt_keys_sign_with(keys, buf_str(&pem), err)
			      : access_jwt_keys_add(keys, buf_str(&pem), err);
	if (pem.cap)
		OPENSSL_cleanse(pem.ptr, pem.len);
	buf_fini(&pem);
	return r < 0 ? err_wrap(err, r, "key of service account tokens '%s'", path) : 0;
}

static int read_keys(struct credentials *c, struct err *err)
{
	struct access_jwt_keys *keys = access_jwt_keys_new();
	int r = read_key(keys, c->signing_file, true, err);

	for (size_t i = 0; r == 0 && i < c->key_files.len; i++)
		r = read_key(keys, c->key_files.ptr[i], false, err);
	if (r < 0) {
		access_jwt_keys_free(keys);
		return r;
	}
	apiserver_set_token_keys(c->s, keys);
	return 0;
}

static int read_tokens(struct credentials *c, struct err *err)
{
	struct access_tokens *tokens;
	struct buf text = BUF_INIT;
	int r;

	if (!c->token_file)
		return 0;
	r = fd_read_file(c->token_file, ACCESS_TOKEN_FILE_MAX, &text, err);
	if (r == 0)
		r = access_tokens_parse(buf_str(&text), &tokens, err);
	if (text.cap)
		OPENSSL_cleanse(text.ptr, text.len);
	buf_fini(&text);
	if (r < 0)
		return err_wrap(err, r, "--token-auth-file '%s'", c->token_file);
	apiserver_set_static_tokens(c->s, tokens);
	return 0;
}

static void look_at_tls(struct credentials *c)
{
	struct stamp now;
	struct err err;

	if (!c->https)
		return;
	now = tls_stamp(c);
	if (is_same(&now, &c->tls_stamp))
		return;
	c->tls_stamp = now;
	if (http_server_set_tls(c->https, &c->tls, &err) < 0)
		log_error("keeping the previous certificate error=\"%s\"", err.msg);
	else
		log_info("certificate read again file=%s", c->tls.cert_file);
}

void credentials_follow_tls(struct credentials *c, struct http_server *https,
			    const struct http_tls *tls)
{
	c->https = https;
	c->tls = *tls;
	c->tls_stamp = tls_stamp(c);
}

/* What cannot be read is told, and what was known stays: half a file is seen while it is written.
 */
static void on_look(void *ctx)
{
	struct credentials *c = ctx;
	struct stamp keys = keys_stamp(c), tokens = tokens_stamp(c);
	struct err err;

	look_at_tls(c);
	if (!is_same(&keys, &c->keys_stamp)) {
		c->keys_stamp = keys;
		if (read_keys(c, &err) < 0)
			log_error("keeping the previous keys error=\"%s\"", err.msg);
		else
			log_info("keys of service account tokens read again");
	}
	if (!is_same(&tokens, &c->tokens_stamp)) {
		c->tokens_stamp = tokens;
		if (read_tokens(c, &err) < 0)
			log_error("keeping the previous tokens error=\"%s\"", err.msg);
		else
			log_info("static tokens read again file=%s", c->token_file);
	}
}

/* Options */

static int parse_mode(const struct options *o, struct apiserver_config *config, struct err *err)
{
	struct str modes = str_of(options_get(o, "authorization-mode")), mode;
	struct str anonymous = str_of(options_get(o, "anonymous-auth"));
	struct str plugins = str_of(options_get(o, "disable-admission-plugins"));

	config->has_no_node_rights = true;
	while (str_next(&modes, ',', &mode)) {
		if (str_eq_c(mode, "AlwaysAllow"))
			config->is_open = true;
		else if (str_eq_c(mode, "Node"))
			config->has_no_node_rights = false;
		else if (!str_eq_c(mode, "RBAC"))
			return err_set(err, ERR_USAGE,
				       "--authorization-mode: '%.*s' must be Node, RBAC or "
				       "AlwaysAllow",
				       STR_ARG(mode));
	}
	config->has_no_pod_accounts = str_eq_c(plugins, "ServiceAccount");
	if (plugins.len && !config->has_no_pod_accounts)
		return err_set(err, ERR_USAGE,
			       "--disable-admission-plugins: '%.*s' must be ServiceAccount",
			       STR_ARG(plugins));
	config->refuses_anonymous = str_eq_c(anonymous, "false");
	if (!config->refuses_anonymous && !str_eq_c(anonymous, "true"))
		return err_set(err, ERR_USAGE, "--anonymous-auth: '%.*s' must be true or false",
			       STR_ARG(anonymous));
	return 0;
}

static void parse_tokens(struct credentials *c, const char *data_dir,
			 struct apiserver_config *config)
{
	const struct options *o = c->options;
	struct str rest = str_of(options_get(o, "api-audiences")), one;
	const char *v;

	c->token_file = options_get(o, "token-auth-file");
	c->signing_file = options_get(o, "service-account-signing-key-file");
	if (!c->signing_file)
		c->signing_file = str_printf(&c->arena, "%s/pki/sa.key", data_dir).ptr;
	for (size_t i = 0; (v = options_nth(o, "service-account-key-file", i)); i++)
		*vec_push(&c->key_files) = v;
	for (size_t i = 0; (v = options_nth(o, "service-account-issuer", i)); i++)
		*vec_push(&c->issuers) = v;
	if (!c->issuers.len)
		*vec_push(&c->issuers) = "https://kubernetes.default.svc.cluster.local";
	while (str_next(&rest, ',', &one))
		if (one.len)
			*vec_push(&c->audiences) = str_cstr(&c->arena, one);
	if (!c->audiences.len)
		*vec_push(&c->audiences) = c->issuers.ptr[0];
	*vec_push(&c->issuers) = NULL;
	*vec_push(&c->audiences) = NULL;
	config->issuers = c->issuers.ptr;
	config->audiences = c->audiences.ptr;
}

int credentials_open(struct loop *l, const struct options *o, const char *data_dir,
		     struct apiserver_config *config, struct credentials **ret, struct err *err)
{
	struct credentials *c;
	int r = parse_mode(o, config, err);

	if (r < 0)
		return r;
	c = mem_xnew(struct credentials);
	arena_init(&c->arena, 0);
	c->options = o;
	c->timer = loop_timer_new(l, on_look, c);
	parse_tokens(c, data_dir, config);
	if (!options_get(o, "service-account-signing-key-file") &&
	    access(c->signing_file, F_OK) < 0)
		r = make_key(c->signing_file, err);
	if (r < 0) {
		credentials_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int credentials_use(struct credentials *c, struct apiserver *s, struct err *err)
{
	int r;

	c->s = s;
	c->keys_stamp = keys_stamp(c);
	c->tokens_stamp = tokens_stamp(c);
	r = read_keys(c, err);
	if (r == 0)
		r = read_tokens(c, err);
	if (r == 0)
		loop_timer_start(c->timer, LOOK_MS, LOOK_MS);
	return r;
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	loop_timer_close(c->timer);
	vec_fini(&c->key_files);
	vec_fini(&c->issuers);
	vec_fini(&c->audiences);
	arena_fini(&c->arena);
	free(c);
}
