/* SPDX-License-Identifier: Apache-2.0 */
#include "access/rbac.h"

#include "base/map.h"
#include "base/vec.h"

/* The usual verbs, each a bit. */
static const char *const verbs[] = {"get",   "list",   "watch", "create",           "update",
				    "patch", "delete", "bind",  "deletecollection", "escalate",
				    "post",  "put"};

struct role {
	struct arena arena; /* of the rules and their strings */
	struct access_rule *rules;
	size_t n_rules;
	bool is_there;   /* otherwise only bindings speak of it */
	unsigned n_refs; /* bindings */
	size_t ns_len;   /* 0: a ClusterRole */
	struct str key;  /* "ns/name" */
	char text[];
};

struct subject {
	bool is_group;
	struct str name;
};

struct binding {
	struct arena arena;
	struct str ns, name; /* ns absent: everywhere */
	struct role *role;
	struct subject *subjects;
	size_t n_subjects;
};

/* The bindings of one user or group. */
struct grants {
	VEC(struct binding *) list;
};

struct access_rbac {
	struct map roles;    /* "ns/name" -> struct role */
	struct map bindings; /* "ns/name" -> struct binding */
	struct map users, groups;
};

/* Rules */

static unsigned verb_bit(struct str verb)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_eq_c(verb, verbs[i]))
			return 1u << i;
	return 0;
}

static struct access_strs strings(struct arena *a, const struct json *list)
{
	struct access_strs ret = {0};
	struct str *at;

	if (!json_is(list, JSON_ARRAY) || !list->count)
		return ret;
	at = arena_array(a, list->count, sizeof(*at));
	json_foreach(n, list)
		if (json_is(n, JSON_STRING))
			at[ret.n++] = str_dup(a, json_string(n));
	ret.ptr = at;
	return ret;
}

struct access_rule *access_rules_from(struct arena *a, const struct json *rules, size_t *ret_n)
{
	struct access_rule *ret, *at;

	*ret_n = 0;
	if (!json_is(rules, JSON_ARRAY) || !rules->count)
		return NULL;
	ret = at = arena_array(a, rules->count, sizeof(*ret));
	json_foreach(n, rules) {
		at->verbs = strings(a, json_get(n, "verbs"));
		at->groups = strings(a, json_get(n, "apiGroups"));
		at->resources = strings(a, json_get(n, "resources"));
		at->names = strings(a, json_get(n, "resourceNames"));
		at->urls = strings(a, json_get(n, "nonResourceURLs"));
		for (size_t i = 0; i < at->verbs.n; i++) {
			at->verb_bits |= verb_bit(at->verbs.ptr[i]);
			at->has_all_verbs |= str_eq_c(at->verbs.ptr[i], "*");
		}
		at++;
	}
	*ret_n = rules->count;
	return ret;
}

static bool has(const struct access_strs *list, struct str s)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->ptr[i], s))
			return true;
	return false;
}

static bool has_or_all(const struct access_strs *list, struct str s)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->ptr[i], s) || str_eq_c(list->ptr[i], "*"))
			return true;
	return false;
}

static bool matches_verb(const struct access_rule *r, struct str verb, unsigned bit)
{
	return r->has_all_verbs || (bit ? (r->verb_bits & bit) != 0 : has(&r->verbs, verb));
}

/* "pods", "pods/log", "*", and "*" with a subresource: every resource's one. */
static bool matches_resource(const struct access_rule *r, struct str resource, struct str sub)
{
	for (size_t i = 0; i < r->resources.n; i++) {
		struct str s = r->resources.ptr[i];

		if (str_eq_c(s, "*"))
			return true;
		if (!sub.len) {
			if (str_eq(s, resource))
				return true;
			continue;
		}
		if (s.len == resource.len + 1 + sub.len && str_has_prefix(s, resource) &&
		    s.ptr[resource.len] == '/' && str_has_suffix(s, sub))
			return true;
		if (s.len == 2 + sub.len && s.ptr[0] == '*' && s.ptr[1] == '/' &&
		    str_has_suffix(s, sub))
			return true;
	}
	return false;
}

static bool matches_path(const struct access_rule *r, struct str path)
{
	for (size_t i = 0; i < r->urls.n; i++) {
		struct str s = r->urls.ptr[i];

		if (str_eq(s, path))
			return true;
		if (s.len && s.ptr[s.len - 1] == '*' &&
		    str_has_prefix(path, str_sub(s, 0, s.len - 1)))
			return true;
	}
	return false;
}

