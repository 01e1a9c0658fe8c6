/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical text of a quantity is a quantity, and is its own canonical text. */
#include "api/quantity.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str first, again;
	struct arena a;

	arena_init(&a, 0);
	if (api_quantity_canonical(&a, str_n((const char *)data, size), &first, NULL) == 0) {
		if (api_quantity_canonical(&a, first, &again, NULL) < 0 || !str_eq(first, again))
			abort();
	}
	arena_fini(&a);
	return 0;
}
