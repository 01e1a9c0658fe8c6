/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/server.h"

const struct resource *server_resource(const struct apiserver *s, struct str group,
				       struct str version, struct str plural)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	const struct api_kind *kind = api_kind_by_resource(group, version, plural);

	return kind ? &s->resources[kind - kinds] : NULL;
}

const struct resource *server_resource_of(const struct apiserver *s, const char *kind)
{
	size_t n;
	const struct api_kind *kinds = api_kinds(&n);
	const struct api_kind *k = api_kind_of(kind);

	assert(k);
	return &s->resources[k - kinds];
}

struct http_transport *server_calls(struct apiserver *s)
{
	if (!s->own_calls)
		s->own_calls = apiserver_transport(s);
	return s->own_calls;
}

void server_tell(struct apiserver *s, bool is_error, const char *fmt, ...)
{
	struct err err;
	va_list ap;

	if (!s->config.tell)
		return;
	va_start(ap, fmt);
	IGNORE(err_vset(&err, ERR_INTERNAL, fmt, ap), "only the text is wanted");
	va_end(ap);
	s->config.tell(s->config.ctx, is_error, err.msg);
}

struct str server_store_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name)
{
	return str_printf(a, SERVER_REGISTRY "%s/%.*s%s%.*s", res->kind->storage, STR_ARG(ns),
			  ns.len ? "/" : "", STR_ARG(name));
}

struct str server_cache_key(struct arena *a, const struct resource *res, struct str ns,
			    struct str name)
{
	if (!res->kind->is_namespaced)
		return name;
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

struct cache *server_cache_of(const struct apiserver *s, struct str store_key, struct str *ret_key)
{
	struct str rest = str_skip(store_key, STR(SERVER_REGISTRY).len);

	vec_foreach(c, &s->caches) {
		struct str storage = str_of((*c)->res->kind->storage);

		if (rest.len > storage.len && str_has_prefix(rest, storage) &&
		    rest.ptr[storage.len] == '/') {
			*ret_key = str_skip(rest, storage.len + 1);
			return *c;
		}
	}
	return NULL;
}
