/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte picks a kind, the rest is an object of it. What api_strict and api_defaults made
 * of it is the form that is stored: written and read again it is equal, has no issues and changes
 * no more.
 */
#include "api/defaults/defaults.h"
#include "api/kind.h"
#include "api/strict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_decode(struct arena *a, const struct api_kind *kind, struct json *obj)
{
	_cleanup_(buf_fini) struct buf first = BUF_INIT, second = BUF_INIT;
	struct api_strs issues;
	struct json *back;

	if (api_strict(a, kind, obj, &issues, NULL) < 0)
		return;
	api_defaults(a, kind, obj);
	json_write(&first, obj);
	if (json_parse(a, buf_str(&first), 0, &back, NULL) < 0 || !json_eq(obj, back))
		abort();
	if (api_strict(a, kind, back, &issues, NULL) < 0 || issues.n > 0)
		abort();
	api_defaults(a, kind, back);
	json_write(&second, back);
	if (!str_eq(buf_str(&first), buf_str(&second)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *obj;
	struct arena a;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);

	if (size == 0)
		return 0;
	arena_init(&a, 0);
	if (json_parse(&a, str_n((const char *)data + 1, size - 1), 0, &obj, NULL) == 0)
		fuzz_decode(&a, &kinds[data[0] % n], obj);
	arena_fini(&a);
	return 0;
}
