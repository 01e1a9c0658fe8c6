/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/object.h"

#include "api/proto.h"
#include "api/strict.h"
#include "apiserver/cache.h"

#include <inttypes.h>

struct object *object_new(struct str key, struct bytes *value, size_t head_len, uint64_t rev,
			  uint64_t create_rev)
{
	struct object *o = mem_xalloc(sizeof(*o) + key.len + 1);
	ptrdiff_t slash = str_find(key, '/');

	assert(key.len <= UINT16_MAX && head_len <= value->len);
	*o = (struct object){
		.refs = 1,
		.head_len = (uint32_t)head_len,
		.rev = rev,
		.create_rev = create_rev,
		.value = bytes_ref(value),
		.ns_len = (uint16_t)(slash < 0 ? 0 : slash),
		.key_len = (uint16_t)key.len,
	};
	memcpy(o->key, key.ptr, key.len);
	o->key[key.len] = '\0';
	return o;
}

struct object *object_ref(struct object *o)
{
	o->refs++;
	return o;
}

void object_unref(struct object *o)
{
	if (!o || --o->refs > 0)
		return;
	bytes_unref(o->value);
	bytes_unref(o->proto);
	free(o);
}

struct str object_key(const struct object *o)
{
	return str_n(o->key, o->key_len);
}

struct str object_ns(const struct object *o)
{
	return o->ns_len ? str_n(o->key, o->ns_len) : (struct str){0};
}

struct str object_name(const struct object *o)
{
	return str_skip(object_key(o), o->ns_len ? (size_t)o->ns_len + 1 : 0);
}

struct bytes *object_encode(struct arena *a, const struct resource *res, struct json *tree)
{
	struct json *meta = json_object_at(a, tree, "metadata");
	struct buf b = BUF_INIT;
	struct bytes *ret;

	if (res->to_stored) {
		res->to_stored(a, tree);
		res = res->cache->res;
	}
	json_remove(meta, "resourceVersion");
	json_unlink(tree, meta);
	json_remove(tree, "kind");
	json_remove(tree, "apiVersion");
	json_prepend(tree, "metadata", meta);
	json_prepend(tree, "apiVersion", json_new_string(a, res->api_version));
	json_prepend(tree, "kind", json_new_string(a, str_of(res->kind->kind)));
	json_write(&b, tree);
	ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	assert(object_is_stored_form(res, bytes_str(ret)));
	return ret;
}

bool object_is_stored_form(const struct resource *res, struct str value)
{
	/* A name is the least that metadata has: the splice relies on a member after it. */
	return str_has_prefix(value, res->head) && value.len > res->head.len &&
	       value.ptr[res->head.len] == '"';
}

/* A stock server stores what clients may send, too. */
static int parse_proto(struct arena *a, const struct resource *res, struct str value,
		       struct json **ret, struct err *err)
{
	struct api_proto_envelope e;
	struct api_strs issues;
	struct json *tree;
	int r = api_proto_open(value, &e, err);

	if (r == 0 &&
	    !(str_eq_c(e.kind, res->kind->kind) && str_eq(e.api_version, res->api_version)))
		r = err_set(err, ERR_BAD_REQUEST, "a %.*s of %.*s instead of %.*s", STR_ARG(e.kind),
			    STR_ARG(e.api_version), STR_ARG(res->api_version));
	if (r == 0)
		r = api_proto_parse(a, res->kind->type, e.message, &tree, err);
	if (r == 0)
		r = api_strict(a, res->kind, tree, &issues, err);
	if (r == 0)
		*ret = tree;
	return r;
}

int object_to_stored_form(const struct resource *res, struct bytes *value, struct bytes **ret,
			  struct err *err)
{
	struct arena a;
	struct json *tree;
	int r;

	if (object_is_stored_form(res, bytes_str(value))) {
		*ret = bytes_ref(value);
		return 0;
	}
	arena_init(&a, 0);
	if (api_proto_is(bytes_str(value)))
		r = parse_proto(&a, res, bytes_str(value), &tree, err);
	else
		r = json_parse(&a, bytes_str(value), JSON_BORROW, &tree, err);
	if (r == 0 && !str_is_set(json_get_string(json_get(tree, "metadata"), "name")))
		r = err_set(err, ERR_BAD_REQUEST, "not an object with a name");
	if (r == 0)
		*ret = object_encode(&a, res, tree);
	arena_fini(&a);
	return r;
}

