/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The lab's namespaces and the wires between them. The caller is the supervisor, already in its own
 * network namespace, which becomes the router.
 */

#include "base/vec.h"
#include "lab/plan.h"

#include <sys/types.h>

struct lab_space {
	char name[LAB_NAME_MAX];
	pid_t pid;      /* its holder; the router's is the supervisor */
	int netns, uts; /* descriptors of its namespaces */
};

struct lab_spaces {
	VEC(struct lab_space) all; /* router, server, client, node1 … */
	bool has_v6;               /* this kernel has IPv6 */
};

/* Makes them all, wired and routed. What is not permitted (a sysctl inside a user namespace) and
 * can be done without is said on standard error. */
int lab_topology_make(struct lab_spaces *s, unsigned nodes, struct err *err) _nodiscard_;
struct lab_space *lab_topology_find(struct lab_spaces *s, const char *name);
