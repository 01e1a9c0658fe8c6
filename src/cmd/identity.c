/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/identity.h"

#include "access/access.h"
#include "base/fd.h"
#include "cmd/kubeconfig.h"
#include "http/pki.h"

#include <errno.h>
#include <unistd.h>

enum {
	LEAF_DAYS = 365,
	CA_FILE_MAX = 64 * 1024, /* bytes of the CA's certificate */
};

/* Who calls the server, and as whom: name of the files, common name, organization. Nodes have names
 * of their own (identity_enroll). The last is the server itself when it calls agents: they know its
 * name, and it opens no API server. */
static const struct part {
	const char *name, *user, *group;
} parts[] = {
	{"admin", "kubernetes-admin", "system:masters"},
	{"proxy", "system:kube-proxy", "system:node-proxiers"},
	{"dns", "system:cluster-dns", "system:cluster-dns"},
	{"lb", "system:load-balancer", "system:load-balancers"},
	{"agent-client", ACCESS_USER_TO_AGENTS, NULL},
};

static const char *path_of(struct identity *id, const char *dir, const char *name,
			   const char *suffix)
{
	return str_printf(&id->arena, "%s/pki/%s.%s", dir, name, suffix).ptr;
}

static int make_server_leaf(const struct identity *id, const struct identity_names *names,
			    struct err *err)
{
	VEC(const char *) dns = {0};
	struct http_pki_leaf leaf = {.common_name = "kube-apiserver",
				     .addrs = names->addrs,
				     .n_addrs = names->n_addrs,
				     .is_server = true,
				     .days = LEAF_DAYS};
	static const char *const always[] = {"kubernetes", "kubernetes.default",
					     "kubernetes.default.svc",
					     "kubernetes.default.svc.cluster.local", "localhost"};
	int r;

	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		*vec_push(&dns) = always[i];
	for (size_t i = 0; names->dns && names->dns[i]; i++)
		*vec_push(&dns) = names->dns[i];
	*vec_push(&dns) = NULL;
	leaf.dns_names = dns.ptr;
	r = http_pki_leaf(id->ca_cert, id->ca_key, id->server_cert, id->server_key, &leaf, err);
	vec_fini(&dns);
	return r;
}

