/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/continuation.h"

#include "json/json.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* RFC 4648 section 5, without padding. */
static struct str base64url(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.len / 3 * 4 + 5);
	size_t n = 0, bits = 0;
	uint32_t acc = 0;

	for (size_t i = 0; i < s.len; i++) {
		acc = acc << 8 | (uint8_t)s.ptr[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[n++] = alphabet[acc >> (bits - 6) & 63];
	}
	if (bits)
		out[n++] = alphabet[acc << (6 - bits) & 63];
	return str_n(out, n);
}

static bool from_base64url(struct arena *a, struct str s, struct str *ret)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t n = 0, bits = 0;
	uint32_t acc = 0;

	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.ptr[i] ? strchr(alphabet, s.ptr[i]) : NULL;

		if (!at)
			return false;
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(acc >> bits & 255);
		}
	}
	*ret = str_n(out, n);
	return true;
}

struct str continuation_encode(struct arena *a, const struct continuation *c)
{
	struct json *obj = json_new(a, JSON_OBJECT);
	struct buf b = BUF_INIT;
	struct str ret;

	json_set(obj, "v", json_new_string(a, STR("meta.k8s.io/v1")));
	json_set(obj, "rv", json_new_int(a, (int64_t)c->rev));
	json_set(obj, "start", json_new_string(a, c->after));
	json_write(&b, obj);
	ret = base64url(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

int continuation_decode(struct arena *a, struct str token, struct continuation *ret,
			struct err *err)
{
	struct json *obj;
	struct str text;

	if (token.len <= CONTINUATION_MAX && from_base64url(a, token, &text) &&
	    json_parse(a, text, 0, &obj, NULL) == 0 && json_is(obj, JSON_OBJECT) &&
	    json_is(json_get(obj, "rv"), JSON_INT) && json_get_int(obj, "rv", -1) >= 0 &&
	    json_is(json_get(obj, "start"), JSON_STRING) &&
	    str_eq_c(json_get_string(obj, "v"), "meta.k8s.io/v1")) {
		ret->rev = (uint64_t)json_get_int(obj, "rv", 0);
		ret->after = json_get_string(obj, "start");
		return 0;
	}
	return err_set(err, ERR_BAD_REQUEST,
		       "continue key is not valid: it is not one that this server has given out");
}
