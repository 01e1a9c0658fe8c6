/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON Web Tokens (RFC 7519) as ServiceAccount tokens: compact JWS (RFC 7515), signed with RS256 or
 * ES256 (RFC 7518), and nothing else: no "none", no HMAC, no header that names its own key.
 *
 * A struct access_jwt_keys holds the key that signs and all that are accepted; a token is checked
 * with the key of its "kid", or with each when it has none. The algorithm is the key's, not the
 * header's. Only the signature is checked here; what the claims say is the caller's to judge.
 */

#include "base/buf.h"
#include "json/json.h"

enum {
	ACCESS_JWT_MAX = 16 * 1024, /* bytes of a token */
	ACCESS_JWT_KEYS_MAX = 32,
	ACCESS_JWT_KEY_FILE_MAX = 64 * 1024,
};

struct access_jwt_keys;

struct access_jwt_keys *access_jwt_keys_new(void);
void access_jwt_keys_free(struct access_jwt_keys *k); /* NULL is fine */
/* Every key of a PEM text: private ones (their public half), public ones, certificates' ones.
 * ERR_INVALID when there is none, or one that is neither RSA of 2048 bits or more nor P-256. */
int access_jwt_keys_add(struct access_jwt_keys *k, struct str pem, struct err *err) _nodiscard_;
/* The private key that signs; it is accepted too. */
int access_jwt_keys_sign_with(struct access_jwt_keys *k, struct str pem,
			      struct err *err) _nodiscard_;
/* A fresh P-256 private key as PEM. */
int access_jwt_generate(struct buf *pem, struct err *err) _nodiscard_;

/* ERR_UNSUPPORTED without a signing key. */
int access_jwt_sign(const struct access_jwt_keys *k, struct str claims, struct buf *ret,
		    struct err *err) _nodiscard_;
/* The claims of a token with a good signature. ERR_UNAUTHORIZED otherwise. */
int access_jwt_verify(const struct access_jwt_keys *k, struct arena *a, struct str token,
		      struct json **ret, struct err *err) _nodiscard_;
/* Whether it has the form of a JWT at all: three parts. */
bool access_jwt_looks_like(struct str token);

/* The accepted keys as a JSON Web Key Set (RFC 7517); the names of their algorithms. */
void access_jwt_write_jwks(const struct access_jwt_keys *k, struct buf *b);
bool access_jwt_has(const struct access_jwt_keys *k, const char *alg);

/* base64url without padding (RFC 7515 section 2). Decoding: false for anything else. */
void access_base64url(struct buf *b, struct str s);
bool access_base64url_decode(struct arena *a, struct str s, struct str *ret);
