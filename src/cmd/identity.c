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
};

/* Who calls the server, and as whom: name of the files, common name, organization. The last is the
 * server itself when it calls agents: they know its name, and it opens no API server. */
static const struct part {
	const char *name, *user, *group;
} parts[] = {
	{"admin", "kubernetes-admin", "system:masters"},
	{"node", "system:node", "system:nodes"},
	{"proxy", "system:kube-proxy", "system:node-proxiers"},
	{"dns", "system:cluster-dns", "system:cluster-dns"},
	{"lb", "system:load-balancer", "system:load-balancers"},
	{"agent-client", ACCESS_USER_TO_AGENTS, NULL},
};

static const char *path_of(struct identity *id, const char *dir, const char *name,
			   const char *suffix)
{
	return arena_printf(&id->arena, "%s/pki/%s.%s", dir, name, suffix);
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
static int find_ca(struct identity *id, const char *dir, const struct identity_names *names,
		   struct err *err)
{
	if (!names->ca_cert != !names->ca_key)
		return err_set(err, ERR_USAGE, "--ca-file and --ca-key-file go together");
	if (!names->ca_cert) {
		id->ca_cert = path_of(id, dir, "ca", "crt");
		id->ca_key = path_of(id, dir, "ca", "key");
		return 0;
	}
	id->ca_cert = arena_strdup(&id->arena, names->ca_cert);
	id->ca_key = arena_strdup(&id->arena, names->ca_key);
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
	r = find_ca(&id, data_dir, names, err);
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
	r = fd_make_dir(arena_printf(&id.arena, "%s/pki", data_dir), 0700, err);
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
