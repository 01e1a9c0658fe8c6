/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/authenticate.h"

#include "base/map.h"

/* A token whose signature was good. */
struct known {
	struct arena arena;
	struct json *claims;
	struct access_user user;
	/* What it is bound to, and the revision at which its uid was seen to be right. */
	uint64_t account_rev, bound_rev;
};

struct authenticate {
	struct apiserver *s;
	struct access_jwt_keys *keys;
	struct access_tokens *tokens;
	struct map known; /* by token */
};

struct authenticate *authenticate_new(struct apiserver *s)
{
	struct authenticate *a = mem_xnew(struct authenticate);

	a->s = s;
	return a;
}

static void known_free(void *p)
{
	struct known *k = p;

	arena_fini(&k->arena);
	free(k);
}

static void forget_all(struct authenticate *a)
{
	map_fini_values(&a->known, known_free);
	a->known = (struct map){0};
}

void authenticate_free(struct authenticate *a)
{
	if (!a)
		return;
	forget_all(a);
	access_jwt_keys_free(a->keys);
	access_tokens_free(a->tokens);
	free(a);
}

void authenticate_set_keys(struct authenticate *a, struct access_jwt_keys *keys)
{
	forget_all(a);
	access_jwt_keys_free(a->keys);
	a->keys = keys;
}

void authenticate_set_tokens(struct authenticate *a, struct access_tokens *tokens)
{
	access_tokens_free(a->tokens);
	a->tokens = tokens;
}

const struct access_jwt_keys *authenticate_keys(const struct authenticate *a)
{
	return a->keys;
}

/* ServiceAccount tokens */

static int refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_UNAUTHORIZED, "%s", why);
}

static struct access_user *account_user(struct arena *a, const struct json *claims)
{
	const struct json *own = json_get(claims, "kubernetes.io");
	const struct json *pod = json_get(own, "pod"), *node = json_get(own, "node");
	struct str ns = json_get_string(own, "namespace");
	struct access_user *u = arena_new(a, struct access_user);
	struct access_extra *extra;
	struct str *groups = arena_array(a, 3, sizeof(*groups));
	const struct {
		const char *key;
		struct str value;
	} more[] = {
		{"authentication.kubernetes.io/node-name", json_get_string(node, "name")},
		{"authentication.kubernetes.io/node-uid", json_get_string(node, "uid")},
		{"authentication.kubernetes.io/pod-name", json_get_string(pod, "name")},
		{"authentication.kubernetes.io/pod-uid", json_get_string(pod, "uid")},
		{"authentication.kubernetes.io/credential-id",
		 json_get_string(claims, "jti").len
			 ? str_printf(a, "JTI=%.*s", STR_ARG(json_get_string(claims, "jti")))
			 : (struct str){0}},
	};

	u->name = json_get_string(claims, "sub");
	u->uid = json_get_string(json_get(own, "serviceaccount"), "uid");
	groups[0] = STR(ACCESS_SA_GROUP);
	groups[1] = str_printf(a, ACCESS_SA_GROUP ":%.*s", STR_ARG(ns));
	groups[2] = STR(ACCESS_GROUP_AUTHENTICATED);
	u->groups = groups;
	u->n_groups = 3;
	extra = arena_array(a, ARRAY_LEN(more), sizeof(*extra));
	u->extra = extra;
	for (size_t i = 0; i < ARRAY_LEN(more); i++) {
		struct str *value;

		if (!more[i].value.len)
			continue;
		value = arena_new(a, struct str);
		*value = more[i].value;
		extra[u->n_extra++] = (struct access_extra){str_of(more[i].key), value, 1};
	}
	return u;
}

static bool has_issuer(const struct apiserver_config *c, struct str iss)
{
	for (size_t i = 0; c->issuers && c->issuers[i]; i++)
		if (str_eq_c(iss, c->issuers[i]))
			return true;
	return false;
}

/* The audiences, of those wanted, that the token has. */
static size_t audiences_in(const struct json *claims, const struct str *wanted, size_t n,
			   struct str *ret)
{
	const struct json *aud = json_get(claims, "aud");
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_in = json_is(aud, JSON_STRING) && str_eq(json_string(aud), wanted[i]);

		if (json_is(aud, JSON_ARRAY))
			json_foreach(it, aud)
				is_in |= str_eq(json_string(it), wanted[i]);
		if (is_in)
			ret[found++] = wanted[i];
	}
	return found;
}

static int check_times(struct authenticate *a, const struct json *claims, struct err *err)
{
	const struct clock *clock = a->s->clock;
	int64_t now = clock->wall_ns(clock) / 1000000000;

	if (json_get_int(claims, "exp", 0) <= now)
		return refuse(err, "service account token has expired");
	if (json_get_int(claims, "nbf", 0) > now + 60)
		return refuse(err, "service account token is not valid yet");
	return 0;
}

