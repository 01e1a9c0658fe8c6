/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/render.h"

#include "apiserver/render_proto.h"

#include <inttypes.h>

static const char *meta_version(bool is_beta)
{
	return is_beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}

unsigned render_style_index(struct render_style style)
{
	unsigned beta = style.is_beta ? RENDER_STYLES / 2 : 0;

	if (style.format == REQUEST_TABLE)
		return beta + 1 + (unsigned)style.include;
	if (style.format == REQUEST_METADATA)
		return beta + RENDER_STYLES / 2 - 2;
	return style.format == REQUEST_PROTO ? RENDER_STYLES / 2 - 1 : 0;
}

struct json *render_list_meta(struct arena *a, uint64_t rev, struct str token, int64_t remaining)
{
	struct json *meta = json_new(a, JSON_OBJECT);

	json_set(meta, "resourceVersion", json_new_string(a, str_printf(a, "%" PRIu64, rev)));
	if (token.len)
		json_set(meta, "continue", json_new_string(a, token));
	if (remaining >= 0 && token.len)
		json_set(meta, "remainingItemCount", json_new_int(a, remaining));
	return meta;
}

static void add_row(struct api_table *t, const struct resource *res, struct object *o, uint64_t rev)
{
	struct json *tree;

	if (object_decode(t->a, o, rev, &tree, NULL) < 0)
		return;
	/* The cells are those of the stored shape. */
	api_table_add(t, tree);
	if (res->from_stored && t->opts->include == API_INCLUDE_OBJECT)
		res->from_stored(t->a, tree);
}

static void write_table(struct buf *b, const struct resource *res, const struct render_list *list,
			uint64_t object_rev, const struct api_table_opts *opts)
{
	struct api_table t;
	struct arena a;

	arena_init(&a, 16 * 1024);
	api_table_init(&t, &a, res->kind,
		       render_list_meta(&a, list->rev, list->continue_token, list->remaining),
		       opts);
	for (size_t i = 0; i < list->n; i++)
		add_row(&t, res, list->objects[i], object_rev ? object_rev : list->objects[i]->rev);
	json_write(b, t.tree);
	arena_fini(&a);
}

static int64_t wall_ns(const struct request *req)
{
	return req->s->clock->wall_ns(req->s->clock);
}

void render_object(struct buf *b, const struct request *req, struct object *o, uint64_t rev)
{
	struct api_table_opts opts = {
		.include = req->include, .has_columns = true, .is_beta = req->is_beta};

	switch (req->format) {
	case REQUEST_TABLE:
		opts.now_ns = wall_ns(req);
		write_table(
			b, req->res,
			&(struct render_list){.objects = &o, .n = 1, .rev = rev, .remaining = -1},
			rev, &opts);
		return;
	case REQUEST_METADATA:
		object_write_metadata(b, o, rev, meta_version(req->is_beta));
		return;
	case REQUEST_PROTO:
		render_proto_object(b, req->res, o, rev);
		return;
	case REQUEST_JSON:
	default:
		object_write(b, req->res, o, rev);
		return;
	}
}

static size_t size_of(const struct render_list *list)
{
	size_t sum = 256;

	for (size_t i = 0; i < list->n; i++)
		sum += list->objects[i]->value->len + OBJECT_REV_TEXT_MAX + 32;
	return sum;
}

static void add_list_meta(struct buf *b, const struct render_list *list)
{
	buf_printf(b, "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", list->rev);
	if (list->continue_token.len) {
		buf_add_c(b, ",\"continue\":");
		json_write_string(b, list->continue_token);
		if (list->remaining >= 0)
			buf_printf(b, ",\"remainingItemCount\":%" PRId64, list->remaining);
	}
	buf_add_c(b, "},\"items\":[");
}

