/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages are written front to back. A nested one is begun with one byte for its length, which is
 * right for most of them; a longer one is moved up when it ends and its length is known.
 */
#include "api/proto.h"

#include "api/kind.h"
#include "api/proto-internal.h"
#include "base/clock.h"

enum {
	VARINT_MAX = 10, /* bytes of 64 bits, 7 in each */
};

static void put_object(struct buf *b, const struct api_type *type, const struct json *obj);

static inline size_t format_varint(char *to, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		to[n++] = (char)(v | 0x80);
	to[n++] = (char)v;
	return n;
}

/* Room for n bytes and what they need in front; the NUL behind is set when all is written. */
static inline char *room(struct buf *b, size_t n)
{
	if (b->cap - b->len <= n + 2 * VARINT_MAX)
		buf_reserve(b, n + 2 * VARINT_MAX);
	return b->ptr + b->len;
}

static inline size_t format_tag(char *to, uint32_t number, enum proto_wire_type type)
{
	return format_varint(to, (uint64_t)number << 3 | type);
}

static void put_tag(struct buf *b, uint32_t number, enum proto_wire_type type)
{
	b->len += format_tag(room(b, 0), number, type);
}

static void put_number(struct buf *b, uint32_t number, uint64_t v)
{
	char *at = room(b, 0);
	size_t n = format_tag(at, number, PROTO_VARINT);

	b->len += n + format_varint(at + n, v);
}

static void put_bytes(struct buf *b, uint32_t number, struct str s)
{
	char *at = room(b, s.len);
	size_t n = format_tag(at, number, PROTO_BYTES);

	n += format_varint(at + n, s.len);
	if (s.len > 0)
		memcpy(at + n, s.ptr, s.len);
	b->len += n + s.len;
}

/* Begins a nested message; what it returns is for end(). */
static size_t begin(struct buf *b, uint32_t number)
{
	char *at = room(b, 0);
	size_t n = format_tag(at, number, PROTO_BYTES);

	at[n] = 0;
	b->len += n + 1;
	return b->len;
}

static void end(struct buf *b, size_t begun)
{
	size_t len = b->len - begun, n;
	char text[VARINT_MAX];

	if (len < 0x80) {
		b->ptr[begun - 1] = (char)len;
		return;
	}
	n = format_varint(text, len);
	room(b, n);
	memmove(b->ptr + begun + n - 1, b->ptr + begun, len);
	memcpy(b->ptr + begun - 1, text, n);
	b->len += n - 1;
}

static void put_double(struct buf *b, uint32_t number, const struct json *n)
{
	double v = n->type == JSON_INT ? (double)n->integer : n->number;
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_tag(b, number, PROTO_FIXED64);
	for (size_t i = 0; i < sizeof(bits); i++)
		buf_add_byte(b, (char)(bits >> (8 * i)));
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* api_strict has seen to it that it is base64; what is not ends the value. */
static void put_base64(struct buf *b, uint32_t number, struct str s)
{
	size_t begun = begin(b, number);
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.ptr[i] ? strchr(alphabet, s.ptr[i]) : NULL;

		if (!at)
			break;
		acc = acc << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_add_byte(b, (char)(acc >> bits));
		}
	}
	end(b, begun);
}

static void put_time(struct buf *b, uint32_t number, enum api_value value, struct str text)
{
	int64_t ns, s;
	size_t begun;

	if (clock_parse(text, &ns, NULL) < 0)
		return;
	s = ns / PROTO_NS;
	ns %= PROTO_NS;
	if (ns < 0) {
		s--;
		ns += PROTO_NS;
	}
	begun = begin(b, number);
	put_number(b, 1, (uint64_t)s);
	put_number(b, 2, value == API_TIME ? 0 : (uint64_t)(ns / 1000 * 1000));
	end(b, begun);
}

static void put_int_or_string(struct buf *b, uint32_t number, const struct json *n)
{
	size_t begun = begin(b, number);

	put_number(b, 1, n->type == JSON_STRING);
	put_number(b, 2, n->type == JSON_INT ? (uint64_t)n->integer : 0);
	put_bytes(b, 3, json_string(n));
	end(b, begun);
}

static void put_raw(struct buf *b, uint32_t number, const struct json *n)
{
	size_t begun = begin(b, number), raw = begin(b, 1);

	json_write(b, n);
	end(b, raw);
	end(b, begun);
}

static void put_string(struct buf *b, uint32_t number, enum api_value value, struct str s)
{
	size_t begun;

	switch (value) {
	case API_STRING:
		put_bytes(b, number, s);
		break;
	case API_BYTES:
		put_base64(b, number, s);
		break;
	case API_TIME:
	case API_MICRO_TIME:
		put_time(b, number, value, s);
		break;
	case API_QUANTITY:
		begun = begin(b, number);
		put_bytes(b, 1, s);
		end(b, begun);
		break;
	case API_INT32:
	case API_INT64:
	case API_DOUBLE:
	case API_BOOL:
	case API_INT_OR_STRING:
	case API_OBJECT:
	case API_RAW:
	default:
		break;
	}
}

static bool is_int_or_string(const struct json *n)
{
	return n->type == JSON_STRING ||
	       (n->type == JSON_INT && n->integer >= INT32_MIN && n->integer <= INT32_MAX);
}

