/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cmd.h"

#include "api/names.h"
#include "cmd/identity.h"

#include <stdio.h>

enum {
	ENROLL_ADDRS_MAX = 16, /* of one node */
};

static const struct options_entry entries[] = {
	{"data-dir", "DIR", NULL, "The server's, with the CA in its folder pki.", OPTIONS_REQUIRED},
	{"node-name", "NAME", NULL,
	 "Name of the node: the agent's --hostname-override, or its host name.", OPTIONS_REQUIRED},
	{"node-ip", "IP[,IP…]", NULL, "Addresses at which the server calls the agent.",
	 OPTIONS_REQUIRED},
	{"server", "URL", NULL,
	 "Where the agent finds the API server; the URL in DIR/pki/admin.kubeconfig if not given.",
	 0},
	{"output-dir", "DIR", NULL,
	 "Where the files are written; DIR/pki/nodes/NAME of the data directory if not given.", 0},
	{"ca-file", "FILE", NULL,
	 "Certificate of the CA, PEM, with --ca-key-file; that of DIR/pki if not given.", 0},
	{"ca-key-file", "FILE", NULL, "Key of the CA, PEM.", 0},
};

static const struct options_spec spec = {
	.command = "enroll",
	.summary = "makes what the agent of one node needs to join",
	.description =
		"Writes kubeconfig, client.crt, client.key, server.crt, server.key and ca.crt into "
		"a folder that is to be copied to the node's host, for the options --kubeconfig, "
		"--tls-cert-file, --tls-private-key-file and --client-ca-file of 'fairlead agent'. "
		"The node is user system:node:NAME of group system:nodes: it can change its own "
		"objects and read what its Pods name. Run it again before the certificates end (a "
		"year): what is still good stays as it is.",
	.entries = entries,
	.n_entries = ARRAY_LEN(entries),
};

static int parse_addrs(const struct options *o, struct ip_addr *ret, size_t *ret_n, struct err *err)
{
	struct str rest = str_of(options_get(o, "node-ip")), one;
	size_t n = 0;

	while (str_next(&rest, ',', &one)) {
		if (n == ENROLL_ADDRS_MAX)
			return err_set(err, ERR_USAGE, "--node-ip: at most %d", ENROLL_ADDRS_MAX);
		if (ip_parse(one, &ret[n++], err) < 0)
			return err_wrap(err, ERR_USAGE, "--node-ip");
	}
	*ret_n = n;
	return 0;
}

static int run(const struct options *o, struct err *err)
{
	struct ip_addr addrs[ENROLL_ADDRS_MAX];
	const char *data_dir = options_get(o, "data-dir"), *dir = options_get(o, "output-dir");
	struct identity_node node = {
		.name = options_get(o, "node-name"),
		.addrs = addrs,
		.server = options_get(o, "server"),
		.ca_cert = options_get(o, "ca-file"),
		.ca_key = options_get(o, "ca-key-file"),
	};
	int r = parse_addrs(o, addrs, &node.n_addrs, err);

	if (r < 0)
		return r;
	if (!api_name_is(api_name_dns1123_subdomain, str_of(node.name)))
		return err_set(err, ERR_USAGE,
			       "--node-name: '%s' must be lower case letters, digits, '-' and '.', "
			       "as the name of a Node is",
			       node.name);
	r = identity_enroll(data_dir, &node, dir, err);
	if (r < 0)
		return r;
	if (dir)
		printf("%s\n", dir);
	else
		printf("%s/pki/nodes/%s\n", data_dir, node.name);
	return 0;
}

const struct cmd_verb cmd_enroll = {&spec, run};
