/* SPDX-License-Identifier: Apache-2.0 */
/* A selector that parses must print as one that parses to the same, and matching must not care. */
#include "api/kind.h"
#include "api/selector.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void round_trip(struct arena *a, const struct api_label_selector *s)
{
	static const struct api_pair pairs[] = {{{"app", 3}, {"web", 3}}, {{"n", 1}, {"5", 1}}};
	const struct api_pairs labels = {pairs, ARRAY_LEN(pairs)};
	struct api_label_selector again;
	struct buf first = BUF_INIT, second = BUF_INIT;

	api_label_selector_write(&first, s);
	if (first.len > API_SELECTOR_SIZE_MAX) { /* "in(" became "in (" at the very limit */
		buf_fini(&first);
		return;
	}
	check(api_label_selector_parse(a, buf_str(&first), &again, NULL) == 0);
	api_label_selector_write(&second, &again);
	check(str_eq(buf_str(&first), buf_str(&second)));
	check(s->n == again.n);
	check(api_label_selector_match(s, &labels) == api_label_selector_match(&again, &labels));
	buf_fini(&first);
	buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	struct api_label_selector labels;
	struct api_field_selector fields;
	struct arena a;

	arena_init(&a, 0);
	if (api_label_selector_parse(&a, text, &labels, NULL) == 0)
		round_trip(&a, &labels);
	if (api_field_selector_parse(&a, api_kind_of("Pod"), text, &fields, NULL) == 0)
		(void)api_field_selector_match(&fields, NULL);
	arena_fini(&a);
	return 0;
}
