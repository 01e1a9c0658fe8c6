/* SPDX-License-Identifier: Apache-2.0 */
#include "base/macro.h"
#include "base/mem.h"
#include "base/trim.h"
#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

enum {
	SIZE = 16 * 1024,
	N = 8 * TRIM_KEPT_MAX / SIZE,
};

TEST(what_a_crowd_has_left_behind_is_given_back)
{
	static char *all[N];

	for (size_t i = 0; i < N; i++)
		all[i] = memset(mem_xalloc(SIZE), 1, SIZE);
	/* One in 64 lives on, so that the heap does not shrink by itself. */
	for (size_t i = 0; i < N; i++)
		if (i % 64)
			free(all[i]);
#if !defined(__SANITIZE_ADDRESS__) /* which has an allocator of its own */
	ASSERT_TRUE(trim_heap());
#endif
	ASSERT_TRUE(!trim_heap());
	for (size_t i = 0; i < N; i += 64)
		free(all[i]);
}
