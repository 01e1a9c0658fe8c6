/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of a TCP connection, to several destinations in turn: bench_connect ROUNDS N LISTEN_PORT
 * ADDR:PORT...
 *
 * One process accepts on LISTEN_PORT of every address, one connects; both on CPU 0, so that the
 * rate is one over the CPU of both. Each round makes N connections to each destination; a line a
 * destination tells the median over rounds of the median connect() in µs and of the CPU a
 * connection in µs.
 */
#include "base/ip.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS_MAX = 101,
	TARGETS_MAX = 16
};

struct target {
	const char *text;
	struct sockaddr_in addr;
	double p50_us[ROUNDS_MAX], cpu_us[ROUNDS_MAX];
};

static double now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static _noreturn_ void die(const char *what)
{
	perror(what);
	exit(1);
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	IGNORE(sched_setaffinity(0, sizeof(set), &set), "unpinned figures are only noisier");
}

static pid_t serve(uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int c = accept(fd, NULL, NULL);

			if (c >= 0)
				close(c);
		}
	}
	close(fd);
	return pid;
}

static double cpu_of(pid_t pid)
{
	clockid_t id;

	return clock_getcpuclockid(pid, &id) == 0 ? now_us(id) : 0;
}

static void round_of(struct target *t, int round, size_t n, pid_t server, double *us)
{
	struct linger reset = {1, 0};
	double cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) + cpu_of(server);

	for (size_t i = 0; i < n; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		double start = now_us(CLOCK_MONOTONIC);

		if (connect(fd, (struct sockaddr *)&t->addr, sizeof(t->addr)) < 0)
			die(t->text);
		us[i] = now_us(CLOCK_MONOTONIC) - start;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
	t->cpu_us[round] = (now_us(CLOCK_PROCESS_CPUTIME_ID) + cpu_of(server) - cpu) / (double)n;
	qsort(us, n, sizeof(*us), by_value);
	t->p50_us[round] = us[n / 2];
}

static void parse_target(char *text, struct target *t)
{
	struct str rest = str_of(text), host;
	struct ip_addr addr;
	uint64_t port;

	if (!str_next(&rest, ':', &host) || ip_parse(host, &addr, NULL) < 0 ||
	    str_to_u64(rest, 1, 65535, &port, NULL) < 0)
		die(text);
	t->text = text;
	t->addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	t->addr.sin_addr.s_addr = htonl(ip_to_v4(&addr));
}

int main(int argc, char **argv)
{
	static struct target targets[TARGETS_MAX];
	uint64_t rounds, n, port;
	size_t n_targets = 0;
	double *us;
	pid_t server;

	if (argc < 5 || argc - 4 > TARGETS_MAX ||
	    str_to_u64(str_of(argv[1]), 1, ROUNDS_MAX, &rounds, NULL) < 0 ||
	    str_to_u64(str_of(argv[2]), 1, 1000000, &n, NULL) < 0 ||
	    str_to_u64(str_of(argv[3]), 1, 65535, &port, NULL) < 0) {
		fprintf(stderr, "usage: bench_connect ROUNDS N LISTEN_PORT ADDR:PORT...\n");
		return 2;
	}
	for (int i = 4; i < argc; i++)
		parse_target(argv[i], &targets[n_targets++]);
	pin();
	server = serve((uint16_t)port);
	us = mem_xarray(n, sizeof(*us));
	for (uint64_t r = 0; r < rounds; r++)
		for (size_t i = 0; i < n_targets; i++)
			round_of(&targets[i], (int)r, n, server, us);
	for (size_t i = 0; i < n_targets; i++) {
		struct target *t = &targets[i];

		qsort(t->p50_us, rounds, sizeof(double), by_value);
		qsort(t->cpu_us, rounds, sizeof(double), by_value);
		printf("%s %.2f %.2f\n", t->text, t->p50_us[rounds / 2], t->cpu_us[rounds / 2]);
	}
	free(us);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
