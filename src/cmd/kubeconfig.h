/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Writes kubeconfig files: who the server is, and a client certificate, all inside the file. */

#include "base/err.h"
#include "base/mem.h"

struct kubeconfig_spec {
	const char *server;  /* "https://192.0.2.1:6443" */
	const char *ca_file; /* PEM */
	const char *cert_file, *key_file;
	const char *user; /* name inside the file */
};

/* Mode 0600; a file that has this content already is left alone. */
int kubeconfig_write(const char *path, const struct kubeconfig_spec *spec,
		     struct err *err) _nodiscard_;
/* The server's URL in a file that kubeconfig_write made. */
int kubeconfig_server(const char *path, struct arena *a, const char **ret,
		      struct err *err) _nodiscard_;
