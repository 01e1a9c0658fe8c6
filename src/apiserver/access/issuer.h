/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What others need to check ServiceAccount tokens (OpenID Connect Discovery 1.0): the issuer's
 * configuration and its public keys.
 */

#include "apiserver/server.h"

/* Answers /.well-known/openid-configuration and /openid/v1/jwks; false for other paths. */
bool issuer_answer(struct apiserver *s, struct http_exchange *x);
