/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Processes by id, safely: an id is reused by the kernel, the pair (id, start time) is not. */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/* When the process started, in clock ticks since boot (proc(5), stat field 22). ERR_NOT_FOUND when
 * there is none, or it has ended and only waits to be reaped. */
int process_start(pid_t pid, uint64_t *ret, struct err *err) _nodiscard_;
bool process_is(pid_t pid, uint64_t start);

/* A file "PID START\n"; written as fd_write_file does it. */
int process_write(const char *path, pid_t pid, unsigned mode, struct err *err) _nodiscard_;
int process_read(const char *path, pid_t *ret_pid, uint64_t *ret_start,
		 struct err *err) _nodiscard_;
