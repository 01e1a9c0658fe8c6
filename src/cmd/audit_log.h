/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of the audit log, with rotation. Lines are gathered and written by a helper thread, so
 * that the loop never waits for the disk; when the disk does not keep up or is full, lines beyond
 * AUDIT_LOG_PENDING_MAX are dropped, counted and told, and the file is tried again.
 */

#include "base/str.h"

struct audit_log;
struct loop;

enum {
	AUDIT_LOG_PENDING_MAX = 16 * 1024 * 1024, /* bytes that wait for the disk */
	AUDIT_LOG_FLUSH_MS = 200,
};

struct audit_log_config {
	const char *path;
	int64_t max_bytes;   /* of a file, then it is rotated; 0: never */
	int64_t max_backups; /* older files PATH.1 (the newest) to PATH.n that are kept */
};

int audit_log_open(struct loop *l, const struct audit_log_config *config, struct audit_log **ret,
		   struct err *err) _nodiscard_;
void audit_log_add(struct audit_log *a, struct str line);
/* Writes what is left; waits for the disk. NULL is fine. */
void audit_log_close(struct audit_log *a);
