/* SPDX-License-Identifier: Apache-2.0 */
#include "http/pki.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/rand.h"
#include "http/tls.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

enum {
	HTTP_PKI_FILE_MAX = 64 * 1024,
	HTTP_PKI_CA_DAYS = 3650,
	HTTP_PKI_RENEW_DAYS = 30,
	HTTP_PKI_SKEW = 3600, /* s: valid from a little earlier, for a peer whose clock is behind */
	HTTP_PKI_DAY = 24 * 3600,
};

/* A certificate and its key. */
struct http_pki_pair {
	X509 *cert;
	EVP_PKEY *key;
};

static void http_pki_pair_fini(struct http_pki_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static BIO *http_pki_open(const char *path, struct buf *b)
{
	if (access(path, F_OK) < 0 || fd_read_file(path, HTTP_PKI_FILE_MAX, b, NULL) < 0)
		return NULL;
	return BIO_new_mem_buf(b->ptr, (int)b->len);
}

/* False when a file is missing or unusable, or the two do not belong together. */
static bool http_pki_load(const char *cert_file, const char *key_file, struct http_pki_pair *ret)
{
	struct buf cert_text = BUF_INIT, key_text = BUF_INIT;
	BIO *cert = http_pki_open(cert_file, &cert_text);
	BIO *key = http_pki_open(key_file, &key_text);

	ret->cert = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
	ret->key = key ? PEM_read_bio_PrivateKey(key, NULL, NULL, NULL) : NULL;
	BIO_free(cert);
	BIO_free(key);
	OPENSSL_cleanse(key_text.ptr, key_text.len);
	buf_fini(&cert_text);
	buf_fini(&key_text);
	if (ret->cert && ret->key && X509_check_private_key(ret->cert, ret->key) == 1)
		return true;
	http_pki_pair_fini(ret);
	*ret = (struct http_pki_pair){0};
	IGNORE(http_tls_error(NULL, ""), "only empties the queue");
	return false;
}

static bool http_pki_is_fresh(const X509 *cert, int days)
{
	time_t until = time(NULL) + (time_t)days * HTTP_PKI_DAY;

	return X509_cmp_time(X509_get0_notAfter(cert), &until) > 0 &&
	       X509_cmp_current_time(X509_get0_notBefore(cert)) < 0;
}

static void http_pki_name(X509 *cert, const char *common_name, const char *const *organizations)
{
	X509_NAME *name = X509_get_subject_name(cert);

	for (const char *const *o = organizations; o && *o; o++)
		X509_NAME_add_entry_by_NID(name, NID_organizationName, MBSTRING_UTF8,
					   (const unsigned char *)*o, -1, -1, 0);
	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
				   (const unsigned char *)common_name, -1, -1, 0);
}

static void http_pki_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert(e); /* the values are ours */
	X509_add_ext(cert, e, -1);
	X509_EXTENSION_free(e);
}

static void http_pki_alt_names(X509 *cert, const struct http_pki_leaf *leaf)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	for (const char *const *n = leaf->dns_names; n && *n; n++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_IA5STRING *s = ASN1_IA5STRING_new();

		ASN1_STRING_set(s, *n, -1);
		GENERAL_NAME_set0_value(g, GEN_DNS, s);
		sk_GENERAL_NAME_push(names, g);
	}
	for (size_t i = 0; i < leaf->n_addrs; i++) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
		const uint8_t *wire;
		size_t n;

		wire = ip_wire(&leaf->addrs[i], &n);
		ASN1_OCTET_STRING_set(s, wire, (int)n);
		GENERAL_NAME_set0_value(g, GEN_IPADD, s);
		sk_GENERAL_NAME_push(names, g);
	}
	if (sk_GENERAL_NAME_num(names) > 0)
		X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
	GENERAL_NAMES_free(names);
}

/* All that a certificate says but its dates, serial number, key and signature. */
static X509 *http_pki_describe(const struct http_pki_leaf *leaf)
{
	X509 *cert = X509_new();

	X509_set_version(cert, 2); /* version 3 */
	http_pki_name(cert, leaf->common_name, leaf->organizations);
	http_pki_extension(cert, cert, NID_basic_constraints, "critical,CA:FALSE");
	http_pki_extension(cert, cert, NID_key_usage, "critical,digitalSignature");
	http_pki_extension(cert, cert, NID_ext_key_usage,
			   leaf->is_server ? "serverAuth" : "clientAuth");
	http_pki_alt_names(cert, leaf);
	return cert;
}

static bool http_pki_same_extension(const X509 *a, const X509 *b, int nid)
{
	int ia = X509_get_ext_by_NID(a, nid, -1), ib = X509_get_ext_by_NID(b, nid, -1);

	if (ia < 0 || ib < 0)
		return ia < 0 && ib < 0;
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(X509_get_ext(a, ia)),
				     X509_EXTENSION_get_data(X509_get_ext(b, ib))) == 0;
}

