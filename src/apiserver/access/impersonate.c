/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/impersonate.h"

#include "apiserver/access/authorize.h"

#define HEADER_EXTRA "impersonate-extra-"
#define GROUP_AUTHN  "authentication.k8s.io"

enum {
	OWN_GROUPS_MAX = 3, /* that add_own_groups adds */
};

struct wanted {
	struct access_user user;
	struct str *groups;
	struct access_extra *extra;
	bool is_any;
};

static void add_extra(struct arena *a, struct wanted *w, struct str name, struct str value)
{
	struct str key = str_skip(name, strlen(HEADER_EXTRA)), *values;
	struct access_extra *at = NULL;

	/* Broken escapes are told as they are. */
	IGNORE(http_unescape(a, key, false, &key, NULL), "leaves the key as it was");
	for (size_t i = 0; i < w->user.n_extra; i++)
		if (str_eq(w->extra[i].key, key))
			at = &w->extra[i];
	if (!at) {
		at = &w->extra[w->user.n_extra++];
		at->key = key;
	}
	values = arena_array(a, at->n + 1, sizeof(*values));
	if (at->n)
		memcpy(values, at->values, at->n * sizeof(*values));
	values[at->n++] = value;
	at->values = values;
}

/* Room for whatever the headers name, which http.h limits, and for add_own_groups: who impersonates
 * gets exactly what was asked for. */
static void begin(struct arena *a, size_t n_headers, struct wanted *w)
{
	w->groups = arena_array(a, n_headers + OWN_GROUPS_MAX, sizeof(*w->groups));
	w->extra = arena_array(a, n_headers, sizeof(*w->extra));
	w->user.groups = w->groups;
	w->user.extra = w->extra;
	w->is_any = true;
}

static void read_headers(struct arena *a, const struct http_request *req, struct wanted *w)
{
	for (size_t i = 0; i < req->n_headers; i++) {
		struct str name = req->headers[i].name, value = req->headers[i].value;

		if (!str_has_prefix(name, STR("impersonate-")))
			continue;
		if (!w->is_any)
			begin(a, req->n_headers, w);
		if (str_eq_c(name, "impersonate-user"))
			w->user.name = value;
		else if (str_eq_c(name, "impersonate-uid"))
			w->user.uid = value;
		else if (str_eq_c(name, "impersonate-group"))
			w->groups[w->user.n_groups++] = value;
		else if (str_has_prefix(name, STR(HEADER_EXTRA)))
			add_extra(a, w, name, value);
	}
}

/* One question, in the words of Kubernetes. */
static int may(struct apiserver *s, const struct access_user *u, const struct access_attrs *about,
	       struct status *st)
{
	struct access_attrs at = *about;

	at.verb = STR("impersonate");
	at.is_resource = true;
	at.version = STR("v1");
	return authorize(s, u, &at) ? 0 : authorize_refuse(s, u, &at, st);
}

static int may_be_user(struct apiserver *s, const struct access_user *u, struct str name,
		       struct status *st)
{
	struct access_attrs at = {.group = STR(""), .resource = STR("users"), .name = name};
	struct str ns, account;

	if (access_service_account(name, &ns, &account)) {
		at.resource = STR("serviceaccounts");
		at.ns = ns;
		at.name = account;
	}
	return may(s, u, &at, st);
}

static int may_have_extra(struct apiserver *s, const struct access_user *u,
			  const struct access_extra *extra, struct status *st)
{
	for (size_t i = 0; i < extra->n; i++) {
		const struct access_attrs at = {.group = STR(GROUP_AUTHN),
						.resource = STR("userextras"),
						.sub = extra->key,
						.name = extra->values[i]};
		int r = may(s, u, &at, st);

		if (r < 0)
			return r;
	}
	return 0;
}

static int may_be(struct apiserver *s, const struct access_user *u, const struct access_user *other,
		  struct status *st)
{
	int r = may_be_user(s, u, other->name, st);

	for (size_t i = 0; r == 0 && i < other->n_groups; i++)
		r = may(s, u,
			&(struct access_attrs){.group = STR(""),
					       .resource = STR("groups"),
					       .name = other->groups[i]},
			st);
	if (r == 0 && other->uid.len)
		r = may(s, u,
			&(struct access_attrs){.group = STR(GROUP_AUTHN),
					       .resource = STR("uids"),
					       .name = other->uid},
			st);
	for (size_t i = 0; r == 0 && i < other->n_extra; i++)
		r = may_have_extra(s, u, &other->extra[i], st);
	return r;
}

/* The groups that everybody of that name is in. */
static void add_own_groups(struct arena *a, struct wanted *w)
{
	struct access_user *u = &w->user;
	struct str ns, account;

	if (str_eq_c(u->name, ACCESS_USER_ANONYMOUS)) {
		if (!access_user_in(u, ACCESS_GROUP_UNAUTHENTICATED))
			w->groups[u->n_groups++] = STR(ACCESS_GROUP_UNAUTHENTICATED);
		return;
	}
	if (!u->n_groups && access_service_account(u->name, &ns, &account)) {
		w->groups[u->n_groups++] = STR(ACCESS_SA_GROUP);
		w->groups[u->n_groups++] = str_printf(a, ACCESS_SA_GROUP ":%.*s", STR_ARG(ns));
	}
	if (!access_user_in(u, ACCESS_GROUP_AUTHENTICATED) &&
	    !access_user_in(u, ACCESS_GROUP_UNAUTHENTICATED))
		w->groups[u->n_groups++] = STR(ACCESS_GROUP_AUTHENTICATED);
}

int impersonate(struct apiserver *s, struct http_exchange *x, const struct access_user **u,
		struct status *st)
{
	struct wanted w = {0};
	struct access_user *ret;
	int r;

	read_headers(&x->arena, &x->req, &w);
	if (!w.is_any)
		return 0;
	if (!w.user.name.len)
		return status_set(st, ERR_BAD_REQUEST,
				  "a group, uid or extra is to be impersonated without a user: "
				  "Impersonate-User is missing");
	r = may_be(s, *u, &w.user, st);
	if (r < 0)
		return r;
	add_own_groups(&x->arena, &w);
	ret = arena_new(&x->arena, struct access_user);
	*ret = w.user;
	*u = ret;
	return 0;
}
