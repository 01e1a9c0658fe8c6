/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emptying a namespace that ends. Each second what is left in it is deleted through the same calls
 * as a client's; nobody waits for the answers, the next look tells. What is left, and which
 * finalizers hold it, is said in the namespace's conditions, in the words of a stock server; when
 * nothing is left the namespace's own finalizer "kubernetes" is taken off.
 */
#include "apiserver/write/namespace.h"

enum {
	SWEEP_FINALIZERS_MAX = 32, /* different ones that the status tells */
};

/* What is left in one namespace. */
struct sweep {
	struct apiserver *s;
	struct arena *a;
	struct str ns;
	size_t n_left;
	struct buf left; /* "pods. has 2 resource instances, …" */
	struct str finalizers[SWEEP_FINALIZERS_MAX];
	size_t held[SWEEP_FINALIZERS_MAX], n_finalizers;
};

static void sweep_done(void *ctx, int r, const struct err *err)
{
}

static void send_call(struct apiserver *s, enum http_method method, struct str target,
		      const struct json *body)
{
	static const struct http_call_events events = {.on_done = sweep_done};
	static const struct http_header patch = {{"content-type", 12},
						 {"application/merge-patch+json", 28}};
	struct http_call_request req = {.method = method, .target = target};
	struct http_transport *calls = server_calls(s);
	struct buf b = BUF_INIT;

	if (body) {
		json_write(&b, body);
		req.body = bytes_dup(buf_str(&b));
	}
	if (method == HTTP_PATCH) {
		req.headers = &patch;
		req.n_headers = 1;
	}
	calls->ops->send(calls, &req, &events, NULL);
	bytes_unref(req.body);
	buf_fini(&b);
}

static void count_finalizer(struct sweep *w, struct str name)
{
	size_t i = 0;

	while (i < w->n_finalizers && !str_eq(w->finalizers[i], name))
		i++;
	if (i == SWEEP_FINALIZERS_MAX)
		return;
	if (i == w->n_finalizers)
		w->finalizers[w->n_finalizers++] = name;
	w->held[i]++;
}

static void count_finalizers(struct sweep *w, struct object *o)
{
	const struct json *list;
	struct json *tree;

	/* Nearly always the text alone says that there are none. */
	if (!memmem(o->value->data, o->value->len, "\"finalizers\"", strlen("\"finalizers\"")) ||
	    object_decode(w->a, o, 0, &tree, NULL) < 0)
		return;
	list = json_path(tree, "metadata.finalizers");
	if (json_is(list, JSON_ARRAY))
		json_foreach(f, list)
			count_finalizer(w, json_string(f));
}

static void sweep_kind(struct sweep *w, const struct cache *c)
{
	const struct api_kind *kind = c->res->kind;
	size_t first, end;

	if (!kind->is_namespaced)
		return;
	cache_span(c, w->ns, &first, &end);
	if (first == end)
		return;
	w->n_left += end - first;
	buf_printf(&w->left, "%s%s.%s has %zu resource instances", w->left.len ? ", " : "",
		   kind->plural, kind->group, end - first);
	for (size_t i = first; i < end; i++)
		count_finalizers(w, c->objects.ptr[i]);
	send_call(w->s, HTTP_DELETE, api_kind_path(w->a, kind, w->ns, (struct str){0}), NULL);
}

/* Only the cluster's own finalizer: what others have put there they take off themselves. */
static void finalize(struct sweep *w, struct json *obj)
{
	struct json *list = json_path(obj, "spec.finalizers");

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(f, list) {
		if (str_eq_c(json_string(f), "kubernetes")) {
			json_unlink(list, f);
			send_call(w->s, HTTP_PUT,
				  str_printf(w->a, "/api/v1/namespaces/%.*s/finalize",
					     STR_ARG(w->ns)),
				  obj);
			return;
		}
	}
}

/* Conditions */

static struct json *find_condition(const struct json *list, const char *type)
{
	if (json_is(list, JSON_ARRAY))
		json_foreach(c, list)
			if (str_eq_c(json_get_string(c, "type"), type))
				return c;
	return NULL;
}

