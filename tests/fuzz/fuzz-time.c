/* SPDX-License-Identifier: Apache-2.0 */
/* A time that parses is written as a time that parses to the same. */
#include "base/clock.h"
#include "base/str.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[CLOCK_RFC3339_MAX];
	int64_t first, again;

	if (clock_parse(str_n((const char *)data, size), &first, NULL) < 0)
		return 0;
	if (clock_parse(clock_format(text, first, 9), &again, NULL) < 0 || again != first)
		abort();
	return 0;
}
