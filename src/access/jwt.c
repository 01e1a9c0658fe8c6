/* SPDX-License-Identifier: Apache-2.0 */
#include "access/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum {
	RSA_BITS_MIN = 2048,
	EC_PART = 32, /* bytes of r and of s, of P-256 */
	SIGNATURE_MAX = 2048,
	KID_MAX = 44, /* base64url of SHA-256, and the NUL */
};

struct key {
	EVP_PKEY *pkey;
	bool is_rsa;
	char kid[KID_MAX];
};

struct access_jwt_keys {
	struct key keys[ACCESS_JWT_KEYS_MAX];
	size_t n;
	int signer; /* index, or -1 */
};

/* base64url */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void access_base64url(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;

	for (size_t i = 0; i < s.len; i += 3) {
		size_t left = s.len - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0);

		buf_add_byte(b, alphabet[v >> 18]);
		buf_add_byte(b, alphabet[v >> 12 & 63]);
		if (left > 1)
			buf_add_byte(b, alphabet[v >> 6 & 63]);
		if (left > 2)
			buf_add_byte(b, alphabet[v & 63]);
	}
}

static int digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

bool access_base64url_decode(struct arena *a, struct str s, struct str *ret)
{
	char *out = arena_alloc(a, s.len / 4 * 3 + 3);
	uint32_t v = 0;
	size_t n = 0;
	int bits = 0;

	if (s.len % 4 == 1)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int d = digit(s.ptr[i]);

		if (d < 0)
			return false;
		v = (v << 6 | (uint32_t)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 0xff);
		}
	}
	if (v & ((1u << bits) - 1)) /* bits that no byte takes must be zero: one form for a token */
		return false;
	*ret = str_n(out, n);
	return true;
}

/* Keys */

struct access_jwt_keys *access_jwt_keys_new(void)
{
	struct access_jwt_keys *k = mem_xnew(struct access_jwt_keys);

	k->signer = -1;
	return k;
}

void access_jwt_keys_free(struct access_jwt_keys *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++)
		EVP_PKEY_free(k->keys[i].pkey);
	free(k);
}

static int no_key(struct err *err, const char *why)
{
	ERR_clear_error();
	return err_set(err, ERR_INVALID, "%s", why);
}

/* SHA-256 of the public key's DER form. */
static void name_key(struct key *key)
{
	unsigned char *der = NULL, hash[EVP_MAX_MD_SIZE];
	int n = i2d_PUBKEY(key->pkey, &der);
	struct buf b = BUF_INIT;
	unsigned len = 0;

	if (n > 0 && EVP_Digest(der, (size_t)n, hash, &len, EVP_sha256(), NULL) == 1)
		access_base64url(&b, str_n((const char *)hash, len));
	snprintf(key->kid, sizeof(key->kid), "%s", b.ptr);
	buf_fini(&b);
	OPENSSL_free(der);
}

/* Takes over pkey. */
static int add(struct access_jwt_keys *k, EVP_PKEY *pkey, size_t *ret_at, struct err *err)
{
	struct key key = {.pkey = pkey, .is_rsa = EVP_PKEY_is_a(pkey, "RSA")};
	char group[32] = "";

	EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
				       NULL);
	if (!(key.is_rsa && EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN) &&
	    !(EVP_PKEY_is_a(pkey, "EC") && strcmp(group, "prime256v1") == 0)) {
		EVP_PKEY_free(pkey);
		return no_key(err,
			      "a key that is neither RSA of 2048 bits or more nor ECDSA P-256");
	}
	name_key(&key);
	for (size_t i = 0; i < k->n; i++) {
		if (strcmp(k->keys[i].kid, key.kid) == 0) {
			EVP_PKEY_free(k->keys[i].pkey);
			k->keys[i] = key;
			*ret_at = i;
			return 0;
		}
	}
	if (k->n == ACCESS_JWT_KEYS_MAX) {
		EVP_PKEY_free(pkey);
		return err_set(err, ERR_INVALID, "more than %d keys", ACCESS_JWT_KEYS_MAX);
	}
	*ret_at = k->n;
	k->keys[k->n++] = key;
	return 0;
}

