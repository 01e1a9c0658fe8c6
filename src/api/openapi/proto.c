/* SPDX-License-Identifier: Apache-2.0 */
#include "api/openapi/openapi-internal.h"

/*
 * An OpenAPI 2.0 document as protobuf: openapi.v2.Document of gnostic, whose field numbers these
 * are (OpenAPIv2.proto). What JSON says with keys, gnostic says with lists of (name, value), and
 * anything free is JSON text in Any.yaml. A table says what becomes what.
 */

enum proto_shape {
	PROTO_STRING,
	PROTO_STRINGS,
	PROTO_BOOL,
	PROTO_ANY,
	PROTO_ANYS,
	PROTO_MESSAGE,    /* through `wrap` (a message with that one field) when it is not 0 */
	PROTO_NAMED,      /* a message with repeated (name = 1, value = 2) in field `wrap` */
	PROTO_TYPE,       /* TypeItem */
	PROTO_PARAMETERS, /* repeated ParametersItem */
};

struct proto_message;

struct proto_field {
	const char *name; /* in JSON */
	unsigned number;
	enum proto_shape shape;
	const struct proto_message *message;
	unsigned wrap;
};

struct proto_message {
	const struct proto_field *fields;
	size_t n;
	unsigned extension; /* number of vendor_extension, 0: none */
	unsigned wrap;      /* as the value of a name: through a message with that one field */
};

#define PROTO(message_fields, ...)                                                                 \
	{                                                                                          \
		message_fields, ARRAY_LEN(message_fields), __VA_ARGS__                             \
	}

static const struct proto_message proto_schema;

static const struct proto_field proto_schema_fields[] = {
	{"$ref", 1, PROTO_STRING, NULL, 0},
	{"format", 2, PROTO_STRING, NULL, 0},
	{"description", 4, PROTO_STRING, NULL, 0},
	{"default", 5, PROTO_ANY, NULL, 0},
	{"required", 19, PROTO_STRINGS, NULL, 0},
	{"enum", 20, PROTO_ANYS, NULL, 0},
	{"additionalProperties", 21, PROTO_MESSAGE, &proto_schema, 1},
	{"type", 22, PROTO_TYPE, NULL, 0},
	{"items", 23, PROTO_MESSAGE, &proto_schema, 1},
	{"properties", 25, PROTO_NAMED, &proto_schema, 1},
};
static const struct proto_message proto_schema = PROTO(proto_schema_fields, 31, 0);

static const struct proto_field proto_response_fields[] = {
	{"description", 1, PROTO_STRING, NULL, 0},
	{"schema", 2, PROTO_MESSAGE, &proto_schema, 1},
};
static const struct proto_message proto_response = PROTO(proto_response_fields, 5, 1);

static const struct proto_field proto_operation_fields[] = {
	{"description", 3, PROTO_STRING, NULL, 0},
	{"operationId", 5, PROTO_STRING, NULL, 0},
	{"produces", 6, PROTO_STRINGS, NULL, 0},
	{"consumes", 7, PROTO_STRINGS, NULL, 0},
	{"parameters", 8, PROTO_PARAMETERS, NULL, 0},
	{"responses", 9, PROTO_NAMED, &proto_response, 1},
};
static const struct proto_message proto_operation = PROTO(proto_operation_fields, 13, 0);

static const struct proto_field proto_path_fields[] = {
	{"get", 2, PROTO_MESSAGE, &proto_operation, 0},
	{"put", 3, PROTO_MESSAGE, &proto_operation, 0},
	{"post", 4, PROTO_MESSAGE, &proto_operation, 0},
	{"delete", 5, PROTO_MESSAGE, &proto_operation, 0},
	{"patch", 8, PROTO_MESSAGE, &proto_operation, 0},
	{"parameters", 9, PROTO_PARAMETERS, NULL, 0},
};
static const struct proto_message proto_path = PROTO(proto_path_fields, 10, 0);

static const struct proto_field proto_info_fields[] = {
	{"title", 1, PROTO_STRING, NULL, 0},
	{"version", 2, PROTO_STRING, NULL, 0},
};
static const struct proto_message proto_info = PROTO(proto_info_fields, 7, 0);

static const struct proto_field proto_document_fields[] = {
	{"swagger", 1, PROTO_STRING, NULL, 0},
	{"info", 2, PROTO_MESSAGE, &proto_info, 0},
	{"paths", 8, PROTO_NAMED, &proto_path, 2},
	{"definitions", 9, PROTO_NAMED, &proto_schema, 1},
};
static const struct proto_message proto_document = PROTO(proto_document_fields, 16, 0);

static const struct proto_field proto_body_fields[] = {
	{"description", 1, PROTO_STRING, NULL, 0},
	{"name", 2, PROTO_STRING, NULL, 0},
	{"in", 3, PROTO_STRING, NULL, 0},
	{"required", 4, PROTO_BOOL, NULL, 0},
	{"schema", 5, PROTO_MESSAGE, &proto_schema, 0},
};
static const struct proto_message proto_body = PROTO(proto_body_fields, 6, 0);

static const struct proto_field proto_query_fields[] = {
	{"required", 1, PROTO_BOOL, NULL, 0},      {"in", 2, PROTO_STRING, NULL, 0},
	{"description", 3, PROTO_STRING, NULL, 0}, {"name", 4, PROTO_STRING, NULL, 0},
	{"type", 6, PROTO_STRING, NULL, 0},        {"uniqueItems", 20, PROTO_BOOL, NULL, 0},
};
static const struct proto_message proto_query = PROTO(proto_query_fields, 23, 0);