/* Whether the object is there with that uid. *rev: at which this was seen last. */
static bool is_there(struct authenticate *a, const char *kind, struct str ns, struct str name,
		     struct str uid, uint64_t *rev)
{
	const struct resource *res = server_resource_of(a->s, kind);
	const struct object *o;
	struct json *tree;
	struct arena tmp;
	bool ret = false;

	arena_init(&tmp, 1024);
	o = cache_get(res->cache, server_cache_key(&tmp, res, ns, name));
	if (o && o->rev == *rev) {
		ret = true;
	} else if (o && object_decode(&tmp, o, 0, &tree, NULL) == 0 &&
		   str_eq(json_string(json_path(tree, "metadata.uid")), uid)) {
		*rev = o->rev;
		ret = true;
	}
	arena_fini(&tmp);
	return ret;
}

static int check_objects(struct authenticate *a, struct known *k, struct err *err)
{
	static const struct {
		const char *claim, *kind;
	} bounds[] = {{"pod", "Pod"}, {"secret", "Secret"}, {"node", "Node"}};
	const struct json *own = json_get(k->claims, "kubernetes.io");
	const struct json *account = json_get(own, "serviceaccount");
	struct str ns = json_get_string(own, "namespace");

	if (!a->s->is_loaded && !a->s->was_ready)
		return err_set(err, ERR_UNAVAILABLE, "the server is starting");
	if (!is_there(a, "ServiceAccount", ns, json_get_string(account, "name"),
		      json_get_string(account, "uid"), &k->account_rev))
		return refuse(err, "service account token has been invalidated");
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		const struct json *ref = json_get(own, bounds[i].claim);
		/* Of a Pod's token the node is told, too; the Pod is what it is bound to. */
		bool is_extra = i == 2 && json_get(own, "pod");

		if (!ref || is_extra)
			continue;
		if (!is_there(a, bounds[i].kind, ns, json_get_string(ref, "name"),
			      json_get_string(ref, "uid"), &k->bound_rev))
			return refuse(err, "service account token has been invalidated");
	}
	return 0;
}

static int check_subject(const struct json *claims, struct err *err)
{
	const struct json *own = json_get(claims, "kubernetes.io");
	struct str ns, name;

	if (!access_service_account(json_get_string(claims, "sub"), &ns, &name) ||
	    !str_eq(ns, json_get_string(own, "namespace")) ||
	    !str_eq(name, json_get_string(json_get(own, "serviceaccount"), "name")))
		return refuse(err, "the token's subject is not the account that it names");
	return 0;
}

static int verify(struct authenticate *a, struct str token, struct known **ret, struct err *err)
{
	struct known *k = map_get(&a->known, token);
	struct str text;
	int r;

	if (k) {
		*ret = k;
		return 0;
	}
	k = mem_xnew(struct known);
	arena_init(&k->arena, 0);
	text = str_dup(&k->arena, token);
	r = access_jwt_verify(a->keys, &k->arena, text, &k->claims, err);
	if (r == 0 && !has_issuer(&a->s->config, json_get_string(k->claims, "iss")))
		r = refuse(err, "the token is of another issuer");
	if (r == 0)
		r = check_subject(k->claims, err);
	if (r < 0) {
		known_free(k);
		return r;
	}
	k->user = *account_user(&k->arena, k->claims);
	if (map_len(&a->known) >= AUTHENTICATE_CACHE_MAX)
		forget_all(a);
	map_put(&a->known, token, k);
	*ret = k;
	return 0;
}

/* The user of a remembered token may go with it: this is a copy. */
static const struct access_user *copy_user(struct arena *a, const struct access_user *u)
{
	struct access_user *ret = arena_new(a, struct access_user);
	struct str *groups = arena_array(a, u->n_groups, sizeof(*groups));
	struct access_extra *extra = arena_array(a, u->n_extra, sizeof(*extra));

	*ret = *u;
	ret->name = str_dup(a, u->name);
	ret->uid = str_dup(a, u->uid);
	for (size_t i = 0; i < u->n_groups; i++)
		groups[i] = str_dup(a, u->groups[i]);
	for (size_t i = 0; i < u->n_extra; i++) {
		struct str *values = arena_array(a, u->extra[i].n, sizeof(*values));

		for (size_t j = 0; j < u->extra[i].n; j++)
			values[j] = str_dup(a, u->extra[i].values[j]);
		extra[i] =
			(struct access_extra){str_dup(a, u->extra[i].key), values, u->extra[i].n};
	}
	ret->groups = groups;
	ret->extra = extra;
	return ret;
}

