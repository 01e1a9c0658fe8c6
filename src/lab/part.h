/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A part of the lab: a process in one of its spaces that is started again when it ends, with a
 * pause that doubles from 100 ms to 5 s or what is asked for (a run of 10 s is forgiven
 * everything), and whose output goes to a log file.
 */

#include "base/vec.h"
#include "lab/topology.h"

enum {
	LAB_PART_ARGS_MAX = 32,
	LAB_PART_BACKOFF_MS = 100,
	LAB_PART_BACKOFF_MAX_MS = 5000,
	LAB_PART_FORGIVE_MS = 10000,
};

struct lab_part {
	char name[32]; /* "agent-node1" */
	char space[LAB_NAME_MAX];
	const char *argv[LAB_PART_ARGS_MAX]; /* in the owner's arena */
	const char *wait_for;                /* a file that must be there first; NULL: none */
	int listener;                        /* handed over by LISTEN_FDS; -1: none */
	bool is_once;                        /* done when it has ended with 0 */
	bool is_done;
	pid_t pid; /* 0: does not run */
	int restarts;
	int64_t started_ms, due_ms, backoff_ms;
	int64_t backoff_max_ms; /* 0: LAB_PART_BACKOFF_MAX_MS */
};

/* Starts it. Its log is STATE/log/NAME.log. */
int lab_part_start(struct lab_part *p, const struct lab_space *space, const char *state_dir,
		   int64_t now_ms, struct err *err) _nodiscard_;
void lab_part_ended(struct lab_part *p, int status, int64_t now_ms);
/* It does not run and should. */
bool lab_part_is_due(const struct lab_part *p, int64_t now_ms);
