/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `fairlead pause`: the process that holds a Pod's namespaces, and the parent of all its
 * processes. The agent starts one for each Pod and talks to it over a socket; so an agent may be
 * killed and replaced while Pods run on, their output is still written and no exit status is lost.
 *
 * It is process 1 of the Pod's PID namespace: when it ends, the kernel ends the Pod. It starts
 * containers, writes what they print to log files (rotated at AGENT_LOG_MAX), reaps, and remembers
 * how each container's last run went. It decides nothing: when to start again, what a probe's
 * result means, when to kill is the agent's business.
 *
 * Protocol: one message a packet (SOCK_SEQPACKET at DIR/pause.sock), a message is a list of
 * strings that each end in NUL. The newest connection gets the answers.
 *
 *	to the pause                       from the pause
 *	start NAME RUN                     running NAME RUN STARTED_NS
 *	signal NAME SIGNO                  ended NAME RUN STARTED_NS FINISHED_NS EXIT SIGNAL
 *	exec ID NAME ARG…                  failed NAME RUN TEXT          (it could not be started)
 *	cancel ID                          done ID EXIT SIGNAL           (an exec; EXIT -1: and
 *TEXT) close NAME                         (of its standard input) list one running/ended/failed for
 *each container, then "listed"
 *
 * An exec may come with three descriptors (SCM_RIGHTS), which become its standard input, output and
 * error; a terminal becomes its controlling one. Without them it has /dev/null.
 *
 * The container is described by the file DIR/container/NAME: "cwd", "log" (a folder for RUN.log),
 * "stdin" (a FIFO that is made and is its standard input; without, that is /dev/null), "arg" and
 * "env" entries, each a key and a value that end in NUL. The pause holds the FIFO open, so that
 * those who write come and go; after "close" it has no end but theirs.
 *
 * Log lines are in the CRI's form: TIME stdout|stderr F|P TEXT (P: the line goes on).
 */

#include "base/err.h"

enum {
	AGENT_PAUSE_MESSAGE_MAX = 65536,    /* bytes of a message */
	AGENT_PAUSE_SPEC_MAX = 4 * 1048576, /* bytes of DIR/container/NAME */
	AGENT_PAUSE_TASKS_MAX = 1024,       /* containers and execs of one Pod */
	AGENT_LOG_MAX = 10 * 1048576,       /* bytes of a log file; then it becomes RUN.log.1 */
	AGENT_LOG_LINE_MAX = 16384, /* bytes of a line's text; a longer one is cut in parts */
};

struct agent_pause_config {
	const char *dir;      /* the Pod's directory */
	const char *hostname; /* NULL: the node's */
	bool has_host_network;
};

/* Makes the namespaces, leaves the pause running in them, its id and start time in DIR/pid, and
 * returns in the caller, who is to exit then. Files in DIR/etc are mounted over those in /etc. */
int agent_pause_run(const struct agent_pause_config *c, struct err *err) _nodiscard_;
