/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/health.h"

enum {
	EXCLUDES_MAX = 32,
};

static bool is_alive(const struct apiserver *s)
{
	return true;
}

static bool has_store(const struct apiserver *s)
{
	return !s->is_stale;
}

static bool is_synced(const struct apiserver *s)
{
	return s->is_loaded;
}

static bool has_booted(const struct apiserver *s)
{
	return s->is_ready || s->is_stopping;
}

static bool is_staying(const struct apiserver *s)
{
	return !s->is_stopping;
}

static const struct check {
	const char *name;
	bool (*is_good)(const struct apiserver *s);
	bool is_for_ready; /* otherwise for all three */
} checks[] = {
	{"ping", is_alive, false},
	{"log", is_alive, false},
	{"etcd", has_store, false},
	{"etcd-readiness", has_store, true},
	{"informer-sync", is_synced, true},
	{"poststarthook/rbac/bootstrap-roles", has_booted, true},
	{"poststarthook/bootstrap-controller", has_booted, true},
	{"shutdown", is_staying, true},
};

bool health_is_path(struct str path)
{
	static const char *const roots[] = {"/healthz", "/livez", "/readyz"};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		struct str root = str_of(roots[i]);

		if (str_has_prefix(path, root) &&
		    (path.len == root.len || path.ptr[root.len] == '/'))
			return true;
	}
	return false;
}

struct excludes {
	struct str names[EXCLUDES_MAX];
	bool is_used[EXCLUDES_MAX];
	size_t n;
};

static void read_excludes(struct http_exchange *x, struct excludes *e)
{
	struct str name;

	e->n = 0;
	while (e->n < EXCLUDES_MAX &&
	       str_is_set(name = http_query(&x->arena, x->req.query, "exclude", e->n))) {
		e->is_used[e->n] = false;
		e->names[e->n++] = name;
	}
}

static bool is_excluded(struct excludes *e, const char *name)
{
	bool ret = false;

	for (size_t i = 0; i < e->n; i++) {
		if (!str_eq_c(e->names[i], name))
			continue;
		e->is_used[i] = true;
		ret = true;
	}
	return ret;
}

/* The lines of all checks that apply; false when one has failed. */
static bool run_checks(const struct apiserver *s, bool wants_ready, struct excludes *e,
		       struct buf *b)
{
	bool is_good = true, is_first = true;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		const struct check *c = &checks[i];
		bool is_ok = c->is_good(s);

		if (c->is_for_ready && !wants_ready)
			continue;
		if (is_excluded(e, c->name)) {
			buf_printf(b, "[+]%s excluded: ok\n", c->name);
			continue;
		}
		buf_printf(b, is_ok ? "[+]%s ok\n" : "[-]%s failed: reason withheld\n", c->name);
		is_good = is_good && is_ok;
	}
	for (size_t i = 0; i < e->n; i++) {
		if (e->is_used[i])
			continue;
		buf_printf(b, "%s\"%.*s\"",
			   is_first ? "warn: some health checks cannot be excluded: no matches for "
				    : ",",
			   STR_ARG(e->names[i]));
		is_first = false;
	}
	if (!is_first)
		buf_add_byte(b, '\n');
	return is_good;
}

static void answer_one(const struct apiserver *s, struct http_exchange *x, bool wants_ready,
		       struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (!str_eq_c(name, checks[i].name) || (checks[i].is_for_ready && !wants_ready))
			continue;
		if (checks[i].is_good(s))
			http_reply_text(x, 200, "ok");
		else
			http_reply_text(x, 500, "internal server error: reason withheld\n");
		return;
	}
	http_reply_text(x, 404, "404 page not found\n");
}

void health_answer(struct apiserver *s, struct http_exchange *x)
{
	struct str path = str_skip(x->req.path, 1), root;
	struct excludes excludes;
	struct buf b = BUF_INIT;
	bool is_good, wants_ready;

	IGNORE(str_next(&path, '/', &root), "the path begins so");
	wants_ready = str_eq_c(root, "readyz");
	if (path.len) {
		answer_one(s, x, wants_ready, path);
		return;
	}
	read_excludes(x, &excludes);
	is_good = run_checks(s, wants_ready, &excludes, &b);
	buf_printf(&b, "%.*s check %s\n", STR_ARG(root), is_good ? "passed" : "failed");
	if (is_good && !str_is_set(http_query(&x->arena, x->req.query, "verbose", 0)))
		http_reply_text(x, 200, "ok");
	else
		http_reply_text(x, is_good ? 200 : 500, b.ptr);
	buf_fini(&b);
}
