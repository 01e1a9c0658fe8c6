/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/escalation.h"

#include "access/rbac.h"

static bool holds_verb(struct op *op, const char *verb, const char *resource, struct str ns,
		       struct str name)
{
	const struct access_attrs at = {.verb = str_of(verb),
					.is_resource = true,
					.group = STR("rbac.authorization.k8s.io"),
					.version = STR("v1"),
					.resource = str_of(resource),
					.ns = ns,
					.name = name};

	return access_rbac_allows(op->s->rbac, op->req->user, &at);
}

/* `["a" "b"]`, as much as an error's text has room for. */
static struct str quoted(struct arena *a, const struct str *list, size_t n)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	for (size_t i = 0; i < n && b.len < ERR_MSG_MAX; i++)
		buf_printf(&b, "%s\"%.*s\"", i ? " " : "[", STR_ARG(list[i]));
	buf_add_c(&b, n ? "]" : "[]");
	return str_dup(a, buf_str(&b));
}

static int check_rules(struct op *op, const struct json *obj, const struct access_rule *rules,
		       size_t n)
{
	struct request *req = op->req;
	const struct access_user *u = req->user;
	struct str name = str_dup(req->arena, json_string(json_path(obj, "metadata.name")));
	struct str missing;

	if (access_rbac_covers(op->s->rbac, u, req->ns, rules, n, req->arena, &missing))
		return 0;
	status_about(&req->st, req->res, name);
	return status_set(
		&req->st, ERR_FORBIDDEN,
		"%.*s \"%.*s\" is forbidden: user \"%.*s\" (groups=%.*s) is attempting to "
		"grant RBAC permissions not currently held:\n%.*s",
		STR_ARG(req->res->resource_name), STR_ARG(name), STR_ARG(u->name),
		STR_ARG(quoted(req->arena, u->groups, u->n_groups)), STR_ARG(missing));
}

static bool is_same(const struct json *a, const struct json *b)
{
	return (!a && !b) || (a && b && json_eq(a, b));
}

static int check_role(struct op *op, const struct json *old, const struct json *obj)
{
	struct request *req = op->req;
	const struct access_rule *rules;
	size_t n;

	if (old && is_same(json_get(old, "rules"), json_get(obj, "rules")) &&
	    is_same(json_get(old, "aggregationRule"), json_get(obj, "aggregationRule")))
		return 0;
	if (holds_verb(op, "escalate", req->res->kind->plural, req->ns, req->name))
		return 0;
	rules = access_rules_from(&op->arena, json_get(obj, "rules"), &n);
	/* Who gathers others' rules gets rules that are not known yet: all. */
	if (json_get(obj, "aggregationRule")) {
		static const struct str star[] = {{"*", 1}};
		const struct access_strs all = {star, 1};
		const struct access_rule everything[] = {
			{.has_all_verbs = true, .verbs = all, .groups = all, .resources = all},
			{.has_all_verbs = true, .verbs = all, .urls = all},
		};

		return check_rules(op, obj, everything, 2);
	}
	return check_rules(op, obj, rules, n);
}

static int check_binding(struct op *op, const struct json *old, const struct json *obj)
{
	const struct json *ref = json_get(obj, "roleRef");
	bool is_cluster = str_eq_c(json_get_string(ref, "kind"), "ClusterRole");
	struct str name = json_get_string(ref, "name");
	struct request *req = op->req;
	const struct access_rule *rules;
	size_t n;

	if (old && is_same(ref, json_get(old, "roleRef")) &&
	    is_same(json_get(old, "subjects"), json_get(obj, "subjects")))
		return 0;
	if (holds_verb(op, "bind", is_cluster ? "clusterroles" : "roles", req->ns, name))
		return 0;
	rules = access_rbac_role(op->s->rbac, is_cluster ? (struct str){0} : req->ns, name, &n);
	if (rules)
		return check_rules(op, obj, rules, n);
	return status_not_found(&req->st,
				server_resource_of(op->s, is_cluster ? "ClusterRole" : "Role"),
				str_dup(req->arena, name));
}

int escalation_check(struct op *op, const struct json *old, struct json *obj)
{
	if (op->s->config.is_open || access_user_in(op->req->user, ACCESS_GROUP_MASTERS))
		return 0;
	if (json_get(obj, "roleRef"))
		return check_binding(op, old, obj);
	return check_role(op, old, obj);
}
