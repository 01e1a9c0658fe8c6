/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	STAT_MAX = 4096, /* bytes of /proc/PID/stat */
};

int agent_process_start(pid_t pid, uint64_t *ret, struct err *err)
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

bool agent_process_is(pid_t pid, uint64_t start)
{
	uint64_t is;

	return pid > 0 && agent_process_start(pid, &is, NULL) == 0 && is == start;
}

int agent_process_read(const char *path, pid_t *ret_pid, uint64_t *ret_start, struct err *err)
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

/* sun_path has room for 107 bytes only; through the folder's descriptor any path fits. */
static int address(const char *path, struct sockaddr_un *sa, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(mem_freep) char *dir =
		slash ? mem_xstrndup(path, (size_t)(slash - path)) : mem_xstrdup(".");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), n;

	if (fd < 0)
		return err_sys(err, errno, "open folder '%s'", dir);
	*sa = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", fd,
		     slash ? slash + 1 : path);
	if (n >= (int)sizeof(sa->sun_path)) {
		close(fd);
		return err_set(err, ERR_INVALID, "socket name '%s' is too long", path);
	}
	return fd;
}

int agent_process_listen(const char *path, struct err *err)
{
	_cleanup_(fd_closep) int sock = -1, dir = -1;
	struct sockaddr_un sa;

	if ((dir = address(path, &sa, err)) < 0)
		return dir;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(err, errno, "make a local socket");
	unlink(path);
	if (bind(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(sock, 8) < 0)
		return err_sys(err, errno, "listen on '%s'", path);
	return TAKE_FD(sock);
}

int agent_process_connect(const char *path, struct err *err)
{
	_cleanup_(fd_closep) int sock = -1, dir = -1;
	struct sockaddr_un sa;

	if ((dir = address(path, &sa, err)) < 0)
		return dir;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return err_sys(err, errno, "make a local socket");
	if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, errno, "connect to '%s'", path);
	return TAKE_FD(sock);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int agent_process_remove_tree(const char *path, struct err *err)
{
	int r = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (r < 0 && errno == ENOENT)
		return 0;
	if (r != 0)
		return err_sys(err, r < 0 ? errno : r, "remove '%s'", path);
	return 0;
}

int agent_process_make_dirs(const char *path, struct err *err)
{
	_cleanup_(mem_freep) char *p = mem_xstrdup(path);

	for (char *at = p + 1;; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make folder '%s'", p);
		*at = c;
		if (c == '\0')
			return 0;
	}
}
