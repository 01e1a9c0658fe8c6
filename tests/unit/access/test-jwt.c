/* SPDX-License-Identifier: Apache-2.0 */
#include "access/jwt.h"
#include "tests/harness/test.h"

static struct arena a;
static struct err err;

static struct access_jwt_keys *new_signer(struct buf *ret_pem)
{
	struct access_jwt_keys *k = access_jwt_keys_new();

	ASSERT_OK(access_jwt_generate(ret_pem, &err));
	ASSERT_OK(access_jwt_keys_sign_with(k, buf_str(ret_pem), &err));
	return k;
}

TEST(signs_what_it_verifies)
{
	_cleanup_(buf_fini) struct buf pem = BUF_INIT, token = BUF_INIT, jwks = BUF_INIT;
	struct access_jwt_keys *k = new_signer(&pem);
	struct json *claims;

	arena_init(&a, 0);
	for (int i = 0; i < 20; i++) { /* short r and s come now and then */
		buf_clear(&token);
		ASSERT_OK(access_jwt_sign(k, STR("{\"sub\":\"x\"}"), &token, &err));
		ASSERT_TRUE(access_jwt_looks_like(buf_str(&token)));
		ASSERT_OK(access_jwt_verify(k, &a, buf_str(&token), &claims, &err));
		ASSERT_STR(json_get_string(claims, "sub"), STR("x"));
	}
	access_jwt_write_jwks(k, &jwks);
	ASSERT_OK(json_parse(&a, buf_str(&jwks), 0, &claims, &err));
	ASSERT_EQ(json_get(claims, "keys")->count, 1);
	ASSERT_TRUE(access_jwt_has(k, "ES256") && !access_jwt_has(k, "RS256"));
	access_jwt_keys_free(k);
	arena_fini(&a);
}

TEST(refuses_every_change)
{
	_cleanup_(buf_fini) struct buf pem = BUF_INIT, token = BUF_INIT;
	struct access_jwt_keys *k = new_signer(&pem);
	struct json *claims;

	arena_init(&a, 0);
	ASSERT_OK(access_jwt_sign(k, STR("{\"sub\":\"x\"}"), &token, &err));
	for (size_t i = 0; i < token.len; i++) {
		char was = token.ptr[i];

		token.ptr[i] = was == 'A' ? 'B' : 'A';
		ASSERT_ERR(access_jwt_verify(k, &a, buf_str(&token), &claims, NULL),
			   ERR_UNAUTHORIZED);
		token.ptr[i] = was;
	}
	for (size_t n = 0; n < token.len; n++)
		ASSERT_ERR(access_jwt_verify(k, &a, str_n(token.ptr, n), &claims, NULL),
			   ERR_UNAUTHORIZED);
	access_jwt_keys_free(k);
	arena_fini(&a);
}

TEST(accepts_no_other_algorithm_and_no_other_key)
{
	static const char *const headers[] = {"{\"alg\":\"none\"}",
					      "{\"alg\":\"HS256\"}",
					      "{\"alg\":\"RS256\"}",
					      "{}",
					      "{\"alg\":\"ES256\",\"kid\":\"other\"}",
					      "{\"alg\":\"ES256\",\"crit\":[\"x\"]}"};
	_cleanup_(buf_fini) struct buf pem = BUF_INIT, token = BUF_INIT, other_pem = BUF_INIT;
	struct access_jwt_keys *k = new_signer(&pem), *other = new_signer(&other_pem);
	struct json *claims;
	ptrdiff_t dot;

	arena_init(&a, 0);
	ASSERT_OK(access_jwt_sign(k, STR("{}"), &token, &err));
	ASSERT_ERR(access_jwt_verify(other, &a, buf_str(&token), &claims, NULL), ERR_UNAUTHORIZED);
	dot = str_find(buf_str(&token), '.');
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		_cleanup_(buf_fini) struct buf forged = BUF_INIT;

		access_base64url(&forged, str_of(headers[i]));
		buf_add_str(&forged, str_skip(buf_str(&token), (size_t)dot));
		ASSERT_ERR(access_jwt_verify(k, &a, buf_str(&forged), &claims, NULL),
			   ERR_UNAUTHORIZED);
	}
	/* The other key is accepted once it is added. */
	ASSERT_OK(access_jwt_keys_add(other, buf_str(&pem), &err));
	ASSERT_OK(access_jwt_verify(other, &a, buf_str(&token), &claims, &err));
	access_jwt_keys_free(k);
	access_jwt_keys_free(other);
	arena_fini(&a);
}

TEST(refuses_what_is_no_key)
{
	struct access_jwt_keys *k = access_jwt_keys_new();
	_cleanup_(buf_fini) struct buf token = BUF_INIT;

	ASSERT_ERR(access_jwt_keys_add(k, STR(""), &err), ERR_INVALID);
	ASSERT_ERR(access_jwt_keys_add(k,
				       STR("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC "
					   "KEY-----\n"),
				       &err),
		   ERR_INVALID);
	ASSERT_ERR(access_jwt_keys_sign_with(k, STR("x"), &err), ERR_INVALID);
	ASSERT_ERR(access_jwt_sign(k, STR("{}"), &token, &err), ERR_UNSUPPORTED);
	access_jwt_keys_free(k);
}

TEST(base64url)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = {{"", ""}, {"f", "Zg"}, {"fo", "Zm8"}, {"foo", "Zm9v"}, {"\xfb\xff", "-_8"}};
	static const char *const bad[] = {"Z", "Zg=", "Z+==", "Zh", "Zm9", "a b", "Zm9v\n"};
	struct str out;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(buf_fini) struct buf b = BUF_INIT;

		access_base64url(&b, str_of(rows[i].plain));
		ASSERT_STR(buf_str(&b), str_of(rows[i].coded));
		ASSERT_TRUE(access_base64url_decode(&a, buf_str(&b), &out));
		ASSERT_STR(out, str_of(rows[i].plain));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ASSERT_FALSE(access_base64url_decode(&a, str_of(bad[i]), &out));
	arena_fini(&a);
}
