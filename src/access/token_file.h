/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Static tokens: a CSV file (RFC 4180) of lines TOKEN,USER,UID[,"GROUP,GROUP"], as kube-apiserver's
 * --token-auth-file has it. A token is found by a hash with a secret key, so that
 * the time of a lookup says nothing about the tokens that are there.
 */

#include "access/access.h"

enum {
	ACCESS_TOKEN_FILE_MAX = 4 * 1024 * 1024,
};

struct access_tokens;

/* ERR_INVALID with the line that is wrong. */
int access_tokens_parse(struct str text, struct access_tokens **ret, struct err *err) _nodiscard_;
void access_tokens_free(struct access_tokens *t); /* NULL is fine */
/* Borrowed until the tokens are freed; NULL: no such token. */
const struct access_user *access_tokens_find(const struct access_tokens *t, struct str token);
