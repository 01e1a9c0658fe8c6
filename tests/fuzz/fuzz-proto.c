/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte picks a kind, the rest is a message of it, or a whole envelope. What can be read
 * and stands as an object is written and read again, and is equal then.
 */
#include "api/kind.h"
#include "api/proto.h"
#include "api/strict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct arena *a, const struct api_type *type, struct json *obj)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	struct api_proto_envelope e;
	struct api_strs issues;
	struct json *back;

	/* What does not stand as an object must be written without harm, too. */
	api_proto_encode(&b, type, obj);
	buf_clear(&b);
	if (api_strict_type(a, type, obj, &issues, NULL) < 0)
		return;
	api_proto_write(&b, STR("v1"), STR("X"), type, obj);
	if (api_proto_open(buf_str(&b), &e, NULL) < 0 ||
	    api_proto_parse(a, type, e.message, &back, NULL) < 0 ||
	    api_strict_type(a, type, back, &issues, NULL) < 0)
		abort();
	json_remove(obj, "kind");
	json_remove(obj, "apiVersion");
	json_remove(back, "kind");
	json_remove(back, "apiVersion");
	if (issues.n > 0 || !json_eq(obj, back))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_proto_envelope e;
	const struct api_kind *kinds;
	struct json *obj;
	struct arena a;
	size_t n;

	if (size == 0)
		return 0;
	kinds = api_kinds(&n);
	e.message = str_n((const char *)data + 1, size - 1);
	IGNORE(api_proto_open(e.message, &e, NULL), "then it is a message");
	arena_init(&a, 0);
	if (api_proto_parse(&a, kinds[data[0] % n].type, e.message, &obj, NULL) == 0)
		round_trip(&a, kinds[data[0] % n].type, obj);
	arena_fini(&a);
	return 0;
}
