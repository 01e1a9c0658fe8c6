/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The certificates of a cluster, in DIR/pki: its CA, the server's own, and one for each part that
 * calls the server, with a kubeconfig beside it (DIR/pki/<part>.kubeconfig). Made on first start;
 * made anew when they near their end or when names and addresses have changed.
 *
 * Each node is somebody of its own, system:node:NAME, because the server lets it see and change
 * what concerns it only (access/node.h). What its agent needs is in one folder, to be copied to its
 * host; only who has the CA's key can make one.
 */

#include "base/ip.h"
#include "base/vec.h"

struct identity {
	struct arena arena;
	const char *ca_cert, *ca_key;
	const char *server_cert, *server_key;
	const char *agent_cert, *agent_key; /* with which the server calls agents */
	const char *admin_cert, *admin_key;
};

struct identity_names {
	const char *const *dns; /* NULL-terminated, besides kubernetes… and localhost */
	const struct ip_addr *addrs;
	size_t n_addrs;
	const char *ca_cert, *ca_key; /* both: a CA that is there; NULL: DIR/pki/ca.* */
};

int identity_open(const char *data_dir, const struct identity_names *names, struct identity *ret,
		  struct err *err) _nodiscard_;
void identity_fini(struct identity *id);

struct identity_node {
	const char *name; /* of the Node object */
	const struct ip_addr *addrs;
	size_t n_addrs;
	const char *server;           /* URL; NULL: the one in DIR/pki/admin.kubeconfig */
	const char *ca_cert, *ca_key; /* as in identity_names */
};

enum {
	IDENTITY_NODE_MAX = 52, /* bytes of a name: with its prefix it is a common name, X.520 */
};

/* Makes, or makes anew, the files of a node in `dir` (NULL: DIR/pki/nodes/NAME): kubeconfig, its
 * certificate (client.*), the one that its agent shows (server.*), ca.crt. The kubeconfig is the
 * last one. */
int identity_enroll(const char *data_dir, const struct identity_node *node, const char *dir,
		    struct err *err) _nodiscard_;

/* The kubeconfigs of the parts (`server`: their URL) and, unless NULL, the admin's at admin_path.
 */
int identity_write_kubeconfigs(const struct identity *id, const char *data_dir, const char *server,
			       const char *admin_path, const char *admin_server,
			       struct err *err) _nodiscard_;
