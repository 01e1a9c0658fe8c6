/* SPDX-License-Identifier: Apache-2.0 */
/* Protobuf bodies of every kind: the first byte picks the kind. What is read is JSON that can be
 * written and read again, and has passed no limit. */
#include "api/proto.h"

#include "api/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_kinds;
	const struct api_kind *kinds = api_kinds(&n_kinds);
	struct api_proto_envelope e;
	struct json *obj = NULL, *again = NULL;
	struct buf b = BUF_INIT;
	struct arena a;
	struct str body;
	int r;

	if (size < 2)
		return 0;
	arena_init(&a, 0);
	body = str_n((const char *)data + 1, size - 1);
	if (api_proto_open(body, &e, NULL) < 0)
		e.message = body;
	r = api_proto_parse(&a, kinds[data[0] % n_kinds].type, e.message, &obj, NULL);
	if (r == 0) {
		json_write(&b, obj);
		r = json_parse(&a, buf_str(&b), 0, &again, NULL);
		assert(r == 0 && json_eq(obj, again));
	}
	buf_fini(&b);
	arena_fini(&a);
	return 0;
}
