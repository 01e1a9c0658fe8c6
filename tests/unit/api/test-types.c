/* SPDX-License-Identifier: Apache-2.0 */
#include "api/types.h"

#include "tests/harness/test.h"

static const struct api_pair pairs[] = {
	{{"app", 3}, {"web", 3}},
	{{"empty", 5}, {"", 0}},
	{{"tier", 4}, {"front", 5}},
};
static const struct api_pairs labels = {pairs, ARRAY_LEN(pairs)};

TEST(pairs_are_found_by_key)
{
	ASSERT_STR(api_pairs_get(&labels, "app"), STR("web"));
	ASSERT_STR(api_pairs_get(&labels, "tier"), STR("front"));
	ASSERT_TRUE(str_is_set(api_pairs_get(&labels, "empty")));
	ASSERT_FALSE(str_is_set(api_pairs_get(&labels, "ap")));
	ASSERT_TRUE(api_pairs_has(&labels, "empty"));
	ASSERT_FALSE(api_pairs_has(&labels, "zone"));
}

TEST(a_selector_needs_every_pair)
{
	const struct api_pair one[] = {{STR("app"), STR("web")}};
	const struct api_pair other[] = {{STR("app"), STR("web")}, {STR("tier"), STR("back")}};

	ASSERT_TRUE(api_pairs_match(&(struct api_pairs){0}, &labels));
	ASSERT_TRUE(api_pairs_match(&(struct api_pairs){one, 1}, &labels));
	ASSERT_FALSE(api_pairs_match(&(struct api_pairs){other, 2}, &labels));
	ASSERT_FALSE(api_pairs_match(&(struct api_pairs){one, 1}, &(struct api_pairs){0}));
}
