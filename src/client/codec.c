/* SPDX-License-Identifier: Apache-2.0 */
#include "client/codec.h"

struct codec {
	const char *media_type;
	int (*decode)(struct arena *a, struct str text, struct json **ret, struct err *err);
};

static int codec_json(struct arena *a, struct str text, struct json **ret, struct err *err)
{
	return json_parse(a, text, JSON_BORROW, ret, err);
}

static const struct codec codecs[] = {
	{"application/json", codec_json},
};

const char *client_codec_accept(void)
{
	return "application/json";
}

int client_codec_decode(struct arena *a, struct str content_type, struct str text,
			struct json **ret, struct err *err)
{
	ptrdiff_t semicolon = str_find(content_type, ';');
	struct str type = str_trim(
		str_sub(content_type, 0, semicolon < 0 ? content_type.len : (size_t)semicolon));

	if (!type.len)
		type = str_of(codecs[0].media_type);
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (str_eq_nocase(type, str_of(codecs[i].media_type)))
			return codecs[i].decode(a, text, ret, err);
	return err_set(err, ERR_MEDIA_TYPE, "the server answered with %.*s, wanted %s",
		       STR_ARG(type), codecs[0].media_type);
}