static bool http_pki_says_the_same(const X509 *a, const X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       http_pki_same_extension(a, b, NID_subject_alt_name) &&
	       http_pki_same_extension(a, b, NID_ext_key_usage);
}

static void http_pki_date(X509 *cert, int days)
{
	unsigned char serial[16];
	BIGNUM *number;

	rand_bytes(serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, of full length */
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	X509_gmtime_adj(X509_getm_notBefore(cert), -HTTP_PKI_SKEW);
	X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL);
}

static int http_pki_write(const char *path, BIO *pem, unsigned mode, struct err *err)
{
	char *p;
	long n = BIO_get_mem_data(pem, &p);
	int r = fd_write_file(path, str_n(p, (size_t)n), mode, err);

	OPENSSL_cleanse(p, (size_t)n);
	BIO_free(pem);
	return r < 0 ? err_wrap(err, r, "write '%s'", path) : 0;
}

/* The key first: a crash between the two leaves a pair that does not match and is made anew. */
static int http_pki_store(const struct http_pki_pair *p, const char *cert_file,
			  const char *key_file, struct err *err)
{
	BIO *pem = BIO_new(BIO_s_mem());
	int r;

	PEM_write_bio_PKCS8PrivateKey(pem, p->key, NULL, NULL, 0, NULL, NULL);
	r = http_pki_write(key_file, pem, 0600, err);
	if (r < 0)
		return r;
	pem = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(pem, p->cert);
	return http_pki_write(cert_file, pem, 0644, err);
}

int http_pki_ca(const char *cert_file, const char *key_file, const char *common_name,
		struct err *err)
{
	struct http_pki_pair p = {0};
	int r;

	if (http_pki_load(cert_file, key_file, &p)) {
		bool is_fresh = http_pki_is_fresh(p.cert, HTTP_PKI_RENEW_DAYS);

		http_pki_pair_fini(&p);
		if (is_fresh)
			return 0;
	}
	p.cert = X509_new();
	p.key = EVP_EC_gen("P-256");
	if (!p.cert || !p.key) {
		http_pki_pair_fini(&p);
		return http_tls_error(err, "make a CA key");
	}
	X509_set_version(p.cert, 2);
	http_pki_name(p.cert, common_name, NULL);
	X509_set_issuer_name(p.cert, X509_get_subject_name(p.cert));
	http_pki_date(p.cert, HTTP_PKI_CA_DAYS);
	X509_set_pubkey(p.cert, p.key);
	http_pki_extension(p.cert, p.cert, NID_basic_constraints, "critical,CA:TRUE");
	http_pki_extension(p.cert, p.cert, NID_key_usage,
			   "critical,digitalSignature,keyCertSign,cRLSign");
	http_pki_extension(p.cert, p.cert, NID_subject_key_identifier, "hash");
	if (!X509_sign(p.cert, p.key, EVP_sha256()))
		r = http_tls_error(err, "sign the CA certificate");
	else
		r = http_pki_store(&p, cert_file, key_file, err);
	http_pki_pair_fini(&p);
	return r;
}

int http_pki_leaf(const char *ca_cert_file, const char *ca_key_file, const char *cert_file,
		  const char *key_file, const struct http_pki_leaf *leaf, struct err *err)
{
	struct http_pki_pair ca = {0}, old = {0}, p = {0};
	int r = 0;

	if (!http_pki_load(ca_cert_file, ca_key_file, &ca))
		return err_set(
			err, ERR_INVALID,
			"CA certificate '%s' and key '%s': missing, unreadable or not a pair",
			ca_cert_file, ca_key_file);
	p.cert = http_pki_describe(leaf);
	if (http_pki_load(cert_file, key_file, &old) &&
	    http_pki_is_fresh(old.cert, MIN(HTTP_PKI_RENEW_DAYS, leaf->days / 3)) &&
	    X509_verify(old.cert, ca.key) == 1 && http_pki_says_the_same(old.cert, p.cert))
		goto done;
	p.key = EVP_EC_gen("P-256");
	X509_set_issuer_name(p.cert, X509_get_subject_name(ca.cert));
	http_pki_date(p.cert, leaf->days);
	X509_set_pubkey(p.cert, p.key);
	http_pki_extension(p.cert, ca.cert, NID_authority_key_identifier, "keyid");
	if (!p.key || !X509_sign(p.cert, ca.key, EVP_sha256()))
		r = http_tls_error(err, "sign a certificate");
	else
		r = http_pki_store(&p, cert_file, key_file, err);
done:
	IGNORE(http_tls_error(NULL, ""), "only empties the queue");
	http_pki_pair_fini(&ca);
	http_pki_pair_fini(&old);
	http_pki_pair_fini(&p);
	return r;
}
