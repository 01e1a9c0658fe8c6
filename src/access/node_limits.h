/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a node may write into the objects that node.h lets it write: the rules of Kubernetes'
 * admission plug-in NodeRestriction, as far as the kinds go that are served. They hold whatever
 * roles the node has been given besides.
 *
 * Pure: the server says what is about to be written over what, and passes on the reason.
 */

#include "access/access.h"
#include "json/json.h"

enum access_node_op {
	ACCESS_NODE_CREATE,
	ACCESS_NODE_UPDATE,
	ACCESS_NODE_DELETE,
};

struct access_node_change {
	enum access_node_op op;
	struct str group, resource, sub;
	struct str ns, name;    /* name: absent when it is still to be drawn */
	const struct json *old; /* NULL on create; of an eviction and a token: the Pod */
	const struct json *obj; /* NULL on delete; as the client wants it */
	struct str own_uid;     /* of the Node object of that name; absent: there is none */
};

/* Whether node `node` may do it; false: *ret_why in the arena, or constant; absent: it lacks only
 * its Node object. */
bool access_node_may_write(struct arena *a, struct str node, const struct access_node_change *c,
			   struct str *ret_why);

/* Whether it may have a token with that spec (of a TokenRequest), bound to `pod`, the Pod that the
 * spec names. False with an absent *ret_why: that Pod is not there (NULL), and nothing else is
 * wrong. True with a *ret_audience: the Pod does not ask for that audience ("": the default one),
 * so a role must allow it besides; absent: it does. */
bool access_node_may_have_token(struct str node, const struct json *spec, const struct json *pod,
				struct arena *a, struct str *ret_audience, struct str *ret_why);
