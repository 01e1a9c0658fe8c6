/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the server is and who we are to it, read from a kubeconfig file's current context or from
 * the service account that is mounted into a Pod. client_kubeconfig_open (client/client.h) makes a
 * client of it; apart from reading files this is pure.
 *
 * Not supported, and refused with a text that says so: exec and auth-provider plugins, user names
 * with passwords, proxy-url, a server URL with a path.
 */

#include "http/client.h"

struct client_kubeconfig {
	struct http_client_config http; /* without bearer_token */
	struct str token;               /* absent: none */
	const char *token_file;         /* read again now and then; NULL: none */
};

/* Everything in *ret lives in the arena. Relative file names are relative to `dir`. */
int client_kubeconfig_parse(struct arena *a, struct str text, const char *dir,
			    struct client_kubeconfig *ret, struct err *err) _nodiscard_;
/* From $KUBERNETES_SERVICE_HOST, $KUBERNETES_SERVICE_PORT and the files under `dir`. */
int client_kubeconfig_in_cluster(struct arena *a, const char *dir, struct client_kubeconfig *ret,
				 struct err *err) _nodiscard_;
