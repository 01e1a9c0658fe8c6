/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/continuation.h"

#include "tests/harness/test.h"

TEST(what_goes_in_comes_out)
{
	static const char *const keys[] = {"", "a", "ns/name", "ns/n\"ame", "ns/näme"};
	struct arena a;
	struct err err;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct continuation in = {1234567890123 + i, str_of(keys[i])}, out;
		struct str token = continuation_encode(&a, &in);

		for (size_t j = 0; j < token.len; j++)
			ASSERT_TRUE(strchr("+/=&?", token.ptr[j]) == NULL);
		ASSERT_OK(continuation_decode(&a, token, &out, &err));
		ASSERT_EQ(out.rev, in.rev);
		ASSERT_STR(out.after, in.after);
	}
	arena_fini(&a);
}

TEST(other_texts_are_refused)
{
	static const char *const tokens[] = {
		"", "x", "!!!!", "e30", "bnVsbA", "W10", "eyJ2IjoieCIsInJ2IjoxLCJzdGFydCI6IngifQ"};
	struct continuation out;
	struct arena a;
	struct err err;

	arena_init(&a, 0);
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++)
		ASSERT_ERR(continuation_decode(&a, str_of(tokens[i]), &out, &err), ERR_BAD_REQUEST);
	arena_fini(&a);
}