static bool rule_allows(const struct access_rule *r, const struct access_attrs *at, unsigned bit)
{
	if (!matches_verb(r, at->verb, bit))
		return false;
	if (!at->is_resource)
		return matches_path(r, at->path);
	return has_or_all(&r->groups, at->group) && matches_resource(r, at->resource, at->sub) &&
	       (!r->names.n || has(&r->names, at->name));
}

bool access_rules_allow(const struct access_rule *rules, size_t n, const struct access_attrs *at)
{
	unsigned bit = verb_bit(at->verb);

	for (size_t i = 0; i < n; i++)
		if (rule_allows(&rules[i], at, bit))
			return true;
	return false;
}

/* Changes */

static struct str key_of(struct arena *a, struct str ns, struct str name)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

static struct role *role_at(struct access_rbac *b, struct arena *a, struct str ns, struct str name)
{
	struct str key = key_of(a, ns, name);
	struct role *role = map_get(&b->roles, key);

	if (role)
		return role;
	role = mem_xzalloc(sizeof(*role) + key.len);
	memcpy(role->text, key.ptr, key.len);
	role->key = str_n(role->text, key.len);
	role->ns_len = ns.len;
	arena_init(&role->arena, 256);
	map_put(&b->roles, key, role);
	return role;
}

static void role_free(void *p)
{
	struct role *role = p;

	arena_fini(&role->arena);
	free(role);
}

/* Forgets it when nobody speaks of it any more. */
static void role_drop(struct access_rbac *b, struct role *role)
{
	if (role->is_there || role->n_refs)
		return;
	map_remove(&b->roles, role->key);
	role_free(role);
}

static void put_role(struct access_rbac *b, struct arena *a, struct str ns, struct str name,
		     const struct json *obj)
{
	struct role *role = role_at(b, a, ns, name);

	arena_clear(&role->arena);
	role->rules = access_rules_from(&role->arena, json_get(obj, "rules"), &role->n_rules);
	role->is_there = obj != NULL;
	role_drop(b, role);
}

static void grant(struct map *m, struct str name, struct binding *bd)
{
	struct grants *g = map_get(m, name);

	if (!g) {
		g = mem_xnew(struct grants);
		map_put(m, name, g);
	}
	/* Who is named again in the same binding gets nothing more. */
	if (!g->list.len || *vec_last(&g->list) != bd)
		*vec_push(&g->list) = bd;
}

static void revoke(struct map *m, struct str name, const struct binding *bd)
{
	struct grants *g = map_get(m, name);

	for (size_t i = g ? g->list.len : 0; i-- > 0;)
		if (g->list.ptr[i] == bd)
			vec_remove_at(&g->list, i);
	if (g && !g->list.len) {
		vec_fini(&g->list);
		map_remove(m, name);
		free(g);
	}
}

static void grants_free(void *p)
{
	struct grants *g = p;

	vec_fini(&g->list);
	free(g);
}

static void binding_free(void *p)
{
	struct binding *bd = p;

	arena_fini(&bd->arena);
	free(bd);
}

static void remove_binding(struct access_rbac *b, struct str key)
{
	struct binding *bd = map_remove(&b->bindings, key);

	if (!bd)
		return;
	for (size_t i = 0; i < bd->n_subjects; i++)
		revoke(bd->subjects[i].is_group ? &b->groups : &b->users, bd->subjects[i].name, bd);
	bd->role->n_refs--;
	role_drop(b, bd->role);
	binding_free(bd);
}

static bool subject_from(struct arena *a, const struct json *n, struct str ns, struct subject *ret)
{
	struct str kind = json_get_string(n, "kind"), name = json_get_string(n, "name");
	struct str own = json_get_string(n, "namespace");

	if (!name.len)
		return false;
	ret->is_group = str_eq_c(kind, "Group");
	if (ret->is_group || str_eq_c(kind, "User"))
		ret->name = str_dup(a, name);
	else if (str_eq_c(kind, "ServiceAccount") && (own.len || ns.len))
		ret->name = str_printf(a, ACCESS_SA_PREFIX "%.*s:%.*s", STR_ARG(own.len ? own : ns),
				       STR_ARG(name));
	else
		return false;
	return true;
}