void render_list(struct buf *b, const struct request *req, const struct render_list *list)
{
	bool is_metadata = req->format == REQUEST_METADATA;

	if (req->format == REQUEST_TABLE) {
		struct api_table_opts opts = {.include = req->include,
					      .has_columns = true,
					      .is_beta = req->is_beta,
					      .now_ns = wall_ns(req)};

		write_table(b, req->res, list, 0, &opts);
		return;
	}
	if (req->format == REQUEST_PROTO) {
		render_proto_list(b, req->res, list);
		return;
	}
	if (!is_metadata)
		buf_reserve(b, size_of(list));
	buf_printf(
		b, "{\"kind\":\"%s\",\"apiVersion\":\"%.*s\",",
		is_metadata ? "PartialObjectMetadataList" : req->res->kind->list_kind,
		STR_ARG(is_metadata ? str_of(meta_version(req->is_beta)) : req->res->api_version));
	add_list_meta(b, list);
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_add_byte(b, ',');
		if (is_metadata)
			object_write_metadata(b, list->objects[i], list->objects[i]->rev, NULL);
		else
			object_write_item(b, req->res, list->objects[i], list->objects[i]->rev);
	}
	buf_add_c(b, "]}");
}

void render_event(struct buf *b, const struct resource *res, struct render_style style,
		  int64_t now_ns, const char *type, struct object *o, uint64_t rev, bool is_first)
{
	if (style.format == REQUEST_PROTO) {
		render_proto_event(b, res, type, o, rev);
		return;
	}
	buf_reserve(b, o->value->len + 128);
	buf_add_c(b, "{\"type\":\"");
	buf_add_c(b, type);
	buf_add_c(b, "\",\"object\":");
	if (style.format == REQUEST_TABLE) {
		struct api_table_opts opts = {.include = style.include,
					      .has_columns = is_first,
					      .is_beta = style.is_beta,
					      .now_ns = now_ns};

		write_table(
			b, res,
			&(struct render_list){.objects = &o, .n = 1, .rev = rev, .remaining = -1},
			rev, &opts);
	} else if (style.format == REQUEST_METADATA) {
		object_write_metadata(b, o, rev, meta_version(style.is_beta));
	} else {
		object_write(b, res, o, rev);
	}
	buf_add_c(b, "}\n");
}

static void write_table_bookmark(struct buf *b, const struct resource *res,
				 struct render_style style, uint64_t rev)
{
	struct api_table_opts opts = {.include = style.include, .is_beta = style.is_beta};
	struct api_table t;
	struct arena a;

	arena_init(&a, 0);
	api_table_init(&t, &a, res->kind, render_list_meta(&a, rev, (struct str){0}, -1), &opts);
	api_table_add_bookmark(&t, str_printf(&a, "%" PRIu64, rev));
	json_write(b, t.tree);
	arena_fini(&a);
}

void render_bookmark(struct buf *b, const struct resource *res, struct render_style style,
		     uint64_t rev, bool is_end_of_initial)
{
	bool is_metadata = style.format == REQUEST_METADATA;

	if (style.format == REQUEST_PROTO) {
		render_proto_bookmark(b, res, rev, is_end_of_initial);
		return;
	}
	buf_add_c(b, "{\"type\":\"BOOKMARK\",\"object\":");
	if (style.format == REQUEST_TABLE) {
		write_table_bookmark(b, res, style, rev);
		buf_add_c(b, "}\n");
		return;
	}
	buf_printf(b,
		   "{\"kind\":\"%s\",\"apiVersion\":\"%.*s\",\"metadata\":"
		   "{\"resourceVersion\":\"%" PRIu64 "\",\"creationTimestamp\":null",
		   is_metadata ? "PartialObjectMetadata" : res->kind->kind,
		   STR_ARG(is_metadata ? str_of(meta_version(style.is_beta)) : res->api_version),
		   rev);
	if (is_end_of_initial)
		buf_add_c(b, ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
	buf_add_c(b, "}}}\n");
}

void render_error(struct buf *b, struct render_style style, const struct status *st)
{
	struct buf json = BUF_INIT;

	status_write(&json, st);
	if (style.format == REQUEST_PROTO)
		render_proto_error(b, buf_str(&json));
	else
		buf_printf(b, "{\"type\":\"ERROR\",\"object\":%s}\n", json.ptr);
	buf_fini(&json);
}
