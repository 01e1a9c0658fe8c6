/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the server proves and checks identities with besides its certificates: the keys of
 * ServiceAccount tokens and the file of static tokens. Opened at start (a key is made on the first
 * one), read again when a file has changed.
 */

#include "base/err.h"

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
void credentials_free(struct credentials *c); /* NULL is fine; before apiserver_free */
