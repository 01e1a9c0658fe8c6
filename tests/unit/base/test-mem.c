/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

TEST(arena_gives_aligned_memory_that_does_not_overlap)
{
	struct arena a;
	char *before = NULL;

	arena_init(&a, 64);
	for (size_t i = 1; i < 2000; i += 7) {
		char *p = arena_zalloc(&a, i);

		ASSERT_EQ((uintptr_t)p % 16, 0);
		ASSERT_TRUE(p != before);
		memset(p, 0xff, i);
		before = p;
	}
	arena_clear(&a);
	arena_fini(&a);
}

TEST(peer_sized_allocation_can_fail)
{
	void *p;

	ASSERT_TRUE(mem_try_array(SIZE_MAX, 16) == NULL);
	mem_fault_after(1);
	p = mem_try_array(4, 4);
	ASSERT_TRUE(p != NULL);
	free(p);
	ASSERT_TRUE(mem_try_array(4, 4) == NULL);
	p = mem_try_array(4, 4);
	ASSERT_TRUE(p != NULL);
	free(p);
}
