/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte picks the form of the patch, the second the kind; then the object, a line break,
 * the patch. Neither input may change, and the result must be something that can be stored.
 */
#include "api/kind.h"
#include "api/patch/patch.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_patch(struct arena *a, enum api_patch_kind form, const struct api_type *type,
		       struct json *obj, struct json *patch)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;
	const struct json *obj_before = json_clone(a, obj), *patch_before = json_clone(a, patch);
	struct json *result, *back;
	int r = api_patch(a, form, type, obj, patch, &result, NULL);

	if (!json_eq(obj, obj_before) || !json_eq(patch, patch_before))
		abort();
	if (r < 0)
		return;
	json_write(&b, result);
	if (json_parse(a, buf_str(&b), 0, &back, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	struct json *obj, *patch;
	struct arena a;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	ptrdiff_t line = str_find(text, '\n');

	if (line < 2)
		return 0;
	arena_init(&a, 0);
	if (json_parse(&a, str_sub(text, 2, (size_t)line - 2), 0, &obj, NULL) == 0 &&
	    json_parse(&a, str_skip(text, (size_t)line + 1), 0, &patch, NULL) == 0)
		fuzz_patch(&a, data[0] % 3, kinds[data[1] % n].type, obj, patch);
	arena_fini(&a);
	return 0;
}