static int make_parts(struct identity *id, const char *dir, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *groups[] = {parts[i].group, NULL};
		struct http_pki_leaf leaf = {
			.common_name = parts[i].user, .organizations = groups, .days = LEAF_DAYS};
		int r = http_pki_leaf(id->ca_cert, id->ca_key,
				      path_of(id, dir, parts[i].name, "crt"),
				      path_of(id, dir, parts[i].name, "key"), &leaf, err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A CA that was named must be there: one that each server made for itself would be of no use. */
static int find_ca(struct identity *id, const char *dir, const char *cert, const char *key,
		   struct err *err)
{
	if (!cert != !key)
		return err_set(err, ERR_USAGE, "--ca-file and --ca-key-file go together");
	if (!cert) {
		id->ca_cert = path_of(id, dir, "ca", "crt");
		id->ca_key = path_of(id, dir, "ca", "key");
		return 0;
	}
	id->ca_cert = arena_strdup(&id->arena, cert);
	id->ca_key = arena_strdup(&id->arena, key);
	if (access(id->ca_cert, R_OK) < 0)
		return err_sys(err, errno, "--ca-file: read '%s'", id->ca_cert);
	if (access(id->ca_key, R_OK) < 0)
		return err_sys(err, errno, "--ca-key-file: read '%s'", id->ca_key);
	return 0;
}

int identity_open(const char *data_dir, const struct identity_names *names, struct identity *ret,
		  struct err *err)
{
	struct identity id = {0};
	int r;

	arena_init(&id.arena, 0);
	r = find_ca(&id, data_dir, names->ca_cert, names->ca_key, err);
	if (r < 0) {
		identity_fini(&id);
		return r;
	}
	id.server_cert = path_of(&id, data_dir, "apiserver", "crt");
	id.server_key = path_of(&id, data_dir, "apiserver", "key");
	id.admin_cert = path_of(&id, data_dir, "admin", "crt");
	id.admin_key = path_of(&id, data_dir, "admin", "key");
	id.agent_cert = path_of(&id, data_dir, "agent-client", "crt");
	id.agent_key = path_of(&id, data_dir, "agent-client", "key");
	r = fd_make_dir(str_printf(&id.arena, "%s/pki", data_dir).ptr, 0700, err);
	if (r == 0)
		r = http_pki_ca(id.ca_cert, id.ca_key, "fairlead", err);
	if (r == 0)
		r = make_server_leaf(&id, names, err);
	if (r == 0)
		r = make_parts(&id, data_dir, err);
	if (r < 0) {
		identity_fini(&id);
		return err_wrap(err, r, "certificates in '%s/pki'", data_dir);
	}
	*ret = id;
	return 0;
}

void identity_fini(struct identity *id)
{
	arena_fini(&id->arena);
}

int identity_write_kubeconfigs(const struct identity *id, const char *data_dir, const char *server,
			       const char *admin_path, const char *admin_server, struct err *err)
{
	struct identity paths = {0};
	int r = 0;

	arena_init(&paths.arena, 0);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
		if (!parts[i].group)
			continue;
		struct kubeconfig_spec spec = {
			.server = server,
			.ca_file = id->ca_cert,
			.cert_file = path_of(&paths, data_dir, parts[i].name, "crt"),
			.key_file = path_of(&paths, data_dir, parts[i].name, "key"),
			.user = parts[i].name,
		};

		r = kubeconfig_write(path_of(&paths, data_dir, parts[i].name, "kubeconfig"), &spec,
				     err);
		if (r == 0 && i == 0 && admin_path) {
			spec.server = admin_server;
			r = kubeconfig_write(admin_path, &spec, err);
		}
	}
	arena_fini(&paths.arena);
	return r;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

struct enrolment {
	struct identity ca;
	const struct identity_node *node;
	const char *dir;
};

static const char *file_of(struct enrolment *e, const char *name)
{
	return str_printf(&e->ca.arena, "%s/%s", e->dir, name).ptr;
}

static int make_node_leaf(struct enrolment *e, bool is_server, struct err *err)
{
	const char *groups[] = {ACCESS_GROUP_NODES, NULL}, *dns[] = {e->node->name, NULL};
	struct http_pki_leaf leaf = {.is_server = is_server, .days = LEAF_DAYS};

	leaf.common_name =
		is_server ? e->node->name
			  : str_printf(&e->ca.arena, ACCESS_NODE_PREFIX "%s", e->node->name).ptr;
	if (is_server) {
		leaf.dns_names = dns;
		leaf.addrs = e->node->addrs;
		leaf.n_addrs = e->node->n_addrs;
	} else {
		leaf.organizations = groups;
	}
	return http_pki_leaf(e->ca.ca_cert, e->ca.ca_key,
			     file_of(e, is_server ? "server.crt" : "client.crt"),
			     file_of(e, is_server ? "server.key" : "client.key"), &leaf, err);
}

static int copy_ca(struct enrolment *e, struct err *err)
{
	struct buf pem = BUF_INIT;
	int r = fd_read_file(e->ca.ca_cert, CA_FILE_MAX, &pem, err);

	if (r == 0)
		r = fd_write_file(file_of(e, "ca.crt"), buf_str(&pem), 0644, err);
	buf_fini(&pem);
	return r;
}

static int make_folder(struct enrolment *e, const char *data_dir, struct err *err)
{
	struct arena *a = &e->ca.arena;
	int r = 0;

	if (!e->dir) {
		r = fd_make_dir(str_printf(a, "%s/pki/nodes", data_dir).ptr, 0700, err);
		e->dir = str_printf(a, "%s/pki/nodes/%s", data_dir, e->node->name).ptr;
	}
	return r < 0 ? r : fd_make_dir(e->dir, 0700, err);
}

static int enroll(struct enrolment *e, const char *data_dir, struct err *err)
{
	struct arena *a = &e->ca.arena;
	struct kubeconfig_spec spec = {.server = e->node->server, .user = e->node->name};
	int r = find_ca(&e->ca, data_dir, e->node->ca_cert, e->node->ca_key, err);

	if (r == 0 && access(e->ca.ca_key, R_OK) < 0)
		r = err_sys(err, errno, "read the CA's key '%s'", e->ca.ca_key);
	if (r == 0 && !spec.server)
		r = kubeconfig_server(str_printf(a, "%s/pki/admin.kubeconfig", data_dir).ptr, a,
				      &spec.server, err);
	if (r == 0)
		r = make_folder(e, data_dir, err);
	if (r == 0)
		r = make_node_leaf(e, false, err);
	if (r == 0)
		r = make_node_leaf(e, true, err);
	if (r == 0)
		r = copy_ca(e, err);
	if (r < 0)
		return r;
	spec.ca_file = e->ca.ca_cert;
	spec.cert_file = file_of(e, "client.crt");
	spec.key_file = file_of(e, "client.key");
	return kubeconfig_write(file_of(e, "kubeconfig"), &spec, err);
}

int identity_enroll(const char *data_dir, const struct identity_node *node, const char *dir,
		    struct err *err)
{
	struct enrolment e = {.node = node, .dir = dir};
	int r;

	if (strlen(node->name) > IDENTITY_NODE_MAX)
		return err_set(err, ERR_USAGE,
			       "node '%s': the name has more than the %d bytes that fit into a "
			       "certificate",
			       node->name, IDENTITY_NODE_MAX);
	arena_init(&e.ca.arena, 0);
	r = enroll(&e, data_dir, err);
	arena_fini(&e.ca.arena);
	return r < 0 ? err_wrap(err, r, "node '%s'", node->name) : 0;
}
