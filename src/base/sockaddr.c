/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sockaddr.h"

#include <netinet/in.h>
#include <string.h>

socklen_t sockaddr_of(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	size_t len;
	const uint8_t *wire = ip_wire(a, &len);

	memset(ret, 0, sizeof(*ret));
	if (ip_family(a) == IP_V4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, wire, len);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, wire, len);
	return sizeof(*in6);
}

struct ip_addr sockaddr_ip(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ip_from_bytes(&((const struct sockaddr_in *)ss)->sin_addr, IP_V4);
	if (ss->ss_family == AF_INET6)
		return ip_from_bytes(&((const struct sockaddr_in6 *)ss)->sin6_addr, IP_V6);
	return (struct ip_addr){0};
}

uint16_t sockaddr_port(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)ss)->sin_port);
	if (ss->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)ss)->sin6_port);
	return 0;
}
