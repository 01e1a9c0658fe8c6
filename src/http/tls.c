/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tls.h"

#include "base/vec.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <string.h>

enum {
	HTTP_TLS_GROUPS_MAX = 64, /* O values of a client certificate; more are left out */
};

int http_tls_error(struct err *err, const char *what)
{
	unsigned long e = ERR_get_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, reason ? reason : "failed");
}

static int http_tls_pick(SSL *ssl _unused_, const unsigned char **ret, unsigned char *ret_len,
			 const unsigned char *in, unsigned in_len, void *arg _unused_)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *picked;

	if (SSL_select_next_proto(&picked, ret_len, ours, sizeof(ours) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK; /* neither: served as HTTP/1.1 */
	*ret = picked;
	return SSL_TLSEXT_ERR_OK;
}

static int http_tls_verify_client(int ok, X509_STORE_CTX *store)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (!ok || X509_STORE_CTX_get_error_depth(store) > 0)
		return ok;
	if (!(X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
		return 0;
	}
	return ok;
}

static SSL_CTX *http_tls_new(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);
	struct sigaction old;

	assert(c);
	/* OpenSSL writes with write(): a peer that has gone must give EPIPE, not end the process.
	 */
	if (sigaction(SIGPIPE, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				       SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* A write may stop at any record and go on from another copy of the same bytes; an idle
	 * connection keeps no buffers. */
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				    SSL_MODE_RELEASE_BUFFERS);
	return c;
}

static int http_tls_client_ca(SSL_CTX *c, const char *file, struct err *err)
{
	static const unsigned char id[] = "fairlead";
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
	char what[512];

	snprintf(what, sizeof(what), "client CA '%s'", file);
	if (!names || SSL_CTX_load_verify_locations(c, file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return http_tls_error(err, what);
	}
	SSL_CTX_set_client_CA_list(c, names);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, http_tls_verify_client);
	/* Without it a resumed session with a client certificate is refused. */
	SSL_CTX_set_session_id_context(c, id, sizeof(id) - 1);
	return 0;
}

int http_tls_server(const struct http_tls *tls, SSL_CTX **ret, struct err *err)
{
	SSL_CTX *c = http_tls_new(TLS_server_method());
	char what[512];
	int r;

	snprintf(what, sizeof(what), "certificate '%s'", tls->cert_file);
	if (SSL_CTX_use_certificate_chain_file(c, tls->cert_file) != 1) {
		r = http_tls_error(err, what);
		goto fail;
	}
	snprintf(what, sizeof(what), "key '%s'", tls->key_file);
	if (SSL_CTX_use_PrivateKey_file(c, tls->key_file, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(c) != 1) {
		r = http_tls_error(err, what);
		goto fail;
	}
	if (tls->client_ca_file) {
		r = http_tls_client_ca(c, tls->client_ca_file, err);
		if (r < 0)
			goto fail;
	}
	SSL_CTX_set_alpn_select_cb(c, http_tls_pick, NULL);
	*ret = c;
	return 0;
fail:
	SSL_CTX_free(c);
	return r;
}

static BIO *http_tls_bio(struct str pem)
{
	return BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

static int http_tls_trust(SSL_CTX *c, const struct http_client_config *config, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c);
	size_t n = 0;
	X509 *cert;
	BIO *bio;

	if (!str_is_set(config->ca_pem)) {
		if (config->ca_file) {
			char what[512];

			snprintf(what, sizeof(what), "CA '%s'", config->ca_file);
			return SSL_CTX_load_verify_locations(c, config->ca_file, NULL) == 1
				       ? 0
				       : http_tls_error(err, what);
		}
		return SSL_CTX_set_default_verify_paths(c) == 1
			       ? 0
			       : http_tls_error(err, "the system's CAs");
	}
	bio = http_tls_bio(config->ca_pem);
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_STORE_add_cert(store, cert);
		X509_free(cert);
		n++;
	}
	BIO_free(bio);
	if (!n)
		return http_tls_error(err, "CA given as text");
	ERR_clear_error(); /* the end of the text is an error to OpenSSL */
	return 0;
}

static int http_tls_own_pem(SSL_CTX *c, const struct http_client_config *config, struct err *err)
{
	BIO *bio = http_tls_bio(config->cert_pem);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL), *ca;
	EVP_PKEY *key;
	bool is_ok = cert && SSL_CTX_use_certificate(c, cert) == 1;

	X509_free(cert);
	while (is_ok && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(c, ca) != 1)
			X509_free(ca);
	BIO_free(bio);
	if (!is_ok)
		return http_tls_error(err, "client certificate given as text");
	ERR_clear_error();
	bio = http_tls_bio(config->key_pem);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	is_ok = key && SSL_CTX_use_PrivateKey(c, key) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return is_ok ? 0 : http_tls_error(err, "client key given as text");
}

static int http_tls_own(SSL_CTX *c, const struct http_client_config *config, struct err *err)
{
	char what[512];

	if (str_is_set(config->cert_pem))
		return http_tls_own_pem(c, config, err);
	if (!config->cert_file)
		return 0;
	snprintf(what, sizeof(what), "client certificate '%s', key '%s'", config->cert_file,
		 config->key_file ? config->key_file : "");
	if (SSL_CTX_use_certificate_chain_file(c, config->cert_file) != 1 || !config->key_file ||
	    SSL_CTX_use_PrivateKey_file(c, config->key_file, SSL_FILETYPE_PEM) != 1)
		return http_tls_error(err, what);
	return 0;
}

int http_tls_client(const struct http_client_config *config, SSL_CTX **ret, struct err *err)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1", old[] = "\x08http/1.1";
	SSL_CTX *c = http_tls_new(TLS_client_method());
	int r = http_tls_own(c, config, err);

	if (r == 0 && !config->is_insecure)
		r = http_tls_trust(c, config, err);
	if (r < 0) {
		SSL_CTX_free(c);
		return r;
	}
	SSL_CTX_set_verify(c, config->is_insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (config->is_http1_only)
		SSL_CTX_set_alpn_protos(c, old, sizeof(old) - 1);
	else
		SSL_CTX_set_alpn_protos(c, both, sizeof(both) - 1);
	*ret = c;
	return 0;
}

/* The nth value of an attribute; absent when there is none or it holds a NUL. */
static bool http_tls_name(X509_NAME *name, int nid, int *at, struct arena *a, struct str *ret)
{
	unsigned char *utf8;
	int n;

	*at = X509_NAME_get_index_by_NID(name, nid, *at);
	if (*at < 0)
		return false;
	*ret = (struct str){0};
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, *at)));
	if (n < 0)
		return true;
	if (!memchr(utf8, 0, (size_t)n))
		*ret = str_dup(a, str_n((const char *)utf8, (size_t)n));
	OPENSSL_free(utf8);
	return true;
}

void http_tls_identify(SSL *ssl, struct arena *a, struct http_peer *peer)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	struct str *groups, value;
	X509_NAME *name;
	int at = -1;

	if (!cert || SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	name = X509_get_subject_name(cert);
	http_tls_name(name, NID_commonName, &at, a, &peer->user);
	groups = arena_array(a, HTTP_TLS_GROUPS_MAX, sizeof(*groups));
	at = -1;
	while (peer->n_groups < HTTP_TLS_GROUPS_MAX &&
	       http_tls_name(name, NID_organizationName, &at, a, &value))
		if (str_is_set(value))
			groups[peer->n_groups++] = value;
	peer->groups = groups;
}
