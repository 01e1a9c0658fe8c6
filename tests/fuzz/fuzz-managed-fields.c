/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte picks the kind, the second what is done; then an object, a line break, another
 * object. The second becomes the first's successor, by an update or by an apply. Nothing that a
 * client sends may break the list of owners: what comes out can be decoded again, and an apply that
 * is done twice changes no owner.
 */
#include "api/kind.h"
#include "api/managed/managed.h"
#include "api/strict.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool decode(struct arena *a, const struct api_kind *kind, struct str text, bool is_strict,
		   struct json **ret)
{
	struct api_strs issues;

	return json_parse(a, text, 0, ret, NULL) == 0 && json_is(*ret, JSON_OBJECT) &&
	       (!is_strict || api_strict(a, kind, *ret, &issues, NULL) == 0);
}

/* A list that was made here is taken as it is by the next write. */
static void check_list(const struct api_managed_write *w, const struct json *obj)
{
	struct json *same = json_clone(w->a, obj);

	api_managed_update(w, obj, same, false);
	if (!json_eq(obj, same))
		abort();
}

static void fuzz_apply(const struct api_managed_write *w, const struct json *old,
		       const struct json *config)
{
	const struct json *before = json_clone(w->a, old),
			  *config_before = json_clone(w->a, config);
	struct api_managed_conflicts conflicts;
	struct json *result, *again;
	struct err err;
	int r = api_managed_apply(w, old, config, false, &result, &conflicts, &err);

	if (r == ERR_CONFLICT && conflicts.n == 0)
		abort();
	if (r == ERR_CONFLICT)
		r = api_managed_apply(w, old, config, true, &result, &conflicts, &err);
	if (!json_eq(old, before) || !json_eq(config, config_before))
		abort();
	if (r < 0)
		return;
	if (api_managed_apply(w, result, config, false, &again, &conflicts, &err) < 0)
		abort();
}

static void fuzz(const struct api_managed_write *w, struct json *old, struct json *now, int what)
{
	struct str repeated;

	api_managed_update(w, NULL, old, what & 1);
	check_list(w, old);
	if (what & 2) {
		if (!json_duplicate(w->a, now, &repeated))
			fuzz_apply(w, old, now);
		return;
	}
	api_managed_update(w, old, now, what & 4);
	check_list(w, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	struct json *old, *now;
	struct arena a;
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	ptrdiff_t line = str_find(text, '\n');

	if (line < 2)
		return 0;
	arena_init(&a, 0);
	struct api_managed_write w = {
		.a = &a,
		.kind = &kinds[data[0] % n],
		.sub = data[1] & 8 ? STR("status") : (struct str){0},
		.manager = data[1] & 16 ? STR("kubectl") : STR("fuzz"),
		.time = STR("2026-01-01T00:00:00Z"),
	};
	if (decode(&a, w.kind, str_sub(text, 2, (size_t)line - 2), true, &old) &&
	    decode(&a, w.kind, str_skip(text, (size_t)line + 1), !(data[1] & 2), &now))
		fuzz(&w, old, now, data[1]);
	arena_fini(&a);
	return 0;
}
