/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "agent/agent.h"
#include "base/log.h"
#include "client/client.h"
#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <unistd.h>

static const struct options_entry entries[] = {
	{"kubeconfig", "FILE", NULL, "How to reach the API server.", OPTIONS_REQUIRED},
	{"hostname-override", "NAME", NULL, "Name of this node; the host name if not given.", 0},
	{"state-dir", "DIR", "/var/lib/fairlead/agent",
	 "Where what is needed to find running Pods again is kept.", 0},
	{"node-ip", "IP[,IP]", NULL, "Internal addresses of this node, one a family.",
	 OPTIONS_REQUIRED},
	{"node-external-ip", "IP[,IP]", NULL, "External addresses of this node, one a family.", 0},
	{"pod-cidr", "CIDR[,CIDR]", NULL,
	 "Ranges of this node's Pods, one a family; those of the Node object if not given.", 0},
	{"zone", "NAME", NULL, "Value of the label topology.kubernetes.io/zone.", 0},
	{"node-labels", "KEY=VALUE", NULL, "A label of the Node object. May be repeated.",
	 OPTIONS_REPEAT},
	{"cluster-dns", "IP[,IP]", NULL,
	 "Name servers of Pods; they get the node's own /etc/resolv.conf if not given.", 0},
	{"cluster-domain", "NAME", "cluster.local", "Domain of the cluster's names.", 0},
	{"routes", NULL, "true",
	 "Set routes to the other nodes' ranges through their internal addresses.", 0},
	{"address", "IP", NULL,
	 "Where logs, health and metrics are served; the first node address if not given.", 0},
	{"port", "PORT", "10250", "Port of that; 0: none.", 0},
	{"tls-cert-file", "FILE", NULL, "Certificate of that; clear text if not given.", 0},
	{"tls-private-key-file", "FILE", NULL, "Key of the certificate.", 0},
	{"client-ca-file", "FILE", NULL,
	 "CA of the certificates with which clients may read logs; anyone may if not given.", 0},
	{"log-level", "LEVEL", "info", "error, warning, info or debug.", 0},
};

static const struct options_spec spec = {
	.command = "agent",
	.summary = "runs the Pods that are bound to this node",
	.description =
		"Each Pod is a set of processes of this machine in namespaces of its own. A "
		"container with a command runs it on the host's file system; one without runs "
		"'fairlead respond' on its ports. Pods outlive the agent; a new one takes them "
		"over. Needs root, or a user namespace with a network namespace in it.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

static int addrs(const struct options *o, const char *name, size_t max, struct ip_addr *ret,
		 size_t *ret_n, struct err *err)
{
	struct str rest = str_of(options_get(o, name)), one;
	size_t n = 0;
	int r;

	while (str_next(&rest, ',', &one)) {
		if (n == max)
			return err_set(err, ERR_USAGE, "--%s: at most %zu", name, max);
		r = ip_parse(one, &ret[n++], err);
		if (r < 0)
			return err_wrap(err, ERR_USAGE, "--%s", name);
	}
	*ret_n = n;
	return 0;
}

static int prefixes(const struct options *o, const char *name, struct ip_prefix *ret, size_t *ret_n,
		    struct err *err)
{
	struct str rest = str_of(options_get(o, name)), one;
	size_t n = 0;

	while (str_next(&rest, ',', &one)) {
		if (n == AGENT_FAMILIES)
			return err_set(err, ERR_USAGE, "--%s: at most %d", name, AGENT_FAMILIES);
		if (ip_prefix_parse(one, &ret[n++], err) < 0)
			return err_wrap(err, ERR_USAGE, "--%s", name);
	}
	*ret_n = n;
	return 0;
}

static int read_addresses(const struct options *o, struct agent_config *c, struct err *err)
{
	int r = addrs(o, "node-ip", AGENT_FAMILIES, c->internal, &c->n_internal, err);

	if (r == 0)
		r = addrs(o, "node-external-ip", AGENT_FAMILIES, c->external, &c->n_external, err);
	if (r == 0)
		r = addrs(o, "cluster-dns", AGENT_DNS_MAX, c->dns, &c->n_dns, err);
	if (r == 0)
		r = prefixes(o, "pod-cidr", c->pod_cidrs, &c->n_pod_cidrs, err);
	if (r == 0 && options_is_given(o, "address"))
		r = options_addr(o, "address", &c->bind, err);
	else if (r == 0 && c->n_internal)
		c->bind = c->internal[0];
	return r;
}

static int read_config(const struct options *o, struct agent_config *c, struct err *err)
{
	static char host[HOST_NAME_MAX + 1], program[PATH_MAX], state[PATH_MAX];
	enum log_level level;
	const char *label;
	int64_t port;
	ssize_t n;
	int r;

	if ((r = log_level_parse(options_get(o, "log-level"), &level, err)) < 0)
		return r;
	log_set_level(level);
	*c = (struct agent_config){.node_name = options_get(o, "hostname-override"),
				   .zone = options_get(o, "zone"),
				   .domain = options_get(o, "cluster-domain"),
				   .has_routes = options_switch(o, "routes"),
				   .cert_file = options_get(o, "tls-cert-file"),
				   .key_file = options_get(o, "tls-private-key-file"),
				   .client_ca_file = options_get(o, "client-ca-file"),
				   .program = program,
				   .state_dir = state};
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n < 0)
		return err_sys(err, errno, "find this program's file");
	if (!c->node_name && gethostname(host, sizeof(host) - 1) == 0)
		c->node_name = host;
	while ((label = options_nth(o, "node-labels", c->n_labels))) {
		if (c->n_labels == AGENT_LABELS_MAX)
			return err_set(err, ERR_USAGE, "--node-labels: at most %d",
				       AGENT_LABELS_MAX);
		c->labels[c->n_labels++] = label;
	}
	/* Containers start in other folders: paths in their descriptions are whole ones. */
	if (options_get(o, "state-dir")[0] != '/')
		return err_set(err, ERR_USAGE, "--state-dir '%s': must begin with '/'",
			       options_get(o, "state-dir"));
	snprintf(state, sizeof(state), "%s", options_get(o, "state-dir"));
	if ((r = options_int(o, "port", 0, 65535, &port, err)) < 0)
		return r;
	c->port = (uint16_t)port;
	return read_addresses(o, c, err);
}

static void stop(void *ctx, int signo)
{
	loop_stop(ctx);
}

static int serve(struct loop *l, const struct options *o, const struct agent_config *c,
		 struct err *err)
{
	struct loop_signal *term = NULL, *intr = NULL;
	struct client *client = NULL;
	struct agent *agent = NULL;
	int r = loop_signal_new(l, SIGTERM, stop, l, &term, err);

	if (r == 0)
		r = loop_signal_new(l, SIGINT, stop, l, &intr, err);
	if (r == 0)
		r = client_kubeconfig_open(l, options_get(o, "kubeconfig"), "fairlead-agent",
					   &client, err);
	if (r == 0)
		r = agent_new(l, client, c, &agent, err);
	if (r == 0)
		loop_run(l);
	agent_free(agent);
	if (client)
		client_free(client);
	if (intr)
		loop_signal_close(intr);
	if (term)
		loop_signal_close(term);
	return r;
}

static int run(const struct options *o, struct err *err)
{
	struct agent_config c;
	struct loop *l;
	int r = read_config(o, &c, err);

	if (r < 0)
		return r;
	signal(SIGPIPE, SIG_IGN);
	l = loop_new();
	r = serve(l, o, &c, err);
	loop_free(l);
	return r;
}

const struct cmd_verb cmd_agent = {.spec = &spec, .run = run};