static void put_value(struct buf *b, uint32_t number, const struct api_field *f,
		      const struct json *n)
{
	size_t begun;

	if (f->value == API_RAW) {
		put_raw(b, number, n);
	} else if (f->value == API_INT_OR_STRING) {
		if (is_int_or_string(n))
			put_int_or_string(b, number, n);
	} else if (n->type == JSON_STRING) {
		put_string(b, number, f->value, n->string);
	} else if (n->type == JSON_INT && (f->value == API_INT32 || f->value == API_INT64)) {
		put_number(b, number, (uint64_t)n->integer);
	} else if (n->type == JSON_BOOL && f->value == API_BOOL) {
		put_number(b, number, n->boolean);
	} else if ((n->type == JSON_INT || n->type == JSON_NUMBER) && f->value == API_DOUBLE) {
		put_double(b, number, n);
	} else if (n->type == JSON_OBJECT && f->value == API_OBJECT) {
		begun = begin(b, number);
		put_object(b, f->type, n);
		end(b, begun);
	}
}

static void put_field(struct buf *b, const struct api_field *f, const struct json *n)
{
	size_t begun;

	if (f->shape == API_ONE) {
		if (n->type != JSON_NULL)
			put_value(b, f->number, f, n);
	} else if (f->shape == API_LIST && n->type == JSON_ARRAY) {
		json_foreach(c, n)
			put_value(b, f->number, f, c);
	} else if (f->shape == API_MAP && n->type == JSON_OBJECT) {
		json_foreach(c, n) {
			begun = begin(b, f->number);
			put_bytes(b, 1, c->key);
			put_value(b, 2, f, c);
			end(b, begun);
		}
	}
}

/* A message of its own, of those members of the parent that belong to it; none without them. */
static void put_inline(struct buf *b, const struct api_field *f, const struct json *parent)
{
	size_t was = b->len, begun = begin(b, f->number), empty = b->len;

	put_object(b, f->type, parent);
	if (b->len == empty)
		buf_set_len(b, was);
	else
		end(b, begun);
}

static void put_object(struct buf *b, const struct api_type *type, const struct json *obj)
{
	json_foreach(c, obj) {
		const struct api_field *f = api_field_own(type, c->key);

		if (f && f->number && !(f->flags & API_FIELD_INLINE))
			put_field(b, f, c);
	}
	for (size_t i = 0; type->has_inline && i < type->n_fields; i++)
		if (type->fields[i].flags & API_FIELD_INLINE)
			put_inline(b, &type->fields[i], obj);
}

void api_proto_encode(struct buf *b, const struct api_type *type, const struct json *obj)
{
	put_object(b, type, obj);
	buf_set_len(b, b->len);
}

size_t api_proto_begin(struct buf *b, struct str api_version, struct str kind)
{
	size_t meta, begun;

	buf_add_str(b, PROTO_MAGIC);
	meta = begin(b, 1);
	put_bytes(b, 1, api_version);
	put_bytes(b, 2, kind);
	end(b, meta);
	begun = begin(b, 2);
	buf_set_len(b, b->len);
	return begun;
}

void api_proto_end(struct buf *b, size_t begun)
{
	end(b, begun);
	put_bytes(b, 3, STR(""));
	put_bytes(b, 4, STR(""));
	buf_set_len(b, b->len);
}

void api_proto_write(struct buf *b, struct str api_version, struct str kind,
		     const struct api_type *type, const struct json *obj)
{
	size_t begun = api_proto_begin(b, api_version, kind);

	put_object(b, type, obj);
	api_proto_end(b, begun);
}

void api_proto_add_list_meta(struct buf *b, const struct json *meta)
{
	size_t begun = begin(b, 1);

	put_object(b, api_type_find(STR("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta")), meta);
	end(b, begun);
	buf_set_len(b, b->len);
}

void api_proto_add_item(struct buf *b, const struct api_type *type, const struct json *obj)
{
	size_t begun = begin(b, 2);

	put_object(b, type, obj);
	end(b, begun);
	buf_set_len(b, b->len);
}

void api_proto_write_message(struct buf *b, struct str api_version, struct str kind,
			     struct str message)
{
	size_t begun = api_proto_begin(b, api_version, kind);

	buf_add_str(b, message);
	api_proto_end(b, begun);
}

void api_proto_add_message(struct buf *b, struct str message)
{
	put_bytes(b, 2, message);
	buf_set_len(b, b->len);
}

struct api_proto_event api_proto_begin_event(struct buf *b, struct str type)
{
	struct api_proto_event ret;

	buf_add(b, "\0\0\0\0", 4);
	ret.frame = b->len;
	put_bytes(b, 1, type);
	ret.object = begin(b, 2);
	ret.raw = begin(b, 1);
	buf_set_len(b, b->len);
	return ret;
}

void api_proto_end_event(struct buf *b, struct api_proto_event begun)
{
	size_t len;

	end(b, begun.raw);
	end(b, begun.object);
	buf_set_len(b, b->len);
	len = b->len - begun.frame;
	for (size_t i = 0; i < 4; i++)
		b->ptr[begun.frame - 4 + i] = (char)(len >> (8 * (3 - i)));
}