/* True when it says something new. */
static bool put_condition(struct sweep *w, struct json *list, const char *type, bool is,
			  const char *reason, struct str message)
{
	const struct clock *clock = w->s->clock;
	struct str status = is ? STR("True") : STR("False");
	struct json *c = find_condition(list, type);
	char now[CLOCK_RFC3339_MAX];

	if (c && str_eq(json_get_string(c, "status"), status) &&
	    str_eq_c(json_get_string(c, "reason"), reason) &&
	    str_eq(json_get_string(c, "message"), message))
		return false;
	if (!c)
		c = json_append(list, json_new(w->a, JSON_OBJECT));
	json_set(c, "type", json_new_string(w->a, str_of(type)));
	if (!str_eq(json_get_string(c, "status"), status))
		json_set(c, "lastTransitionTime",
			 json_new_string(
				 w->a, str_dup(w->a, clock_format(now, clock->wall_ns(clock), 0))));
	json_set(c, "status", json_new_string(w->a, status));
	json_set(c, "reason", json_new_string(w->a, str_of(reason)));
	json_set(c, "message", json_new_string(w->a, message));
	return true;
}

static struct str finalizers_text(struct sweep *w)
{
	struct buf b = BUF_INIT;
	struct str ret;

	buf_add_c(&b, "Some content in the namespace has finalizers remaining: ");
	for (size_t i = 0; i < w->n_finalizers; i++)
		buf_printf(&b, "%s%.*s in %zu resource instances", i ? ", " : "",
			   STR_ARG(w->finalizers[i]), w->held[i]);
	ret = str_dup(w->a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static void tell(struct sweep *w, const struct json *obj)
{
	const struct json *was = json_path(obj, "status.conditions");
	struct json *list =
		json_is(was, JSON_ARRAY) ? json_clone(w->a, was) : json_new(w->a, JSON_ARRAY);
	struct json *patch = json_new(w->a, JSON_OBJECT);
	bool is_new = false;

	is_new |=
		put_condition(w, list, "NamespaceDeletionDiscoveryFailure", false,
			      "ResourcesDiscovered", STR("All resources successfully discovered"));
	is_new |= put_condition(w, list, "NamespaceDeletionGroupVersionParsingFailure", false,
				"ParsedGroupVersions",
				STR("All legacy kube types successfully parsed"));
	is_new |= put_condition(
		w, list, "NamespaceDeletionContentFailure", false, "ContentDeleted",
		STR("All content successfully deleted, may be waiting on finalization"));
	if (w->n_left)
		is_new |= put_condition(w, list, "NamespaceContentRemaining", true,
					"SomeResourcesRemain",
					str_printf(w->a, "Some resources are remaining: %.*s",
						   (int)w->left.len, w->left.ptr));
	else
		is_new |= put_condition(w, list, "NamespaceContentRemaining", false,
					"ContentRemoved", STR("All content successfully removed"));
	if (w->n_finalizers)
		is_new |= put_condition(w, list, "NamespaceFinalizersRemaining", true,
					"SomeFinalizersRemain", finalizers_text(w));
	else
		is_new |= put_condition(w, list, "NamespaceFinalizersRemaining", false,
					"ContentHasNoFinalizers",
					STR("All content-preserving finalizers finished"));
	if (!is_new)
		return;
	json_set(json_object_at(w->a, patch, "status"), "conditions", list);
	send_call(w->s, HTTP_PATCH,
		  str_printf(w->a, "/api/v1/namespaces/%.*s/status", STR_ARG(w->ns)), patch);
}

static void sweep(struct apiserver *s, struct object *o)
{
	struct sweep w = {.s = s, .left = BUF_INIT};
	struct json *obj;
	struct arena a;

	arena_init(&a, 0);
	w.a = &a;
	w.ns = str_dup(&a, object_name(o));
	if (object_decode_copy(&a, o, o->rev, &obj, NULL) == 0) {
		vec_foreach(c, &s->caches)
			sweep_kind(&w, *c);
		if (w.n_left)
			tell(&w, obj);
		else
			finalize(&w, obj);
	}
	buf_fini(&w.left);
	arena_fini(&a);
}

void namespace_sweep_tick(struct apiserver *s)
{
	const struct cache *c = server_resource_of(s, "Namespace")->cache;

	if (!s->is_ready)
		return;
	vec_foreach(o, &c->objects) {
		if (namespace_is_terminating(*o))
			sweep(s, *o);
	}
}
