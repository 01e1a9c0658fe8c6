/* SPDX-License-Identifier: Apache-2.0 */

/* An etcd of its own for each test: $ETCD, or the one in PATH. */

#include "base/fd.h"
#include "base/rand.h"
#include "store/etcd/etcd.h"
#include "tests/conformance/store/util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	STARTS_MAX = 5, /* a port may be taken by another before etcd listens there */
};

static const char *find_etcd(void)
{
	static char path[4096];
	const char *name = getenv("ETCD");
	struct str rest = str_of(getenv("PATH")), folder;

	if (name && name[0])
		return name;
	while (str_next(&rest, ':', &folder)) {
		snprintf(path, sizeof(path), "%.*s/etcd", STR_ARG(folder));
		if (access(path, X_OK) == 0)
			return path;
	}
	test_skip("no etcd in PATH (Debian: etcd-server)");
}

static unsigned free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_TRUE(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
		    getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	close(fd);
	return ntohs(a.sin_port);
}

static pid_t start_etcd(const char *etcd, const char *dir, const char *client, const char *peer)
{
	char data[4096], log[4096], cluster[256];
	pid_t parent = getpid(), pid;

	snprintf(data, sizeof(data), "%s/etcd", dir);
	snprintf(log, sizeof(log), "%s/log", dir);
	snprintf(cluster, sizeof(cluster), "t=%s", peer);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl(etcd, "etcd", "--name", "t", "--data-dir", data, "--listen-client-urls", client,
	      "--advertise-client-urls", client, "--listen-peer-urls", peer,
	      "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster,
	      "--max-request-bytes", "8388608", (char *)NULL);
	_exit(127);
}

struct first {
	bool is_done;
	int r;
};

static void first_fn(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct first *f = ctx;

	f->is_done = true;
	f->r = r;
}

/* The store once etcd answers it; NULL: it does not. */
static struct store *try_open(struct loop *l, const char *url)
{
	struct etcd_config config = {.servers = url, .prefix = STR("/")};
	int64_t end = clock_mono_ms(&clock_system) + DEADLINE_MS;
	struct store *s;
	struct err err;
	struct first first = {.r = -1};

	ASSERT_OK(etcd_open(l, &config, &s, &err));
	while (first.r < 0 && clock_mono_ms(&clock_system) < end) {
		first.is_done = false;
		store_range(s, STR("/"), (struct str){0}, 1, 0, first_fn, &first);
		while (!first.is_done)
			loop_turn(l, 100);
	}
	if (first.r == 0)
		return s;
	store_close(s);
	return NULL;
}

static char client_url[64]; /* of the etcd that has been started */

struct store *backend_open(struct loop *l)
{
	const char *etcd = find_etcd(), *dir = test_tmpdir();

	for (unsigned i = 0; i < STARTS_MAX; i++) {
		char peer[64];
		struct store *s;
		pid_t pid;

		snprintf(client_url, sizeof(client_url), "http://127.0.0.1:%u", free_port());
		snprintf(peer, sizeof(peer), "http://127.0.0.1:%u", free_port());
		pid = start_etcd(etcd, dir, client_url, peer);
		s = try_open(l, client_url);
		if (s && waitpid(pid, NULL, WNOHANG) == 0)
			return s;
		if (s) /* of an etcd that is not ours */
			store_close(s);
	}
	test_fail(__FILE__, __LINE__, "etcd does not start: see %s/log", dir);
}

struct store *backend_open_again(struct loop *l)
{
	struct store *s = try_open(l, client_url);

	ASSERT_TRUE(s);
	return s;
}
