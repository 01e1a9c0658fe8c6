/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rand.h"

#include "tests/harness/test.h"

#include <string.h>

TEST(same_seed_same_numbers_and_bounds_hold)
{
	struct rand a, b;

	rand_seed(&a, 7);
	rand_seed(&b, 7);
	for (int i = 0; i < 1000; i++) {
		uint64_t n = rand_below(&a, 10);

		ASSERT_TRUE(n < 10);
		ASSERT_TRUE(n == rand_below(&b, 10));
	}
}

TEST(uuid_has_its_version)
{
	char u[RAND_UUID_LEN + 1], v[RAND_UUID_LEN + 1];

	rand_uuid(u);
	rand_uuid(v);
	ASSERT_EQ(strlen(u), RAND_UUID_LEN);
	ASSERT_EQ(u[14], '4');
	ASSERT_TRUE(strchr("89ab", u[19]) != NULL);
	ASSERT_TRUE(strcmp(u, v) != 0);
}