static void put_binding(struct access_rbac *b, struct arena *a, struct str ns, struct str name,
			const struct json *obj)
{
	const struct json *ref = json_get(obj, "roleRef"), *list = json_get(obj, "subjects");
	bool is_cluster_role = str_eq_c(json_get_string(ref, "kind"), "ClusterRole");
	struct str role_ns = is_cluster_role ? (struct str){0} : ns;
	struct binding *bd = mem_xnew(struct binding);

	arena_init(&bd->arena, 512);
	bd->ns = ns.len ? str_dup(&bd->arena, ns) : (struct str){0};
	bd->name = str_dup(&bd->arena, name);
	bd->role = role_at(b, a, role_ns, json_get_string(ref, "name"));
	bd->role->n_refs++;
	if (json_is(list, JSON_ARRAY)) {
		bd->subjects = arena_array(&bd->arena, list->count, sizeof(struct subject));
		json_foreach(n, list) {
			struct subject *s = &bd->subjects[bd->n_subjects];

			if (!subject_from(&bd->arena, n, ns, s))
				continue;
			bd->n_subjects++;
			grant(s->is_group ? &b->groups : &b->users, s->name, bd);
		}
	}
	map_put(&b->bindings, key_of(a, ns, name), bd);
}

struct access_rbac *access_rbac_new(void)
{
	return mem_xnew(struct access_rbac);
}

void access_rbac_free(struct access_rbac *b)
{
	if (!b)
		return;
	map_fini_values(&b->users, grants_free);
	map_fini_values(&b->groups, grants_free);
	map_fini_values(&b->bindings, binding_free);
	map_fini_values(&b->roles, role_free);
	free(b);
}

void access_rbac_put(struct access_rbac *b, enum access_rbac_kind kind, struct str ns,
		     struct str name, const struct json *obj)
{
	struct arena a;

	arena_init(&a, 512);
	if (kind == ACCESS_ROLE || kind == ACCESS_CLUSTER_ROLE) {
		put_role(b, &a, ns, name, obj);
	} else {
		remove_binding(b, key_of(&a, ns, name));
		if (obj)
			put_binding(b, &a, ns, name, obj);
	}
	arena_fini(&a);
}

/* Questions */

/* One walk over all bindings that give the user something in `ns`; ends when fn is true. */
typedef bool (*binding_fn)(void *ctx, const struct binding *bd, const struct subject *who);

static bool each_grant(const struct map *m, struct str name, bool is_group, struct str ns,
		       binding_fn fn, void *ctx)
{
	const struct grants *g = map_get(m, name);
	const struct subject who = {.is_group = is_group, .name = name};

	for (size_t i = 0; g && i < g->list.len; i++) {
		const struct binding *bd = g->list.ptr[i];

		if (bd->ns.len && !str_eq(bd->ns, ns))
			continue;
		if (fn(ctx, bd, &who))
			return true;
	}
	return false;
}

static bool each_binding(const struct access_rbac *b, const struct access_user *u, struct str ns,
			 binding_fn fn, void *ctx)
{
	if (each_grant(&b->users, u->name, false, ns, fn, ctx))
		return true;
	for (size_t i = 0; i < u->n_groups; i++)
		if (each_grant(&b->groups, u->groups[i], true, ns, fn, ctx))
			return true;
	return false;
}

struct question {
	const struct access_attrs *at;
	unsigned bit;
	const struct binding *found; /* what allowed it */
	struct subject who;
	/* for explanations */
	struct buf missing;
};

static bool binding_allows(void *ctx, const struct binding *bd, const struct subject *who)
{
	struct question *q = ctx;

	for (size_t i = 0; i < bd->role->n_rules; i++) {
		if (rule_allows(&bd->role->rules[i], q->at, q->bit)) {
			q->found = bd;
			q->who = *who;
			return true;
		}
	}
	return false;
}

static struct str ns_asked(const struct access_attrs *at)
{
	return at->is_resource ? at->ns : (struct str){0};
}

bool access_rbac_allows(const struct access_rbac *b, const struct access_user *u,
			const struct access_attrs *at)
{
	struct question q = {.at = at, .bit = verb_bit(at->verb)};

	return access_user_in(u, ACCESS_GROUP_MASTERS) ||
	       each_binding(b, u, ns_asked(at), binding_allows, &q);
}

static struct str role_name(const struct role *role)
{
	return str_skip(role->key, role->ns_len + 1);
}

/* Names missing roles, each once or more, until there is text enough. */
static bool note_missing(void *ctx, const struct binding *bd, const struct subject *who)
{
	struct question *q = ctx;
	const struct role *role = bd->role;

	if (!role->is_there)
		buf_printf(&q->missing, "%s%s.rbac.authorization.k8s.io \"%.*s\" not found",
			   q->missing.len ? ", " : "RBAC: ", role->ns_len ? "role" : "clusterrole",
			   STR_ARG(role_name(role)));
	return q->missing.len > ACCESS_MISSING_TEXT_MAX;
}

