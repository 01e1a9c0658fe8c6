/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/harness/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TEST_EXIT_FAIL = 1,
	TEST_EXIT_SKIP = 77,
};

extern const struct test_case *const __start_test_cases[];
extern const struct test_case *const __stop_test_cases[];

static char test_dir[64];

static int test_remove(const char *path, const struct stat *st _unused_, int flag _unused_,
		       struct FTW *ftw _unused_)
{
	return remove(path);
}

static void test_clean(void)
{
	if (test_dir[0])
		nftw(test_dir, test_remove, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_tmpdir(void)
{
	if (!test_dir[0]) {
		snprintf(test_dir, sizeof(test_dir), "/tmp/fairlead-test-XXXXXX");
		if (!mkdtemp(test_dir))
			test_fail(__FILE__, __LINE__, "mkdtemp: %m");
	}
	return test_dir;
}

_noreturn_ void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# %s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	test_clean();
	_exit(TEST_EXIT_FAIL);
}

_noreturn_ void test_skip(const char *fmt, ...)
{
	va_list ap;

	fputs("# skipped: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	test_clean();
	_exit(TEST_EXIT_SKIP);
}

void test_eq_i(const char *file, int line, const char *ea, const char *eb, long long a, long long b)
{
	if (a != b)
		test_fail(file, line, "%s is %lld, %s is %lld", ea, a, eb, b);
}

void test_eq_s(const char *file, int line, const char *ea, const char *eb, struct str a,
	       struct str b)
{
	if (!str_eq(a, b))
		test_fail(file, line, "%s is\n#   '%.*s'\n# %s is\n#   '%.*s'", ea, STR_ARG(a), eb,
			  STR_ARG(b));
}

void test_ok(const char *file, int line, const char *e, long long r, const struct err *err)
{
	if (r < 0)
		test_fail(file, line, "%s returned %lld: %s", e, r, err ? err->msg : "");
}

static unsigned test_timeout(void)
{
	const char *s = getenv("TEST_TIMEOUT_S");
	uint64_t v;

	return s && str_to_u64(str_of(s), 1, 3600, &v, NULL) == 0 ? (unsigned)v : 30;
}

static int test_run(const struct test_case *t)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		return TEST_EXIT_FAIL;
	}
	if (pid == 0) {
		alarm(test_timeout());
		t->run();
		test_clean();
		exit(0); /* not _exit: the leak check runs at exit */
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return TEST_EXIT_FAIL;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "# ended by signal %d (%s)\n", WTERMSIG(status),
		WTERMSIG(status) == SIGALRM ? "deadline" : strsignal(WTERMSIG(status)));
	return TEST_EXIT_FAIL;
}

static bool test_is_picked(const struct test_case *t, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strstr(t->name, argv[i]))
			return true;
	return argc <= 1;
}

int main(int argc, char **argv)
{
	bool is_forked = !getenv("TEST_NO_FORK");
	unsigned n = 0, failed = 0;

	signal(SIGPIPE, SIG_IGN);
	for (const struct test_case *const *t = __start_test_cases; t < __stop_test_cases; t++) {
		int r = 0;

		if (!test_is_picked(*t, argc, argv))
			continue;
		n++;
		if (is_forked)
			r = test_run(*t);
		else
			(*t)->run();
		if (r != 0 && r != TEST_EXIT_SKIP)
			failed++;
		printf("%s %u - %s%s\n", r == 0 || r == TEST_EXIT_SKIP ? "ok" : "not ok", n,
		       (*t)->name, r == TEST_EXIT_SKIP ? " # SKIP" : "");
	}
	printf("1..%u\n", n);
	return failed ? TEST_EXIT_FAIL : 0;
}