/* With system:authenticated as the last group. */
static const struct access_user *authenticated(struct arena *a, struct str name, struct str uid,
					       const struct str *groups, size_t n)
{
	struct access_user *u = arena_new(a, struct access_user);
	struct str *all = arena_array(a, n + 1, sizeof(*all));

	if (n)
		memcpy(all, groups, n * sizeof(*all));
	u->name = name;
	u->uid = uid;
	u->groups = all;
	u->n_groups = n;
	if (!access_user_in(u, ACCESS_GROUP_AUTHENTICATED))
		all[u->n_groups++] = STR(ACCESS_GROUP_AUTHENTICATED);
	return u;
}

static void own_audiences(struct authenticate *a, struct arena *arena, struct access_strs *ret)
{
	const struct apiserver_config *c = &a->s->config;
	struct str *at;
	size_t n = 0;

	while (c->audiences && c->audiences[n])
		n++;
	at = arena_array(arena, n, sizeof(*at));
	for (size_t i = 0; i < n; i++)
		at[i] = str_of(c->audiences[i]);
	*ret = (struct access_strs){at, n};
}

/* Those of x that are in y. */
static struct access_strs common(struct arena *arena, const struct access_strs *x,
				 const struct access_strs *y)
{
	struct str *at = arena_array(arena, x->n, sizeof(*at));
	struct access_strs ret = {at, 0};

	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < y->n; k++)
			if (str_eq(x->ptr[i], y->ptr[k])) {
				at[ret.n++] = x->ptr[i];
				break;
			}
	return ret;
}

int authenticate_token(struct authenticate *a, struct arena *arena, struct str token,
		       const struct access_strs *audiences, const struct access_user **ret,
		       struct access_strs *ret_audiences, struct err *err)
{
	const struct access_user *fixed = a->tokens ? access_tokens_find(a->tokens, token) : NULL;
	struct access_strs own, found;
	struct known *k;
	struct str *at;
	int r;

	own_audiences(a, arena, &own);
	if (fixed) { /* good for the server itself */
		found = audiences && audiences->n ? common(arena, audiences, &own) : own;
		if (!found.n && own.n)
			return refuse(err, "the token is for other audiences");
		*ret = authenticated(arena, str_dup(arena, fixed->name), str_dup(arena, fixed->uid),
				     fixed->groups, fixed->n_groups);
		*ret = copy_user(arena, *ret);
		*ret_audiences = found;
		return 0;
	}
	if (!a->keys || !access_jwt_looks_like(token))
		return refuse(err, "invalid bearer token");
	r = verify(a, token, &k, err);
	if (r == 0)
		r = check_times(a, k->claims, err);
	if (r == 0)
		r = check_objects(a, k, err);
	if (r < 0)
		return r;
	if (!audiences || !audiences->n)
		audiences = &own;
	at = arena_array(arena, audiences->n, sizeof(*at));
	found = (struct access_strs){at, audiences_in(k->claims, audiences->ptr, audiences->n, at)};
	if (!found.n)
		return refuse(err, "the token is for other audiences");
	*ret = copy_user(arena, &k->user);
	*ret_audiences = found;
	return 0;
}

/* Requests */

static struct str bearer(const struct http_request *req)
{
	struct str value = http_header(req->headers, req->n_headers, "authorization"), word;

	if (!str_next(&value, ' ', &word) || !str_eq_nocase(word, STR("bearer")))
		return (struct str){0};
	return str_trim(value);
}

static const struct access_user *anonymous(void)
{
	static const struct str groups[] = {
		{ACCESS_GROUP_UNAUTHENTICATED, sizeof(ACCESS_GROUP_UNAUTHENTICATED) - 1}};
	static const struct access_user user = {
		.name = {ACCESS_USER_ANONYMOUS, sizeof(ACCESS_USER_ANONYMOUS) - 1},
		.groups = groups,
		.n_groups = 1};

	return &user;
}

int authenticate_request(struct authenticate *a, struct http_exchange *x,
			 const struct access_user **ret)
{
	const struct http_peer *peer = x->req.peer;
	struct str token = bearer(&x->req);
	struct access_strs audiences;

	/* Where an agent is, a Node object says, so a node may lead the server to itself or another
	 * server: what it calls agents with must not open it. */
	if (str_eq_c(peer->user, ACCESS_USER_TO_AGENTS))
		return ERR_UNAUTHORIZED;
	if (str_is_set(peer->user)) {
		*ret = authenticated(&x->arena, peer->user, (struct str){0}, peer->groups,
				     peer->n_groups);
		return 0;
	}
	if (token.len)
		return authenticate_token(a, &x->arena, token, NULL, ret, &audiences, NULL);
	if (a->s->config.refuses_anonymous)
		return ERR_UNAUTHORIZED;
	*ret = anonymous();
	return 0;
}