bool access_rbac_explain(const struct access_rbac *b, const struct access_user *u,
			 const struct access_attrs *at, struct arena *a, struct str *ret_reason)
{
	struct question q = {.at = at, .bit = verb_bit(at->verb), .missing = BUF_INIT};
	struct str sa_ns, sa = {0};

	*ret_reason = STR("");
	if (access_user_in(u, ACCESS_GROUP_MASTERS))
		return true;
	if (!each_binding(b, u, ns_asked(at), binding_allows, &q)) {
		each_binding(b, u, ns_asked(at), note_missing, &q);
		*ret_reason = str_dup(a, buf_str(&q.missing));
		buf_fini(&q.missing);
		return false;
	}
	if (!q.who.is_group && access_service_account(q.who.name, &sa_ns, &sa))
		q.who.name = str_printf(a, "%.*s/%.*s", STR_ARG(sa), STR_ARG(sa_ns));
	*ret_reason = str_printf(
		a, "RBAC: allowed by %s \"%.*s%s%.*s\" of %s \"%.*s\" to %s \"%.*s\"",
		q.found->ns.len ? "RoleBinding" : "ClusterRoleBinding", STR_ARG(q.found->name),
		q.found->ns.len ? "/" : "", STR_ARG(q.found->ns),
		q.found->role->ns_len ? "Role" : "ClusterRole", STR_ARG(role_name(q.found->role)),
		q.who.is_group ? "Group"
		: sa.len       ? "ServiceAccount"
			       : "User",
		STR_ARG(q.who.name));
	return true;
}

struct walk {
	access_rule_fn fn;
	void *ctx;
};

static bool walk_binding(void *ctx, const struct binding *bd, const struct subject *who)
{
	const struct walk *w = ctx;

	for (size_t i = 0; i < bd->role->n_rules; i++)
		w->fn(w->ctx, &bd->role->rules[i]);
	return false;
}

void access_rbac_each(const struct access_rbac *b, const struct access_user *u, struct str ns,
		      access_rule_fn fn, void *ctx)
{
	struct walk w = {fn, ctx};

	each_binding(b, u, ns, walk_binding, &w);
}

const struct access_rule *access_rbac_role(const struct access_rbac *b, struct str ns,
					   struct str name, size_t *ret_n)
{
	static const struct access_rule none;
	const struct role *role;
	struct arena a;

	arena_init(&a, 512);
	role = map_get(&b->roles, key_of(&a, ns, name));
	arena_fini(&a);
	if (!role || !role->is_there)
		return NULL;
	*ret_n = role->n_rules;
	return role->n_rules ? role->rules : &none;
}

/* Escalation */

/* Rights on one resource (of one name) or path: what of them the user does not hold. */
struct right {
	struct str verb, group, resource, name, url;
	bool is_url, is_held;
	size_t n_steps; /* words that it has been compared with, at most */
};

struct lack {
	struct right what; /* without its verb */
	VEC(struct str) verbs;
};

struct lacks {
	VEC(struct lack) list;
};

static bool url_covers(struct str held, struct str wanted)
{
	if (str_eq(held, wanted))
		return true;
	return held.len && held.ptr[held.len - 1] == '*' &&
	       str_has_prefix(wanted, str_sub(held, 0, held.len - 1));
}

/* "*" of what is wanted is covered by "*" only: it is more than any list. */
static bool resource_covers(const struct access_rule *r, struct str wanted)
{
	ptrdiff_t slash = str_find(wanted, '/');

	if (has_or_all(&r->resources, wanted))
		return true;
	for (size_t i = 0; slash >= 0 && i < r->resources.n; i++) {
		struct str s = r->resources.ptr[i];

		if (str_has_prefix(s, STR("*/")) &&
		    str_eq(str_skip(s, 2), str_skip(wanted, (size_t)slash + 1)))
			return true;
	}
	return false;
}

static void check_right(void *ctx, const struct access_rule *r)
{
	struct right *w = ctx;

	if (w->is_held)
		return;
	w->n_steps += 1 + r->verbs.n + r->groups.n + r->resources.n + r->names.n + r->urls.n;
	if (!has_or_all(&r->verbs, w->verb))
		return;
	for (size_t i = 0; w->is_url && i < r->urls.n; i++)
		w->is_held |= url_covers(r->urls.ptr[i], w->url);
	if (!w->is_url)
		w->is_held = has_or_all(&r->groups, w->group) && resource_covers(r, w->resource) &&
			     (!r->names.n || (w->name.ptr && has(&r->names, w->name)));
}