static void add_rev(struct buf *b, uint64_t rev)
{
	if (!rev)
		return;
	buf_add_c(b, "\"resourceVersion\":\"");
	buf_add_u64(b, rev);
	buf_add_c(b, "\",");
}

static struct str body_of(const struct object *o)
{
	return str_skip(bytes_str(o->value), o->head_len);
}

/* Not a copy: in the shape of another group. */
static void write_as(struct buf *b, const struct resource *res, const struct object *o,
		     uint64_t rev, bool is_item)
{
	struct json *tree;
	struct arena a;

	arena_init(&a, 4096);
	/* What is stored was encoded by us; were it damaged, an empty object is what can be told.
	 */
	if (object_decode_as(&a, res, o, rev, &tree, NULL) < 0)
		tree = json_new(&a, JSON_OBJECT);
	json_remove(tree, "kind");
	json_remove(tree, "apiVersion");
	if (!is_item) {
		json_prepend(tree, "apiVersion", json_new_string(&a, res->api_version));
		json_prepend(tree, "kind", json_new_string(&a, str_of(res->kind->kind)));
	}
	json_write(b, tree);
	arena_fini(&a);
}

void object_write(struct buf *b, const struct resource *res, const struct object *o, uint64_t rev)
{
	if (res->from_stored) {
		write_as(b, res, o, rev, false);
		return;
	}
	buf_reserve(b, o->value->len + OBJECT_REV_TEXT_MAX + 32);
	buf_add_str(b, res->head);
	add_rev(b, rev);
	buf_add_str(b, body_of(o));
}

void object_write_item(struct buf *b, const struct resource *res, const struct object *o,
		       uint64_t rev)
{
	if (res->from_stored) {
		write_as(b, res, o, rev, true);
		return;
	}
	buf_add_c(b, "{\"metadata\":{");
	add_rev(b, rev);
	buf_add_str(b, body_of(o));
}

/* Length of the members of metadata and its closing brace: s begins inside the object. */
static size_t metadata_len(struct str s)
{
	size_t depth = 1;
	bool in_string = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
			continue;
		}
		if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return i + 1;
	}
	return s.len;
}

void object_write_metadata(struct buf *b, const struct object *o, uint64_t rev, const char *version)
{
	struct str body = body_of(o);

	buf_add_c(b, "{");
	if (version)
		buf_printf(b, "\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"%s\",", version);
	buf_add_c(b, "\"metadata\":{");
	add_rev(b, rev);
	buf_add_str(b, str_sub(body, 0, metadata_len(body)));
	buf_add_byte(b, '}');
}

static int decode(struct arena *a, struct str text, const struct object *o, uint64_t rev,
		  struct json **ret, struct err *err)
{
	struct json *tree, *meta;
	int r = json_parse(a, text, JSON_BORROW, &tree, err);

	if (r < 0)
		return err_wrap(err, ERR_INTERNAL, "stored object '%s'", o->key);
	meta = json_get(tree, "metadata");
	if (rev && meta)
		json_set(meta, "resourceVersion",
			 json_new_string(a, str_printf(a, "%" PRIu64, rev)));
	*ret = tree;
	return 0;
}

int object_decode(struct arena *a, const struct object *o, uint64_t rev, struct json **ret,
		  struct err *err)
{
	return decode(a, bytes_str(o->value), o, rev, ret, err);
}

int object_decode_as(struct arena *a, const struct resource *res, const struct object *o,
		     uint64_t rev, struct json **ret, struct err *err)
{
	int r = object_decode(a, o, rev, ret, err);

	if (r == 0 && res->from_stored)
		res->from_stored(a, *ret);
	return r;
}

int object_decode_copy(struct arena *a, const struct object *o, uint64_t rev, struct json **ret,
		       struct err *err)
{
	return decode(a, str_dup(a, bytes_str(o->value)), o, rev, ret, err);
}
