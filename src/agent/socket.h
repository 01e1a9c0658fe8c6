/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Local packet sockets (SOCK_SEQPACKET) at paths of any length, also longer than sun_path; and the
 * packets that wait until such a socket has room again: the agent and its pauses each keep them for
 * the other, so that nothing is lost while one of the two is slow, and neither waits for the other.
 * A queue is bounded: a peer that does not read at all is an error, told to whoever has something
 * to say to it.
 */

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

enum {
	AGENT_SOCKET_FDS = 3,              /* descriptors that come with a packet, or none */
	AGENT_SOCKET_QUEUE_PACKETS = 4096, /* waiting for one socket … */
	AGENT_SOCKET_QUEUE_BYTES = 4 * 1024 * 1024, /* … and their bytes */
};

struct agent_socket_queue {
	struct list_node packets;
	size_t n, bytes;
};

/* A listening, a connected one; the second never waits: -EAGAIN when nobody has accepted the
 * connections before. Return the descriptor. */
int agent_socket_listen(const char *path, struct err *err) _nodiscard_;
int agent_socket_connect(const char *path, struct err *err) _nodiscard_;

void agent_socket_queue_init(struct agent_socket_queue *q);
void agent_socket_queue_fini(struct agent_socket_queue *q); /* drops what waits; usable again */
bool agent_socket_queue_is_empty(const struct agent_socket_queue *q);

/* Sends the packet behind all that waits, or keeps a copy until agent_socket_flush can. fds: NULL,
 * or three that stay the caller's. ERR_LIMIT when the queue is full; -errno when the peer is gone.
 */
int agent_socket_send(struct agent_socket_queue *q, int sock, struct str packet, const int *fds,
		      struct err *err) _nodiscard_;
/* To be called when the socket is writable. Negative errno: the peer is gone. */
int agent_socket_flush(struct agent_socket_queue *q, int sock, struct err *err) _nodiscard_;
