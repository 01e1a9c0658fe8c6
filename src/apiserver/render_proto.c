/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/render_proto.h"

#include "api/proto.h"

#include <inttypes.h>

/* What is stored was encoded by us; were it damaged, an empty object is what can be told of it. */
static struct bytes *encode(const struct resource *res, const struct object *o, uint64_t rev)
{
	struct buf b = BUF_INIT;
	struct bytes *ret;
	struct json *tree;
	struct arena a;

	arena_init(&a, 16 * 1024);
	if (object_decode_as(&a, res, o, rev, &tree, NULL) < 0)
		tree = json_new(&a, JSON_OBJECT);
	api_proto_encode(&b, res->kind->type, tree);
	ret = bytes_dup(buf_str(&b));
	buf_fini(&b);
	arena_fini(&a);
	return ret;
}

/* The object's message, a new reference. Kept as it is at the object's own revision: only the event
 * of a deletion shows another. */
static struct bytes *message_of(const struct resource *res, struct object *o, uint64_t rev)
{
	if (rev != o->rev || res->from_stored)
		return encode(res, o, rev);
	if (!o->proto)
		o->proto = encode(res, o, rev);
	return bytes_ref(o->proto);
}

static void write_tree(struct buf *b, const struct resource *res, const struct json *tree)
{
	api_proto_write(b, res->api_version, str_of(res->kind->kind), res->kind->type, tree);
}

void render_proto_object(struct buf *b, const struct resource *res, struct object *o, uint64_t rev)
{
	struct bytes *message = message_of(res, o, rev);

	buf_reserve(b, message->len + 64);
	api_proto_write_message(b, res->api_version, str_of(res->kind->kind), bytes_str(message));
	bytes_unref(message);
}

void render_proto_list(struct buf *b, const struct resource *res, const struct render_list *list)
{
	struct arena a;
	size_t begun;

	arena_init(&a, 0);
	begun = api_proto_begin(b, res->api_version, str_of(res->kind->list_kind));
	api_proto_add_list_meta(
		b, render_list_meta(&a, list->rev, list->continue_token, list->remaining));
	for (size_t i = 0; i < list->n; i++) {
		struct bytes *message = message_of(res, list->objects[i], list->objects[i]->rev);

		api_proto_add_message(b, bytes_str(message));
		bytes_unref(message);
	}
	api_proto_end(b, begun);
	arena_fini(&a);
}

void render_proto_event(struct buf *b, const struct resource *res, const char *type,
			struct object *o, uint64_t rev)
{
	struct api_proto_event begun = api_proto_begin_event(b, str_of(type));

	render_proto_object(b, res, o, rev);
	api_proto_end_event(b, begun);
}

void render_proto_bookmark(struct buf *b, const struct resource *res, uint64_t rev,
			   bool is_end_of_initial)
{
	struct api_proto_event begun = api_proto_begin_event(b, STR("BOOKMARK"));
	struct json *tree, *meta;
	struct arena a;

	arena_init(&a, 0);
	tree = json_new(&a, JSON_OBJECT);
	meta = json_object_at(&a, tree, "metadata");
	json_set(meta, "resourceVersion", json_new_string(&a, str_printf(&a, "%" PRIu64, rev)));
	if (is_end_of_initial)
		json_set(json_object_at(&a, meta, "annotations"), "k8s.io/initial-events-end",
			 json_new_string(&a, STR("true")));
	write_tree(b, res, tree);
	arena_fini(&a);
	api_proto_end_event(b, begun);
}

void render_proto_tree(struct buf *b, const char *api_version, const char *kind, const char *type,
		       struct str json)
{
	struct json *tree;
	struct arena a;

	arena_init(&a, 0);
	if (json_parse(&a, json, JSON_BORROW, &tree, NULL) < 0)
		tree = json_new(&a, JSON_OBJECT);
	api_proto_write(b, str_of(api_version), str_of(kind), api_type_find(str_of(type)), tree);
	arena_fini(&a);
}

void render_proto_status(struct buf *b, struct str json)
{
	render_proto_tree(b, "v1", "Status", "io.k8s.apimachinery.pkg.apis.meta.v1.Status", json);
}

void render_proto_error(struct buf *b, struct str json)
{
	struct api_proto_event begun = api_proto_begin_event(b, STR("ERROR"));

	render_proto_status(b, json);
	api_proto_end_event(b, begun);
}
