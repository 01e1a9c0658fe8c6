/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For tables of validation cases: an object's text in, the causes that must come out.
 */

#include "api/defaults/defaults.h"
#include "api/defaults/service.h"
#include "api/kind.h"
#include "api/rules/validate.h"

#include "tests/harness/test.h"

/* Parsed and defaulted as the server does before it validates. */
static inline struct json *causes_object(struct arena *a, const struct api_kind *kind,
					 const char *text)
{
	struct json *obj = NULL;
	struct err err;

	ASSERT_OK(json_parse(a, str_of(text), 0, &obj, &err));
	api_defaults(a, kind, obj);
	if (str_eq_c(str_of(kind->kind), "Service"))
		api_default_cluster_ips(a, NULL, obj);
	return obj;
}

/* `want`: one line a cause, "field: message"; a line may stop before the message does. */
static inline void causes_check(const char *what, const struct api_causes *c, const char *want)
{
	struct str rest = str_of(want), line;
	struct buf got = BUF_INIT;
	bool is_same = true;
	size_t i = 0;

	for (size_t k = 0; k < c->n; k++)
		buf_printf(&got, "%.*s: %.*s\n", STR_ARG(c->ptr[k].field),
			   STR_ARG(c->ptr[k].message));
	while (rest.len && str_next(&rest, '\n', &line)) {
		struct str text = i < c->n
					  ? str_printf(c->a, "%.*s: %.*s", STR_ARG(c->ptr[i].field),
						       STR_ARG(c->ptr[i].message))
					  : STR("");

		is_same = is_same && str_has_prefix(text, line);
		i++;
	}
	if (!is_same || i != c->n)
		test_fail(__FILE__, __LINE__, "%s:\nwant:\n%s\ngot:\n%s", what, want, got.ptr);
	buf_fini(&got);
}
