/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Local packet sockets (SOCK_SEQPACKET) at paths of any length, also longer than sun_path. */

#include "base/err.h"

/* A listening, a connected one. Return the descriptor. */
int agent_socket_listen(const char *path, struct err *err) _nodiscard_;
int agent_socket_connect(const char *path, struct err *err) _nodiscard_;
