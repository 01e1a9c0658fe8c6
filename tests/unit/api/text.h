/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Trees written in a test's own lines: "'" stands for '"' and "`" for an escaped one. */

#include "tests/harness/test.h"
#include "json/json.h"

static inline struct json *text_parse(struct arena *a, const char *text)
{
	struct json *n;
	struct err err;
	struct buf b = BUF_INIT;

	for (const char *p = text; *p; p++) {
		if (*p == '`')
			buf_add_c(&b, "\\\"");
		else
			buf_add_byte(&b, *p == '\'' ? '"' : *p);
	}
	ASSERT_OK(json_parse(a, str_dup(a, buf_str(&b)), 0, &n, &err));
	buf_fini(&b);
	return n;
}

static inline const char *text_of_json(struct arena *a, const struct json *n)
{
	struct buf b = BUF_INIT;
	char *s;

	json_write(&b, n);
	s = arena_strdup(a, b.ptr);
	buf_fini(&b);
	return s;
}
