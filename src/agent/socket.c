/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/socket.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

int agent_socket_listen(const char *path, struct err *err)
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

int agent_socket_connect(const char *path, struct err *err)
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
