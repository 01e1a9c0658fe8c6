/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Processes by id, safely: an id is reused by the kernel, the pair (id, start time) is not. And
 * local packet sockets at paths of any length.
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/* When the process started, in clock ticks since boot (proc(5), stat field 22). ERR_NOT_FOUND when
 * there is none, or it has ended and only waits to be reaped. */
int agent_process_start(pid_t pid, uint64_t *ret, struct err *err) _nodiscard_;
bool agent_process_is(pid_t pid, uint64_t start);
/* "PID START\n", as the pause writes it. */
int agent_process_read(const char *path, pid_t *ret_pid, uint64_t *ret_start,
		       struct err *err) _nodiscard_;

/* A listening (connected) SOCK_SEQPACKET socket at `path`, which may be longer than sun_path. */
int agent_process_listen(const char *path, struct err *err) _nodiscard_;
int agent_process_connect(const char *path, struct err *err) _nodiscard_;

/* Removes a directory and all in it; absent is fine. Does not follow links. */
int agent_process_remove_tree(const char *path, struct err *err) _nodiscard_;
/* Like mkdir -p with mode 0700 for new folders. */
int agent_process_make_dirs(const char *path, struct err *err) _nodiscard_;
