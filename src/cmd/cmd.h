/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The verbs of the program: `fairlead VERB …`. Each is one file cmd/<verb>.c with an option table
 * and a run function; cmd/main.c has the table of verbs. This room is the only one that may see all
 * others: it parses options, wires parts together and runs them.
 *
 * A run function gets its parsed options, owns the process until it returns, and returns the exit
 * status: 0, or, with *err set, a negative code that main shows and turns into a status
 * (err_exit_status).
 */

#include "cli/options.h"

struct cmd_verb {
	const struct options_spec *spec;
	int (*run)(const struct options *o, struct err *err);
};

/* One line for each cmd/<verb>.c: extern const struct cmd_verb cmd_<verb>; in help's order. */
extern const struct cmd_verb cmd_server;
extern const struct cmd_verb cmd_proxy;
extern const struct cmd_verb cmd_dns;
extern const struct cmd_verb cmd_agent;
extern const struct cmd_verb cmd_enroll;
extern const struct cmd_verb cmd_lab;
extern const struct cmd_verb cmd_respond;
extern const struct cmd_verb cmd_pause;
