/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Role-based access control: may this user do that? (Kubernetes' rbac.authorization.k8s.io/v1.)
 *
 * Roles and bindings are compiled once, when they change (access_rbac_put), into rules with a bit
 * for each verb and an index from user and group names to bindings. A question then costs one
 * lookup for the user and one for each of their groups, and allocates nothing. What is not allowed
 * by a rule is denied; there are no rules that deny. Members of system:masters may do everything.
 *
 * A ClusterRole's rules hold everywhere when a ClusterRoleBinding names it, in one namespace when a
 * RoleBinding does. A binding whose role does not exist gives nothing until it does.
 */

#include "access/access.h"
#include "json/json.h"

struct access_rbac;

enum {
	/* once so many resources are missing, no further rule is looked at */
	ACCESS_LACKS_MAX = 100,
	ACCESS_LACKS_IN_RULE_MAX = 1000, /* … and nothing more of the same rule */
	ACCESS_RIGHTS_MAX = 50000, /* compared one by one: each verb of each resource; more are not
				    * covered */
	ACCESS_STEPS_MAX = 50 * 1000 * 1000, /* words of own rules that they are compared with */
	ACCESS_MISSING_TEXT_MAX = 4096,      /* bytes that tell of roles that are not there */
};

enum access_rbac_kind {
	ACCESS_ROLE,
	ACCESS_CLUSTER_ROLE,
	ACCESS_ROLE_BINDING,
	ACCESS_CLUSTER_ROLE_BINDING,
};

struct access_rule {
	unsigned verb_bits; /* of the usual verbs; private */
	bool has_all_verbs;
	struct access_strs verbs, groups, resources, names, urls;
};

struct access_rbac *access_rbac_new(void);
void access_rbac_free(struct access_rbac *b); /* NULL is fine */

/* The object of that name is now `obj` (nothing of it is kept), or gone when that is NULL. `ns` is
 * absent for cluster-wide kinds. What is no valid rule or subject gives no rights. */
void access_rbac_put(struct access_rbac *b, enum access_rbac_kind kind, struct str ns,
		     struct str name, const struct json *obj);

bool access_rbac_allows(const struct access_rbac *b, const struct access_user *u,
			const struct access_attrs *at);
/* The same with a sentence of what allowed it, or which roles were missing: "" when neither. */
bool access_rbac_explain(const struct access_rbac *b, const struct access_user *u,
			 const struct access_attrs *at, struct arena *a, struct str *ret_reason);

/* All rules that hold for the user in the namespace (absent: only those that hold everywhere). */
typedef void (*access_rule_fn)(void *ctx, const struct access_rule *rule);
void access_rbac_each(const struct access_rbac *b, const struct access_user *u, struct str ns,
		      access_rule_fn fn, void *ctx);

/* Rules from an object's "rules", in the arena. */
struct access_rule *access_rules_from(struct arena *a, const struct json *rules, size_t *ret_n);
bool access_rules_allow(const struct access_rule *rules, size_t n, const struct access_attrs *at);
/* The rules of a role; NULL when there is none of that name. */
const struct access_rule *access_rbac_role(const struct access_rbac *b, struct str ns,
					   struct str name, size_t *ret_n);
/* Whether the user holds, in the namespace, every right that these rules give. What is missing is
 * told as text in the arena, a line for each resource. */
bool access_rbac_covers(const struct access_rbac *b, const struct access_user *u, struct str ns,
			const struct access_rule *rules, size_t n, struct arena *a,
			struct str *ret_missing);
