/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/issuer.h"

#include "apiserver/access/authenticate.h"

static void write_configuration(const struct apiserver *s, const struct access_jwt_keys *keys,
				struct buf *b)
{
	static const char *const algs[] = {"RS256", "ES256"};
	bool is_first = true;

	buf_add_c(b, "{\"issuer\":");
	json_write_string(b, str_of(s->config.issuers[0]));
	buf_printf(b,
		   ",\"jwks_uri\":\"https://%.*s/openid/v1/jwks\","
		   "\"response_types_supported\":[\"id_token\"],"
		   "\"subject_types_supported\":[\"public\"],"
		   "\"id_token_signing_alg_values_supported\":[",
		   STR_ARG(s->server_address));
	for (size_t i = 0; i < ARRAY_LEN(algs); i++) {
		if (!access_jwt_has(keys, algs[i]))
			continue;
		buf_printf(b, "%s\"%s\"", is_first ? "" : ",", algs[i]);
		is_first = false;
	}
	buf_add_c(b, "]}");
}

bool issuer_answer(struct apiserver *s, struct http_exchange *x)
{
	const struct access_jwt_keys *keys = authenticate_keys(s->authenticate);
	bool is_keys = str_eq_c(x->req.path, "/openid/v1/jwks");
	struct buf b = BUF_INIT;
	struct bytes *body;

	if (!keys || !s->config.issuers ||
	    (!is_keys && !str_eq_c(x->req.path, "/.well-known/openid-configuration")))
		return false;
	if (is_keys)
		access_jwt_write_jwks(keys, &b);
	else
		write_configuration(s, keys, &b);
	body = bytes_dup(buf_str(&b));
	buf_fini(&b);
	http_reply(x, 200, is_keys ? "application/jwk-set+json" : "application/json", body);
	bytes_unref(body);
	return true;
}
