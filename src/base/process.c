/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/fd.h"

#include <stdio.h>

enum {
	STAT_MAX = 4096, /* bytes of /proc/PID/stat */
};

int process_start(pid_t pid, uint64_t *ret, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%d/stat", pid);
	struct buf b = BUF_INIT;
	struct str rest, word = {0};
	char state = 'Z';
	int r = fd_read_file(path, STAT_MAX, &b, NULL);

	/* The name is in brackets and may hold anything: fields count from the last ')'. */
	rest = str_skip(buf_str(&b), (size_t)str_rfind(buf_str(&b), ')') + 2);
	for (int i = 3; r == 0 && i <= 22 && str_next(&rest, ' ', &word); i++)
		if (i == 3)
			state = word.len ? word.ptr[0] : 'Z';
	if (r == 0 && state != 'Z' && state != 'X')
		r = str_to_u64(word, 0, UINT64_MAX, ret, err);
	else
		r = err_set(err, ERR_NOT_FOUND, "process %d has ended", pid);
	buf_fini(&b);
	return r;
}

bool process_is(pid_t pid, uint64_t start)
{
	uint64_t is;

	return pid > 0 && process_start(pid, &is, NULL) == 0 && is == start;
}

int process_read(const char *path, pid_t *ret_pid, uint64_t *ret_start, struct err *err)
{
	struct buf b = BUF_INIT;
	uint64_t pid, start;
	struct str rest, word;
	int r = fd_read_file(path, STAT_MAX, &b, err);

	rest = str_trim(buf_str(&b));
	if (r == 0 &&
	    (!str_next(&rest, ' ', &word) || str_to_u64(word, 1, INT32_MAX, &pid, NULL) < 0 ||
	     str_to_u64(rest, 0, UINT64_MAX, &start, NULL) < 0))
		r = err_set(err, ERR_INVALID, "%s: does not say a process", path);
	if (r == 0) {
		*ret_pid = (pid_t)pid;
		*ret_start = start;
	}
	buf_fini(&b);
	return r;
}

int process_write(const char *path, pid_t pid, unsigned mode, struct err *err)
{
	uint64_t start;
	char text[64];
	int n, r = process_start(pid, &start, err);

	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%d %llu\n", pid, (unsigned long long)start);
	return fd_write_file(path, str_n(text, (size_t)n), mode, err);
}
