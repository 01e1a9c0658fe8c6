/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "agent/pause.h"

#include <unistd.h>

static const struct options_entry entries[] = {
	{"dir", "DIR", NULL, "The Pod's directory, made by the agent.", OPTIONS_REQUIRED},
	{"hostname", "NAME", NULL, "Host name in the Pod's UTS namespace.", 0},
	{"host-network", NULL, NULL, "Stay in the node's network and UTS namespaces.", 0},
};

static const struct options_spec spec = {
	.command = "pause",
	.summary = "holds a Pod's namespaces and is the parent of its processes",
	.description =
		"Started by 'fairlead agent' for each Pod; of no use to people. The Pod lives "
		"as long as it.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

static int run(const struct options *o, struct err *err)
{
	struct agent_pause_config c = {
		.dir = options_get(o, "dir"),
		.hostname = options_get(o, "hostname"),
		.has_host_network = options_switch(o, "host-network"),
	};

	int r = agent_pause_run(&c, err);

	/* Its children belong to another PID namespace now, so it can make no thread any more; what
	 * runs at exit may want one (a leak check waits for it for ever). */
	if (r == 0)
		_exit(0);
	return r;
}

const struct cmd_verb cmd_pause = {.spec = &spec, .run = run};