/* The key in one block of PEM, whatever it is called; NULL: none. */
static EVP_PKEY *key_of(const char *name, const unsigned char *der, long len)
{
	EVP_PKEY *pkey = NULL;
	X509 *cert;

	if (strcmp(name, "PUBLIC KEY") == 0)
		return d2i_PUBKEY(NULL, &der, len);
	if (strcmp(name, "RSA PUBLIC KEY") == 0)
		return d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, len);
	if (strcmp(name, "CERTIFICATE") == 0) {
		cert = d2i_X509(NULL, &der, len);
		pkey = cert ? X509_get_pubkey(cert) : NULL;
		X509_free(cert);
		return pkey;
	}
	if (strcmp(name, "PRIVATE KEY") == 0 || strcmp(name, "RSA PRIVATE KEY") == 0 ||
	    strcmp(name, "EC PRIVATE KEY") == 0)
		return d2i_AutoPrivateKey(NULL, &der, len);
	return NULL;
}

int access_jwt_keys_add(struct access_jwt_keys *k, struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	char *name, *header;
	unsigned char *der;
	size_t n = 0, at;
	long len;
	int r = 0;

	while (r == 0 && PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		EVP_PKEY *pkey = key_of(name, der, len);

		if (pkey) {
			r = add(k, pkey, &at, err);
			n++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	BIO_free(bio);
	ERR_clear_error(); /* the end of the text is an error to OpenSSL */
	if (r == 0 && !n)
		return no_key(err, "no key in PEM form");
	return r;
}

int access_jwt_keys_sign_with(struct access_jwt_keys *k, struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	size_t at;
	int r;

	BIO_free(bio);
	if (!pkey)
		return no_key(err, "no private key in PEM form");
	r = add(k, pkey, &at, err);
	if (r == 0)
		k->signer = (int)at;
	return r;
}

int access_jwt_generate(struct buf *pem, struct err *err)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	int r = 0;
	char *p;
	long n;

	if (!pkey || PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		r = no_key(err, "cannot make a key");
	} else {
		n = BIO_get_mem_data(bio, &p);
		buf_add(pem, p, (size_t)n);
		OPENSSL_cleanse(p, (size_t)n);
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return r;
}

/* ES256's signature is r and s, 32 bytes each; OpenSSL's is DER. */

static bool raw_from_der(const unsigned char *der, size_t len, unsigned char *raw)
{
	const unsigned char *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
	bool is_ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, EC_PART) == EC_PART &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + EC_PART, EC_PART) == EC_PART;

	ECDSA_SIG_free(sig);
	return is_ok;
}

/* Bytes of DER in *ret (freed with OPENSSL_free), or -1. */
static int der_from_raw(struct str raw, unsigned char **ret)
{
	const unsigned char *p = (const unsigned char *)raw.ptr;
	ECDSA_SIG *sig;
	int n;

	if (raw.len != 2 * EC_PART)
		return -1;
	sig = ECDSA_SIG_new();
	ECDSA_SIG_set0(sig, BN_bin2bn(p, EC_PART, NULL), BN_bin2bn(p + EC_PART, EC_PART, NULL));
	*ret = NULL;
	n = i2d_ECDSA_SIG(sig, ret);
	ECDSA_SIG_free(sig);
	return n;
}

static const char *alg_of(const struct key *key)
{
	return key->is_rsa ? "RS256" : "ES256";
}

int access_jwt_sign(const struct access_jwt_keys *k, struct str claims, struct buf *ret,
		    struct err *err)
{
	unsigned char sig[SIGNATURE_MAX], raw[2 * EC_PART];
	size_t n = sizeof(sig), start = ret->len;
	struct buf header = BUF_INIT;
	const struct key *key;
	EVP_MD_CTX *ctx;
	bool is_ok;

	if (k->signer < 0)
		return err_set(err, ERR_UNSUPPORTED, "this server has no key that signs tokens");
	key = &k->keys[k->signer];
	buf_printf(&header, "{\"alg\":\"%s\",\"kid\":\"%s\"}", alg_of(key), key->kid);
	access_base64url(ret, buf_str(&header));
	buf_fini(&header);
	buf_add_byte(ret, '.');
	access_base64url(ret, claims);
	ctx = EVP_MD_CTX_new();
	is_ok = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)ret->ptr + start,
			       ret->len - start) == 1 &&
		(key->is_rsa || raw_from_der(sig, n, raw));
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!is_ok)
		return err_set(err, ERR_INTERNAL, "the token could not be signed");
	buf_add_byte(ret, '.');
	access_base64url(ret, key->is_rsa ? str_n((const char *)sig, n)
					  : str_n((const char *)raw, sizeof(raw)));
	return 0;
}

