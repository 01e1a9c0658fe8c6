/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A container's log as the pause writes it (agent/pause.h): RUN.log and, once that was rotated, the
 * older RUN.log.1 beside it. Read as a person wants it: the text alone or with times, from the last
 * lines or a time on, a number of bytes at most; and what is added later, across rotations. Files
 * only: who asks and where the text goes is agent/logs.c.
 *
 * A reader who is slower than two rotations loses what was rotated away meanwhile.
 */

#include "base/buf.h"
#include "base/clock.h"

enum {
	AGENT_LOG_TURN = 4 * 1024 * 1024, /* bytes read by one agent_log_file_more */
};

struct agent_log_file {
	char *path; /* of RUN.log */
	int fd;
	bool has_times;
	char since[CLOCK_RFC3339_MAX]; /* lines of before are left out; "": none is */
	bool is_inside[2];  /* a line of stdout, of stderr that goes on: its time was given */
	uint64_t left;      /* bytes of text that may still be given; UINT64_MAX: all */
	struct buf line;    /* begun, its end not read yet */
	struct buf *errors; /* gets what came on stderr; NULL: it is given with the rest */
};

/* `limit`: bytes of text in all; UINT64_MAX: no limit. ERR_NOT_FOUND when there is no such log. */
int agent_log_file_open(struct agent_log_file *f, const char *path, bool has_times, uint64_t limit,
			struct err *err) _nodiscard_;
/* Only what was printed at this time (wall clock) or later. To be called before what follows. */
void agent_log_file_since(struct agent_log_file *f, int64_t wall_ns);
void agent_log_file_close(struct agent_log_file *f);

/* Adds those of the last `tail` lines (UINT64_MAX: all) of what is there that are not too old to
 * *out. To be called first. */
void agent_log_file_all(struct agent_log_file *f, uint64_t tail, struct buf *out);
/* Adds what has come since, up to AGENT_LOG_TURN; false when nothing has. */
bool agent_log_file_more(struct agent_log_file *f, struct buf *out);
