/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who asks, and for what: the two values that everything about access is said in.
 *
 * A user is what authentication found out (a certificate, a token, nothing at all); attributes are
 * what a request is about. The server makes both from each request, before it looks at anything
 * else; rbac.h tells whether the one may do the other.
 *
 * This room is pure: JSON and bytes in, answers out. It reads no files, knows no clock but the time
 * that it is given, and keeps nothing of a request.
 */

#include "base/str.h"

#define ACCESS_GROUP_MASTERS         "system:masters"
#define ACCESS_GROUP_AUTHENTICATED   "system:authenticated"
#define ACCESS_GROUP_UNAUTHENTICATED "system:unauthenticated"
#define ACCESS_USER_ANONYMOUS        "system:anonymous"
#define ACCESS_USER_TO_AGENTS        "kube-apiserver-kubelet-client" /* a server that calls an agent */
#define ACCESS_GROUP_NODES           "system:nodes"
#define ACCESS_NODE_PREFIX           "system:node:" /* of a node with a name of its own */
#define ACCESS_SA_PREFIX             "system:serviceaccount:"
#define ACCESS_SA_GROUP              "system:serviceaccounts"

struct access_strs {
	const struct str *ptr;
	size_t n;
};

struct access_extra {
	struct str key;
	const struct str *values;
	size_t n;
};

struct access_user {
	struct str name, uid;
	const struct str *groups;
	size_t n_groups;
	const struct access_extra *extra;
	size_t n_extra;
};

bool access_user_in(const struct access_user *u, const char *group);

struct access_attrs {
	struct str verb; /* "get"; of a path: the method in lower case */
	bool is_resource;
	struct str group, version, resource, sub, ns, name; /* is_resource; absent: none */
	struct str fields; /* is_resource: the field selector of a list or watch; absent: none */
	struct str path;   /* as it was asked for */
};

/* The value that a field selector ("a=b,c!=d") wants that field to have and no other; absent when
 * it leaves that open, or when the value has escapes. */
struct str access_field_wanted(struct str selector, const char *field);

/* "system:serviceaccount:NS:NAME" taken apart; false for other users. */
bool access_service_account(struct str user, struct str *ret_ns, struct str *ret_name);
