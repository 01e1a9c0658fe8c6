/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include "tests/harness/test.h"

static const struct options_entry entries[] = {
	{"data-dir", "DIR", NULL, "Where it keeps its data.", OPTIONS_REQUIRED},
	{"port", "PORT", "6443", "Where it listens.", 0},
	{"range", "A-B", "30000-32767", "Node ports.", 0},
	{"wait", "TIME", "1m30s", "How long it waits.", 0},
	{"bind", "ADDRESS", "::", "What it binds to.", 0},
	{"listen", "ADDRESS", NULL, "More of them.", OPTIONS_REPEAT},
	{"verbose", NULL, NULL, "Says more.", 0},
};
static const struct options_spec spec = {
	.command = "thing",
	.arguments = "[COMMAND...]",
	.summary = "does a thing",
	.description = "A paragraph.\n\n.Another\\one.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
	.is_wrapper = true,
};

#define PARSE(...)                                                                                 \
	({                                                                                         \
		const char *argv_[] = {"thing", __VA_ARGS__};                                      \
		options_parse(&spec, ARRAY_LEN(argv_), (char **)(uintptr_t)argv_, &o, &err);       \
	})

TEST(every_way_to_write_an_option)
{
	struct options o;
	struct err err;
	int64_t n;

	ASSERT_OK(PARSE("--data-dir", "/d", "-port=7", "--verbose", "--listen=a", "--listen", "b"));
	ASSERT_STREQ(options_get(&o, "data-dir"), "/d");
	ASSERT_OK(options_int(&o, "port", 1, 65535, &n, &err));
	ASSERT_EQ(n, 7);
	ASSERT_TRUE(options_switch(&o, "verbose"));
	ASSERT_STREQ(options_nth(&o, "listen", 0), "a");
	ASSERT_STREQ(options_nth(&o, "listen", 1), "b");
	ASSERT_TRUE(options_nth(&o, "listen", 2) == NULL);
	ASSERT_TRUE(options_is_given(&o, "port"));
	options_fini(&o);
}

TEST(fallbacks_and_typed_values)
{
	struct options o;
	struct err err;
	struct ip_addr addr;
	int64_t first, last, ms;

	ASSERT_OK(PARSE("--data-dir=/d", "--verbose=false"));
	ASSERT_FALSE(options_switch(&o, "verbose"));
	ASSERT_FALSE(options_is_given(&o, "port"));
	ASSERT_STREQ(options_get(&o, "port"), "6443");
	ASSERT_OK(options_range(&o, "range", 1, 65535, &first, &last, &err));
	ASSERT_EQ(first, 30000);
	ASSERT_EQ(last, 32767);
	ASSERT_OK(options_duration_ms(&o, "wait", &ms, &err));
	ASSERT_EQ(ms, 90000);
	ASSERT_OK(options_addr(&o, "bind", &addr, &err));
	ASSERT_TRUE(ip_is_unspecified(&addr));
	options_fini(&o);
}

TEST(a_wrapper_leaves_the_rest_alone)
{
	struct options o;
	struct err err;

	ASSERT_OK(PARSE("--data-dir=/d", "curl", "--port", "-v"));
	ASSERT_EQ(o.arguments.len, 3);
	ASSERT_STREQ(o.arguments.ptr[1], "--port");
	options_fini(&o);
	ASSERT_OK(PARSE("--data-dir=/d", "--", "--port"));
	ASSERT_STREQ(o.arguments.ptr[0], "--port");
	options_fini(&o);
}

TEST(mistakes_are_named)
{
	struct options o;
	struct err err;
	int64_t a, b;

	ASSERT_ERR(PARSE("--data-dri", "x"), ERR_USAGE);
	ASSERT_TRUE(strstr(err.msg, "is it --data-dir?") != NULL);
	ASSERT_ERR(PARSE("--port", "1"), ERR_USAGE);
	ASSERT_TRUE(strstr(err.msg, "--data-dir DIR is required") != NULL);
	ASSERT_ERR(PARSE("--port"), ERR_USAGE);
	ASSERT_TRUE(strstr(err.msg, "--port: needs a value (PORT)") != NULL);
	ASSERT_ERR(PARSE("--verbose=yes"), ERR_USAGE);
	ASSERT_OK(PARSE("--data-dir=/d", "--port=70000", "--range=9-3", "--wait=5x"));
	ASSERT_ERR(options_int(&o, "port", 1, 65535, &a, &err), ERR_USAGE);
	ASSERT_STREQ(err.msg, "--port: '70000' must be a number from 1 to 65535");
	ASSERT_ERR(options_range(&o, "range", 1, 65535, &a, &b, &err), ERR_USAGE);
	ASSERT_ERR(options_duration_ms(&o, "wait", &a, &err), ERR_USAGE);
	options_fini(&o);
}

TEST(help_and_manual_name_every_option)
{
	struct options o;
	struct err err;
	struct buf help = BUF_INIT, man = BUF_INIT;

	ASSERT_OK(PARSE("--help"));
	ASSERT_TRUE(o.is_help);
	options_fini(&o);
	options_help(&spec, &help);
	options_man(&spec, &man);
	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		ASSERT_TRUE(strstr(help.ptr, entries[i].name) != NULL);
		ASSERT_TRUE(strstr(man.ptr, entries[i].name) != NULL);
	}
	ASSERT_TRUE(strstr(man.ptr, "\n\\&.Another\\eone.") != NULL);
	buf_fini(&help);
	buf_fini(&man);
}
