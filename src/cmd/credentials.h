/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server proves and checks identities with: the keys of ServiceAccount tokens and the file
 * of static tokens. Opened at start (a key is made on the first one), read again when a file has
 * changed; the certificate that the server shows, and the CA of its clients, likewise.
 */

#include "http/server.h"

struct apiserver;
struct apiserver_config;
struct credentials;
struct loop;
struct options;

/* Fills the members of *config that are about access, which live as long as the credentials. */
int credentials_open(struct loop *l, const struct options *o, const char *data_dir,
		     struct apiserver_config *config, struct credentials **ret,
		     struct err *err) _nodiscard_;
/* Hands them to the server, and follows the files from now on. */
int credentials_use(struct credentials *c, struct apiserver *s, struct err *err) _nodiscard_;
/* Follows the files of the server's certificate too: new connections get the new one. */
void credentials_follow_tls(struct credentials *c, struct http_server *https,
			    const struct http_tls *tls);
void credentials_free(struct credentials *c); /* NULL is fine; before apiserver_free */
