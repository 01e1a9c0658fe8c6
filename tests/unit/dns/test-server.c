/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/server.h"

#include "base/sockaddr.h"
#include "loop/loop.h"
#include "tests/harness/test.h"
#include "tests/unit/dns/fixture.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const uint8_t query[] = {0, 9,   1,   0,   0,   1,   0,   0,   0,   0,   0,   0,
				3, 'w', 'e', 'b', 7,   'd', 'e', 'f', 'a', 'u', 'l', 't',
				3, 's', 'v', 'c', 7,   'c', 'l', 'u', 's', 't', 'e', 'r',
				5, 'l', 'o', 'c', 'a', 'l', 0,   0,   1,   0,   1};

struct rig {
	struct arena arena;
	struct dns_zone zone;
	struct loop *loop;
	struct dns_server *server;
	uint16_t port;
	struct ip_addr addr;
};

static void rig_start(struct rig *r)
{
	struct err err;

	arena_init(&r->arena, 0);
	fixture_zone(&r->zone, &r->arena);
	r->loop = loop_new();
	ASSERT_OK(ip_parse(STR("127.0.0.1"), &r->addr, &err));
	ASSERT_OK(dns_server_new(r->loop, &r->zone, &r->addr, 0, &r->server, &r->port, &err));
}

static void rig_stop(struct rig *r)
{
	dns_server_free(r->server);
	loop_free(r->loop);
	dns_zone_fini(&r->zone);
	arena_fini(&r->arena);
}

static int rig_connect(struct rig *r, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(&r->addr, r->port, &ss);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ASSERT_EQ(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

/* Turns the loop until `want` bytes have come or it has turned 200 times (at most 10 ms each). */
static size_t rig_receive(struct rig *r, int fd, uint8_t *p, size_t want)
{
	size_t got = 0;

	for (int i = 0; i < 200 && got < want; i++) {
		ssize_t n;

		loop_turn(r->loop, 10);
		n = recv(fd, p + got, want - got, MSG_DONTWAIT);
		if (n > 0)
			got += (size_t)n;
	}
	return got;
}

TEST(answers_over_udp_and_ignores_noise)
{
	uint8_t answer[512];
	struct rig r;
	int fd;

	rig_start(&r);
	fd = rig_connect(&r, SOCK_DGRAM);
	ASSERT_EQ(send(fd, "x", 1, 0), 1);
	ASSERT_EQ(send(fd, query, sizeof(query), 0), sizeof(query));
	ASSERT_EQ(rig_receive(&r, fd, answer, sizeof(query) + 16), sizeof(query) + 16);
	ASSERT_EQ(answer[7], 1);
	ASSERT_EQ(memcmp(answer + sizeof(query) + 12, "\x0a\x60\x00\x07", 4), 0);
	close(fd);
	rig_stop(&r);
}

TEST(tcp_takes_several_queries_in_pieces)
{
	uint8_t both[2 * (sizeof(query) + 2)], answer[512];
	size_t one = sizeof(query) + 16 + 2;
	struct rig r;
	int fd;

	rig_start(&r);
	for (size_t i = 0; i < 2; i++) {
		uint8_t *p = both + i * (sizeof(query) + 2);

		p[0] = 0;
		p[1] = sizeof(query);
		memcpy(p + 2, query, sizeof(query));
	}
	fd = rig_connect(&r, SOCK_STREAM);
	ASSERT_EQ(send(fd, both, 1, 0), 1);
	loop_turn(r.loop, 100);
	ASSERT_EQ(send(fd, both + 1, sizeof(both) - 1, 0), (ssize_t)sizeof(both) - 1);
	ASSERT_EQ(rig_receive(&r, fd, answer, 2 * one), 2 * one);
	ASSERT_EQ(answer[1], one - 2);
	close(fd);
	rig_stop(&r);
}

enum {
	DESCRIPTORS = 64,
};

/* Takes all descriptors but one; returns how many. */
static int use_up_descriptors(int fds[DESCRIPTORS])
{
	struct rlimit few = {DESCRIPTORS, DESCRIPTORS};
	int n = 0;

	ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((fds[n] = dup(STDIN_FILENO)) >= 0)
		n++;
	ASSERT_TRUE(n > 0);
	close(fds[--n]);
	return n;
}

TEST(out_of_descriptors_the_longest_idle_makes_room)
{
	uint8_t ask[sizeof(query) + 2] = {0, sizeof(query)}, answer[512];
	size_t want = sizeof(query) + 16 + 2;
	struct dns_server_stats stats = {0};
	struct rig r;
	int fds[DESCRIPTORS], n, idle, fd;

	memcpy(ask + 2, query, sizeof(query));
	rig_start(&r);
	idle = rig_connect(&r, SOCK_STREAM);
	for (int i = 0; i < 200 && !stats.tcp_connections; i++) {
		loop_turn(r.loop, 10);
		dns_server_stats(r.server, &stats);
	}
	n = use_up_descriptors(fds);
	fd = rig_connect(&r, SOCK_STREAM);
	ASSERT_EQ(send(fd, ask, sizeof(ask), 0), (ssize_t)sizeof(ask));
	ASSERT_EQ(rig_receive(&r, fd, answer, want), want);
	ASSERT_EQ(recv(idle, answer, 1, MSG_DONTWAIT), 0);
	close(fd);
	close(idle);
	while (n > 0)
		close(fds[--n]);
	rig_stop(&r);
}

TEST(a_second_server_on_the_port_is_refused)
{
	struct dns_server *other;
	struct rig r;
	struct err err;

	rig_start(&r);
	ASSERT_TRUE(dns_server_new(r.loop, &r.zone, &r.addr, r.port, &other, NULL, &err) < 0);
	ASSERT_TRUE(strstr(err.msg, "Address already in use") != NULL);
	rig_stop(&r);
}
