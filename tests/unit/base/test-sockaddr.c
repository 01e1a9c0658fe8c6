/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sockaddr.h"

#include "tests/harness/test.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static void there_and_back(const char *text, int family, socklen_t len)
{
	struct sockaddr_storage ss;
	struct ip_addr a, b;
	struct err err;

	ASSERT_OK(ip_parse(str_of(text), &a, &err));
	ASSERT_EQ(sockaddr_of(&a, 8080, &ss), len);
	ASSERT_EQ(ss.ss_family, family);
	b = sockaddr_ip(&ss);
	ASSERT_TRUE(ip_eq(&a, &b));
	ASSERT_EQ(sockaddr_port(&ss), 8080);
}

TEST(both_families_go_there_and_back)
{
	there_and_back("192.0.2.1", AF_INET, sizeof(struct sockaddr_in));
	there_and_back("2001:db8::1", AF_INET6, sizeof(struct sockaddr_in6));
	there_and_back("::", AF_INET6, sizeof(struct sockaddr_in6));
}

/* As a socket of both families sees an IPv4 client. */
TEST(a_mapped_address_is_ipv4)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	struct sockaddr_storage ss = {.ss_family = AF_INET6};
	struct ip_addr a, want = ip_from_v4(0xc0000201);

	memcpy(&((struct sockaddr_in6 *)&ss)->sin6_addr, mapped, sizeof(mapped));
	a = sockaddr_ip(&ss);
	ASSERT_TRUE(ip_eq(&a, &want));
}

TEST(a_unix_socket_has_no_address)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	struct ip_addr a;

	((struct sockaddr_un *)&ss)->sun_path[0] = 'x';
	a = sockaddr_ip(&ss);
	ASSERT_TRUE(ip_is_unspecified(&a));
	ASSERT_EQ(sockaddr_port(&ss), 0);
}
