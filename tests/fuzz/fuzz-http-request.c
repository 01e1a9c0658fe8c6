/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client to the server's session, through a socket pair. The first byte picks what goes
 * before the rest: nothing, or the HTTP/2 preface and empty SETTINGS; and whether the handler
 * answers at once or at the end.
 */
#include "base/fd.h"
#include "http/server-internal.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

static struct http_exchange *held;
static bool is_slow;

static void closed(struct http_exchange *x)
{
	if (held == x)
		held = NULL;
}

static void handle(void *ctx _unused_, struct http_exchange *x)
{
	struct str v = http_query(&x->arena, x->req.query, "watch", 0);
	struct bytes *b = bytes_dup(str_is_set(v) ? v : x->req.body);

	IGNORE(http_unescape(&x->arena, x->req.path, false, &v, NULL), "a bad path is as good");
	x->on_close = closed;
	if (is_slow && !held) {
		http_begin(x, 200, NULL, 0);
		http_write(x, b);
		held = x;
	} else {
		http_reply(x, 200, "text/plain", b);
	}
	bytes_unref(b);
}

static void drop(int fd)
{
	char text[65536];

	while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_peer peer = {0};
	struct http_server_stats stats;
	struct http_server *s;
	struct loop *l;
	int fds[2];

	if (size < 1 || size > 60000 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return 0;
	l = loop_new();
	is_slow = data[0] & 2;
	held = NULL;
	if (http_server_new(l, NULL, handle, NULL, &s, NULL) < 0)
		abort();
	http_server_adopt(s, fds[0], &peer);
	if (data[0] & 1)
		IGNORE(send(fds[1], preface, sizeof(preface) - 1, MSG_NOSIGNAL), "as it goes");
	/* In two parts, so that the seam is anywhere. */
	IGNORE(send(fds[1], data + 1, (size - 1) / 2, MSG_NOSIGNAL), "as it goes");
	loop_turn(l, 0);
	IGNORE(send(fds[1], data + 1 + (size - 1) / 2, size - 1 - (size - 1) / 2, MSG_NOSIGNAL),
	       "as it goes");
	for (int i = 0; i < 4; i++) {
		loop_turn(l, 0);
		drop(fds[1]);
	}
	if (held) {
		http_end(held);
		held = NULL;
		loop_turn(l, 0);
	}
	fd_close(fds[1]);
	loop_turn(l, 0);
	http_server_stats(s, &stats);
	if (stats.open_streams > HTTP_STREAMS_MAX)
		abort();
	http_server_free(s);
	loop_free(l);
	return 0;
}
