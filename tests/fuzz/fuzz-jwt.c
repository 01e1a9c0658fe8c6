/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token of any bytes is refused or, as the one that was signed here, gives its claims. The same
 * bytes as PEM and as a token file do no harm.
 */
#include "access/jwt.h"
#include "access/token_file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Made once: a key of this run, so no seed can be a good token. */
static struct access_jwt_keys *fuzz_keys(void)
{
	static struct access_jwt_keys *keys;
	_cleanup_(buf_fini) struct buf pem = BUF_INIT;

	if (keys)
		return keys;
	keys = access_jwt_keys_new();
	if (access_jwt_generate(&pem, NULL) < 0 ||
	    access_jwt_keys_sign_with(keys, buf_str(&pem), NULL) < 0)
		abort();
	return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size), plain;
	struct access_jwt_keys *more;
	struct access_tokens *tokens;
	_cleanup_(buf_fini) struct buf again = BUF_INIT;
	struct json *claims;
	struct arena a;

	arena_init(&a, 0);
	if (access_jwt_verify(fuzz_keys(), &a, text, &claims, NULL) == 0)
		abort();
	if (access_base64url_decode(&a, text, &plain)) {
		access_base64url(&again, plain);
		if (!str_eq(buf_str(&again), text))
			abort();
	}
	more = access_jwt_keys_new();
	IGNORE(access_jwt_keys_add(more, text, NULL), "most are none");
	access_jwt_keys_free(more);
	if (access_tokens_parse(text, &tokens, NULL) == 0)
		access_tokens_free(tokens);
	arena_fini(&a);
	return 0;
}
