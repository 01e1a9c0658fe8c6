/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state of the agent that its parts share. Everything runs on the loop.
 *
 * Headers of this room form an order, each includes only those before it; what a part has to tell
 * upward goes by a callback that it was given:
 *
 *	state, place, ask, prober, container     a Pod's containers, from below
 *	session, report, etc                     what else has to do with one Pod
 *	pod                                      joins them
 *	logs, exec, forward, endpoint, node      HTTP; the Node
 *	agent.c                                  joins all
 */

#include "agent/agent.h"
#include "agent/ipam.h"
#include "base/map.h"

struct agent_endpoint;
struct agent_node;
struct client_reflector;
struct link_sock;

struct agent {
	struct agent_config config;
	struct loop *loop;
	struct client *client;
	struct link_sock *links; /* in the node's network namespace */
	struct client_reflector *pods, *services;
	struct agent_ipam ipam[AGENT_FAMILIES];
	size_t n_ipam;
	struct map by_uid; /* struct agent_pod */
	struct map found;  /* uid -> struct agent_sandbox that is on disk and not claimed */
	bool has_services; /* the Services have been listed: environments are complete */
	bool has_pods;
	struct agent_node *node;
	struct agent_endpoint *endpoint;
	size_t n_sessions; /* of clients that are in a Pod (agent/session.h) */
};
