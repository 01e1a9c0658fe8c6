/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sets of fields (FieldsV1), one a line. What is read is written and read again as the same
 * set; what both have and what only the first has make up the first; every member is found.
 */
#include "api/managed/field_set.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool parse(struct arena *a, struct str text, struct api_field_set *ret)
{
	struct json *n;

	return json_parse(a, text, 0, &n, NULL) == 0 && api_field_set_parse(a, n, ret, NULL) == 0;
}

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_member(void *ctx, const struct api_field_path *p)
{
	struct buf b = BUF_INIT;

	must(api_field_set_has(ctx, p));
	api_field_path_write(&b, p);
	buf_fini(&b);
}

static void check_one(struct arena *a, struct api_field_set *s)
{
	struct json *tree = api_field_set_tree(a, s), *again;
	struct api_field_set back;
	struct buf b = BUF_INIT;

	json_write(&b, tree);
	must(json_parse(a, buf_str(&b), 0, &again, NULL) == 0);
	must(api_field_set_parse(a, again, &back, NULL) == 0);
	must(api_field_set_eq(s, &back));
	api_field_set_walk(s, check_member, s);
	buf_fini(&b);
}

static void check_two(struct arena *a, struct api_field_set *x, struct api_field_set *y)
{
	struct api_field_set all = api_field_set_union(a, x, y);
	struct api_field_set both = api_field_set_intersect(a, x, y);
	struct api_field_set only = api_field_set_subtract(a, x, y);
	struct api_field_set without = api_field_set_exclude(a, x, y);
	struct api_field_set back = api_field_set_union(a, &both, &only);

	must(api_field_set_eq(&back, x));
	back = api_field_set_intersect(a, &all, x);
	must(api_field_set_eq(&back, x));
	back = api_field_set_intersect(a, &without, &only);
	must(api_field_set_eq(&back, &without));
	back = api_field_set_subtract(a, &all, &all);
	must(api_field_set_is_empty(&back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	ptrdiff_t line = str_find(text, '\n');
	struct api_field_set x, y;
	struct arena a;

	if (line < 0)
		return 0;
	arena_init(&a, 0);
	if (parse(&a, str_sub(text, 0, (size_t)line), &x) &&
	    parse(&a, str_skip(text, (size_t)line + 1), &y)) {
		check_one(&a, &x);
		check_one(&a, &y);
		check_two(&a, &x, &y);
	}
	arena_fini(&a);
	return 0;
}
