/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `fairlead lab setup`: what the supervisor runs once inside the lab, when the server is there:
 * certificates of the agents, the Service of the cluster's DNS, then waiting until the nodes are
 * Ready and every one of them resolves a name through the DNS Service. */

#include "cmd/cmd.h"

extern const struct options_spec cmd_lab_setup_spec;
int cmd_lab_setup(const struct options *o, struct err *err);