static const struct proto_field proto_pathparam_fields[] = {
	{"required", 1, PROTO_BOOL, NULL, 0},      {"in", 2, PROTO_STRING, NULL, 0},
	{"description", 3, PROTO_STRING, NULL, 0}, {"name", 4, PROTO_STRING, NULL, 0},
	{"type", 5, PROTO_STRING, NULL, 0},        {"uniqueItems", 18, PROTO_BOOL, NULL, 0},
};
static const struct proto_message proto_pathparam = PROTO(proto_pathparam_fields, 22, 0);

static void proto_add_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_add_byte(b, (char)(v | 0x80));
	buf_add_byte(b, (char)v);
}

/* A length-delimited field. */
static void proto_add_bytes(struct buf *b, unsigned number, struct str s)
{
	proto_add_varint(b, (uint64_t)number << 3 | 2);
	proto_add_varint(b, s.len);
	buf_add_str(b, s);
}

static void proto_add_any(struct buf *b, unsigned number, const struct json *n)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT, any = BUF_INIT;

	json_write(&text, n);
	proto_add_bytes(&any, 2, buf_str(&text));
	proto_add_bytes(b, number, buf_str(&any));
}

static void proto_encode(struct buf *b, const struct proto_message *m, const struct json *n);

/* Field `number` with the message, through one with the one field `wrap` when that is not 0. */
static void proto_add_message(struct buf *b, unsigned number, unsigned wrap,
			      const struct proto_message *m, const struct json *n)
{
	_cleanup_(buf_fini) struct buf inner = BUF_INIT, outer = BUF_INIT;

	proto_encode(&inner, m, n);
	if (wrap)
		proto_add_bytes(&outer, wrap, buf_str(&inner));
	proto_add_bytes(b, number, buf_str(wrap ? &outer : &inner));
}

static void proto_add_named(struct buf *b, const struct proto_field *f, const struct json *n)
{
	_cleanup_(buf_fini) struct buf list = BUF_INIT, pair = BUF_INIT;

	for (const struct json *c = n->first; c; c = c->next) {
		buf_clear(&pair);
		proto_add_bytes(&pair, 1, c->key);
		proto_add_message(&pair, 2, f->message->wrap, f->message, c);
		proto_add_bytes(&list, f->wrap, buf_str(&pair));
	}
	proto_add_bytes(b, f->number, buf_str(&list));
}

/* ParametersItem.parameter = 1: body_parameter = 1 or non_body_parameter = 2, and that: query = 3
 * or path = 4. */
static void proto_add_parameter(struct buf *b, unsigned number, const struct json *n)
{
	_cleanup_(buf_fini) struct buf which = BUF_INIT, param = BUF_INIT, item = BUF_INIT;
	struct str in = json_get_string(n, "in");

	if (str_eq_c(in, "body")) {
		proto_add_message(&param, 1, 0, &proto_body, n);
	} else {
		bool is_path = str_eq_c(in, "path");

		proto_add_message(&which, is_path ? 4 : 3, 0,
				  is_path ? &proto_pathparam : &proto_query, n);
		proto_add_bytes(&param, 2, buf_str(&which));
	}
	proto_add_bytes(&item, 1, buf_str(&param));
	proto_add_bytes(b, number, buf_str(&item));
}

static void proto_add_field(struct buf *b, const struct proto_field *f, const struct json *n)
{
	_cleanup_(buf_fini) struct buf inner = BUF_INIT;

	switch (f->shape) {
	case PROTO_STRING:
		proto_add_bytes(b, f->number, json_string(n));
		break;
	case PROTO_STRINGS:
		for (const struct json *c = n->first; c; c = c->next)
			proto_add_bytes(b, f->number, json_string(c));
		break;
	case PROTO_BOOL:
		proto_add_varint(b, f->number << 3);
		proto_add_varint(b, n->boolean);
		break;
	case PROTO_ANY:
		proto_add_any(b, f->number, n);
		break;
	case PROTO_ANYS:
		for (const struct json *c = n->first; c; c = c->next)
			proto_add_any(b, f->number, c);
		break;
	case PROTO_MESSAGE:
		proto_add_message(b, f->number, f->wrap, f->message, n);
		break;
	case PROTO_NAMED:
		proto_add_named(b, f, n);
		break;
	case PROTO_TYPE:
		proto_add_bytes(&inner, 1, json_string(n));
		proto_add_bytes(b, f->number, buf_str(&inner));
		break;
	case PROTO_PARAMETERS:
	default:
		for (const struct json *c = n->first; c; c = c->next)
			proto_add_parameter(b, f->number, c);
		break;
	}
}

static void proto_add_extensions(struct buf *b, unsigned number, const struct json *n)
{
	_cleanup_(buf_fini) struct buf pair = BUF_INIT;

	for (const struct json *c = n->first; c; c = c->next) {
		if (!str_has_prefix(c->key, STR("x-")))
			continue;
		buf_clear(&pair);
		proto_add_bytes(&pair, 1, c->key);
		proto_add_any(&pair, 2, c);
		proto_add_bytes(b, number, buf_str(&pair));
	}
}

static void proto_encode(struct buf *b, const struct proto_message *m, const struct json *n)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct json *value = json_get(n, m->fields[i].name);

		if (value)
			proto_add_field(b, &m->fields[i], value);
	}
	if (m->extension)
		proto_add_extensions(b, m->extension, n);
}

void api_openapi_encode(const struct json *v2_document, struct buf *b)
{
	proto_encode(b, &proto_document, v2_document);
}
