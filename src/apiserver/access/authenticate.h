/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who sent a request: a verified client certificate (CN, O), a bearer token (the static ones of
 * --token-auth-file, or a ServiceAccount's), or nobody (system:anonymous). A certificate goes
 * before a token; a token that is nobody's is refused, also where anonymous requests are not.
 *
 * A ServiceAccount's token is good while its signature, issuer, audience and times are, and while
 * the account and the object that it is bound to are there with the uids that it names. Signatures
 * of the newest tokens are remembered; the objects are looked at for each request.
 */

#include "access/jwt.h"
#include "access/token_file.h"
#include "apiserver/server.h"

enum {
	AUTHENTICATE_CACHE_MAX = 4096, /* tokens with a good signature that are remembered */
};

struct authenticate;

struct authenticate *authenticate_new(struct apiserver *s);
void authenticate_free(struct authenticate *a); /* NULL is fine */
void authenticate_set_keys(struct authenticate *a, struct access_jwt_keys *keys);
void authenticate_set_tokens(struct authenticate *a, struct access_tokens *tokens);
const struct access_jwt_keys *authenticate_keys(const struct authenticate *a); /* NULL: none */

/* The user in the exchange's arena. ERR_UNAUTHORIZED. */
int authenticate_request(struct authenticate *a, struct http_exchange *x,
			 const struct access_user **ret) _nodiscard_;
/* Whose token it is, for one of these audiences (none: the server's own); *ret_audiences are those
 * that it has. ERR_UNAUTHORIZED. In the arena. */
int authenticate_token(struct authenticate *a, struct arena *arena, struct str token,
		       const struct access_strs *audiences, const struct access_user **ret,
		       struct access_strs *ret_audiences, struct err *err) _nodiscard_;