static bool verify_with(const struct key *key, struct str text, struct str sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool is_ok;
	int n = 0;

	if (!key->is_rsa)
		n = der_from_raw(sig, &der);
	is_ok = n >= 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
		EVP_DigestVerify(ctx, der ? der : (const unsigned char *)sig.ptr,
				 der ? (size_t)n : sig.len, (const unsigned char *)text.ptr,
				 text.len) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	ERR_clear_error();
	return is_ok;
}

bool access_jwt_looks_like(struct str token)
{
	size_t dots = 0;

	for (size_t i = 0; i < token.len; i++)
		dots += token.ptr[i] == '.';
	return dots == 2;
}

static int bad(struct err *err, const char *why)
{
	return err_set(err, ERR_UNAUTHORIZED, "the token %s", why);
}

static bool parse_part(struct arena *a, struct str part, struct json **ret)
{
	struct str text;

	return access_base64url_decode(a, part, &text) &&
	       json_parse(a, text, JSON_BORROW, ret, NULL) == 0 && json_is(*ret, JSON_OBJECT);
}

int access_jwt_verify(const struct access_jwt_keys *k, struct arena *a, struct str token,
		      struct json **ret, struct err *err)
{
	struct str rest = token, part[3] = {0}, sig, kid, alg;
	struct json *header, *claims;
	bool is_good = false;

	if (token.len > ACCESS_JWT_MAX || !access_jwt_looks_like(token))
		return bad(err, "is no JSON Web Token");
	for (size_t i = 0; i < ARRAY_LEN(part); i++)
		IGNORE(str_next(&rest, '.', &part[i]), "there are two dots");
	if (!parse_part(a, part[0], &header) || !access_base64url_decode(a, part[2], &sig))
		return bad(err, "is no JSON Web Token");
	if (json_get(header, "crit"))
		return bad(err, "has a critical header that is not known");
	kid = json_get_string(header, "kid");
	alg = json_get_string(header, "alg");
	for (size_t i = 0; !is_good && i < k->n; i++)
		if ((!kid.len || str_eq_c(kid, k->keys[i].kid)) &&
		    str_eq_c(alg, alg_of(&k->keys[i])))
			is_good = verify_with(&k->keys[i],
					      str_n(token.ptr, part[0].len + 1 + part[1].len), sig);
	if (!is_good)
		return bad(err, "has no signature of a known key");
	if (!parse_part(a, part[1], &claims))
		return bad(err, "has claims that are no JSON object");
	*ret = claims;
	return 0;
}

/* JWKS */

static void add_number(struct buf *b, const EVP_PKEY *pkey, const char *param, const char *name,
		       int len)
{
	BIGNUM *v = NULL;
	unsigned char bytes[SIGNATURE_MAX];
	int n;

	if (EVP_PKEY_get_bn_param(pkey, param, &v) != 1)
		return;
	n = BN_num_bytes(v);
	if (len > n)
		n = len;
	if ((size_t)n <= sizeof(bytes) && BN_bn2binpad(v, bytes, n) == n) {
		buf_printf(b, ",\"%s\":\"", name);
		access_base64url(b, str_n((const char *)bytes, (size_t)n));
		buf_add_byte(b, '"');
	}
	BN_free(v);
}

void access_jwt_write_jwks(const struct access_jwt_keys *k, struct buf *b)
{
	buf_add_c(b, "{\"keys\":[");
	for (size_t i = 0; i < k->n; i++) {
		const struct key *key = &k->keys[i];

		buf_printf(b, "%s{\"use\":\"sig\",\"kty\":\"%s\",\"kid\":\"%s\",\"alg\":\"%s\"",
			   i ? "," : "", key->is_rsa ? "RSA" : "EC", key->kid, alg_of(key));
		if (key->is_rsa) {
			add_number(b, key->pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0);
			add_number(b, key->pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0);
		} else {
			buf_add_c(b, ",\"crv\":\"P-256\"");
			add_number(b, key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x", EC_PART);
			add_number(b, key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y", EC_PART);
		}
		buf_add_byte(b, '}');
	}
	buf_add_c(b, "]}");
}

bool access_jwt_has(const struct access_jwt_keys *k, const char *alg)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(alg_of(&k->keys[i]), alg) == 0)
			return true;
	return false;
}
