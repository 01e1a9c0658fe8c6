/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The processes that a pause runs: containers and execs (agent/pause.h tells the protocol). Used by
 * agent/pause.c alone; single-threaded, no event loop, small: there is one for each Pod.
 */

#include "agent/socket.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/str.h"
#include "base/vec.h"

#include <sys/types.h>

enum agent_task_run {
	AGENT_TASK_RUNNING,
	AGENT_TASK_ENDED,
	AGENT_TASK_FAILED,
};

struct agent_task {
	struct list_node link;
	char *name; /* container */
	char *id;   /* of an exec; NULL: the container itself */
	int run;
	enum agent_task_run state;
	pid_t pid;
	int status; /* as from waitpid */
	char *failure;
	int64_t started_ns, finished_ns;
	int pipe[2];        /* standard output, standard error; -1: closed */
	struct buf line[2]; /* begun and not ended */
	int input;          /* the FIFO of its standard input, held open; -1: none */
	char *input_path;
	int log;
	char *log_path;
	size_t log_len;
};

struct agent_tasks {
	const char *dir;
	struct list_node list;
	size_t n;
	int conn;                        /* to the agent; -1: none */
	struct agent_socket_queue queue; /* to the agent: it may be slow */
};

void agent_tasks_init(struct agent_tasks *ts, const char *dir);
/* The connection to an agent, in place of the one before; -1: none. Takes the descriptor. What
 * waits for the agent before is dropped: the new one asks ("list"). */
void agent_tasks_set_agent(struct agent_tasks *ts, int conn);
void agent_tasks_flush(struct agent_tasks *ts); /* the connection is writable */
/* A message of the agent. What makes no sense is ignored: the agent is trusted, but may be of
 * another version. `fds` are an exec's, -1 where there is none, and stay the caller's. */
void agent_tasks_command(struct agent_tasks *ts, struct str msg, const int fds[3]);
void agent_tasks_ended(struct agent_tasks *ts, pid_t pid, int status);
void agent_tasks_output(struct agent_tasks *ts, int fd);