static void note_lack(struct lacks *l, const struct right *w)
{
	struct lack *at = NULL;

	vec_foreach(k, &l->list)
		if (k->what.is_url == w->is_url && str_eq(k->what.group, w->group) &&
		    str_eq(k->what.resource, w->resource) && str_eq(k->what.name, w->name) &&
		    str_eq(k->what.url, w->url))
			at = k;
	if (!at) {
		at = vec_push(&l->list);
		at->what = *w;
	}
	*vec_push(&at->verbs) = w->verb; /* maybe again */
}

struct asker {
	const struct access_rbac *b;
	const struct access_user *u;
	struct str ns;
	struct lacks lacks;
	size_t n_asked, n_steps;
};

/* False: enough has been asked. */
static bool ask(struct asker *k, struct right w)
{
	if (k->n_asked == ACCESS_RIGHTS_MAX || k->n_steps > ACCESS_STEPS_MAX ||
	    k->lacks.list.len == ACCESS_LACKS_IN_RULE_MAX)
		return false;
	k->n_asked++;
	access_rbac_each(k->b, k->u, k->ns, check_right, &w);
	k->n_steps += w.n_steps;
	if (!w.is_held)
		note_lack(&k->lacks, &w);
	return true;
}

static bool ask_resource(struct asker *k, const struct access_rule *r, struct right w)
{
	if (!r->names.n)
		return ask(k, w);
	for (size_t n = 0; n < r->names.n; n++) {
		w.name = r->names.ptr[n];
		if (!ask(k, w))
			return false;
	}
	return true;
}

static bool ask_verb(struct asker *k, const struct access_rule *r, struct str verb)
{
	for (size_t i = 0; i < r->urls.n; i++)
		if (!ask(k, (struct right){.verb = verb, .url = r->urls.ptr[i], .is_url = true}))
			return false;
	for (size_t g = 0; r->resources.n && g < r->groups.n; g++)
		for (size_t i = 0; i < r->resources.n; i++)
			if (!ask_resource(k, r,
					  (struct right){.verb = verb,
							 .group = r->groups.ptr[g],
							 .resource = r->resources.ptr[i]}))
				return false;
	return true;
}

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static struct str lack_text(struct arena *a, struct lack *k)
{
	const struct right *w = &k->what;
	struct buf b = BUF_INIT;
	struct str ret;

	vec_sort(&k->verbs, str_order);
	if (w->is_url)
		buf_printf(&b, "{NonResourceURLs:[\"%.*s\"]", STR_ARG(w->url));
	else
		buf_printf(&b, "{APIGroups:[\"%.*s\"], Resources:[\"%.*s\"]", STR_ARG(w->group),
			   STR_ARG(w->resource));
	if (w->name.ptr)
		buf_printf(&b, ", ResourceNames:[\"%.*s\"]", STR_ARG(w->name));
	buf_add_c(&b, ", Verbs:[");
	vec_foreach(v, &k->verbs)
		if (v == k->verbs.ptr || !str_eq(v[-1], *v))
			buf_printf(&b, "%s\"%.*s\"", v == k->verbs.ptr ? "" : " ", STR_ARG(*v));
	buf_add_c(&b, "]}");
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

/* A line for each resource, sorted. */
static struct str lacks_text(struct arena *a, struct lacks *l)
{
	struct str *lines = arena_array(a, l->list.len, sizeof(*lines)), ret;
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->list.len; i++)
		lines[i] = lack_text(a, &l->list.ptr[i]);
	qsort(lines, l->list.len, sizeof(*lines), str_order);
	for (size_t i = 0; i < l->list.len; i++)
		buf_printf(&b, "%s%.*s", i ? "\n" : "", STR_ARG(lines[i]));
	ret = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

bool access_rbac_covers(const struct access_rbac *b, const struct access_user *u, struct str ns,
			const struct access_rule *rules, size_t n, struct arena *a,
			struct str *ret_missing)
{
	struct asker k = {.b = b, .u = u, .ns = ns};
	bool is_covered, is_whole = true;

	if (access_user_in(u, ACCESS_GROUP_MASTERS))
		return true;
	for (size_t i = 0; is_whole && i < n && k.lacks.list.len < ACCESS_LACKS_MAX; i++)
		for (size_t v = 0; is_whole && v < rules[i].verbs.n; v++)
			is_whole = ask_verb(&k, &rules[i], rules[i].verbs.ptr[v]);
	is_covered = is_whole && !k.lacks.list.len;
	if (!is_covered)
		*ret_missing = k.lacks.list.len
				       ? lacks_text(a, &k.lacks)
				       : str_printf(a,
						    "more than %d rights, give them in several "
						    "roles",
						    ACCESS_RIGHTS_MAX);
	vec_foreach(l, &k.lacks.list)
		vec_fini(&l->verbs);
	vec_fini(&k.lacks.list);
	return is_covered;
}
