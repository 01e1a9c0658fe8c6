/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/socket.h"

#include "base/fd.h"
#include "base/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static int socket_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int socket_options(int fd, enum ip_family family, int type)
{
	int r = socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);

	if (r == 0 && family == IP_V6)
		r = socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (r == 0 && type == SOCK_DGRAM)
		r = family == IP_V4 ? socket_set(fd, IPPROTO_IP, IP_PKTINFO, 1)
				    : socket_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	return r;
}

int dns_socket_open(const struct ip_addr *addr, uint16_t port, int type, struct err *err)
{
	const char *what = type == SOCK_DGRAM ? "UDP" : "TCP";
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(addr, port, &ss);
	_cleanup_(fd_closep) int fd = socket(ss.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char text[IP_TEXT_MAX];
	int r;

	ip_format(addr, text);
	if (fd < 0)
		return err_sys(err, errno, "open a %s socket for %s", what, text);
	r = socket_options(fd, ip_family(addr), type);
	if (r < 0)
		return err_sys(err, -r, "set options of the %s socket for %s", what, text);
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return err_sys(err, errno, "bind %s %s port %u", what, text, port);
	if (type == SOCK_STREAM && listen(fd, 256) < 0)
		return err_sys(err, errno, "listen on TCP %s port %u", text, port);
	return TAKE_FD(fd);
}

uint16_t dns_socket_port(int fd)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ? 0 : sockaddr_port(&ss);
}

void dns_socket_reply_from(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(c);

			info->ipi_ifindex = 0; /* let routing pick the way back */
			info->ipi_spec_dst = info->ipi_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);

			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
				info->ipi6_ifindex = 0;
		}
	}
}
