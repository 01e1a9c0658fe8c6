/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

void fd_closep(int *fd)
{
	fd_close(*fd);
}

int fd_set_nonblock(int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(err, errno, "set descriptor %d non-blocking", fd);
	return 0;
}

int fd_read_file(const char *path, size_t max, struct buf *b, struct err *err)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t start = b->len;

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	for (;;) {
		ssize_t n;

		buf_reserve(b, 16384);
		n = read(fd, b->ptr + b->len, 16384);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read '%s'", path);
		if (n == 0)
			return 0;
		buf_set_len(b, b->len + (size_t)n);
		if (b->len - start > max)
			return err_set(err, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path,
				       max);
	}
}

static int fd_write_all(int fd, struct str s)
{
	while (s.len) {
		ssize_t n = write(fd, s.ptr, s.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		s = str_skip(s, (size_t)n);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int fd_sync_dir_of(const char *path)
{
	_cleanup_(mem_freep) char *dir = mem_xstrdup(path);
	_cleanup_(fd_closep) int fd = -1;
	char *slash = strrchr(dir, '/');

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

int fd_write_file(const char *path, struct str content, unsigned mode, struct err *err)
{
	_cleanup_(mem_freep) char *tmp = mem_xprintf("%s.tmp.%d", path, (int)getpid());
	_cleanup_(fd_closep) int fd = -1;
	int r;

	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return err_sys(err, errno, "create '%s'", tmp);
	r = fd_write_all(fd, content);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	if (r == 0)
		r = fd_sync_dir_of(path);
	if (r < 0) {
		unlink(tmp);
		return err_sys(err, -r, "write '%s'", path);
	}
	return 0;
}

int fd_make_dir(const char *path, unsigned mode, struct err *err)
{
	int r;

	if (mkdir(path, (mode_t)mode) < 0)
		return errno == EEXIST ? 0 : err_sys(err, errno, "make directory '%s'", path);
	r = fd_sync_dir_of(path);
	return r < 0 ? err_sys(err, -r, "write the directory that holds '%s'", path) : 0;
}
