/* SPDX-License-Identifier: Apache-2.0 */
#include "api/proto.h"

#include "api/kind.h"
#include "base/clock.h"

#include <inttypes.h>

enum {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
	NS_PER_S = 1000000000,
};

struct proto {
	struct arena *a;
	const char *begin; /* of the message, for offsets */
	int depth;
	struct err *err;
};

/* One field as it stands on the wire. */
struct wire {
	uint64_t number;
	unsigned type;
	uint64_t n;       /* WIRE_VARINT, WIRE_FIXED64, WIRE_FIXED32 */
	struct str bytes; /* WIRE_BYTES */
};

static int malformed(struct proto *p, struct str at, const char *what)
{
	return err_set(p->err, ERR_BAD_REQUEST, "%s at byte %td", what, at.ptr - p->begin);
}

static bool read_varint(struct str *rest, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && rest->len; shift += 7) {
		unsigned char c = (unsigned char)rest->ptr[0];

		*rest = str_skip(*rest, 1);
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool read_fixed(struct str *rest, size_t size, uint64_t *ret)
{
	*ret = 0;
	if (rest->len < size)
		return false;
	for (size_t i = 0; i < size; i++)
		*ret |= (uint64_t)(unsigned char)rest->ptr[i] << (8 * i);
	*rest = str_skip(*rest, size);
	return true;
}

static bool read_bytes(struct str *rest, struct str *ret)
{
	uint64_t len;

	if (!read_varint(rest, &len) || len > rest->len)
		return false;
	*ret = str_sub(*rest, 0, (size_t)len);
	*rest = str_skip(*rest, (size_t)len);
	return true;
}

/* 1 with the next field; 0 at the end. */
static int wire_next(struct proto *p, struct str *rest, struct wire *ret)
{
	struct str at = *rest;
	uint64_t tag;
	bool is_read = false;

	*ret = (struct wire){0};
	if (!rest->len)
		return 0;
	if (!read_varint(rest, &tag) || tag >> 3 == 0 || tag >> 32)
		return malformed(p, at, "bad field tag");
	ret->number = tag >> 3;
	ret->type = tag & 7;
	if (ret->type == WIRE_VARINT)
		is_read = read_varint(rest, &ret->n);
	else if (ret->type == WIRE_FIXED64)
		is_read = read_fixed(rest, 8, &ret->n);
	else if (ret->type == WIRE_BYTES)
		is_read = read_bytes(rest, &ret->bytes);
	else if (ret->type == WIRE_FIXED32)
		is_read = read_fixed(rest, 4, &ret->n);
	return is_read ? 1 : malformed(p, at, "bad or truncated field");
}

/* The fields 1 to 3 of a small message, the last of each; others are skipped. */
static int read_small(struct proto *p, struct str message, struct wire ret[3])
{
	struct wire w;
	int r;

	memset(ret, 0, 3 * sizeof(*ret));
	while ((r = wire_next(p, &message, &w)) > 0)
		if (w.number <= 3)
			ret[w.number - 1] = w;
	return r;
}

static int parse_object(struct proto *p, const struct api_type *type, struct str message,
			struct json *obj);

/* The value functions leave *ret NULL for what stands for nothing. */

static int int_or_string(struct proto *p, struct str message, struct json **ret)
{
	struct wire f[3];
	int r = read_small(p, message, f);

	if (r < 0)
		return r;
	*ret = f[0].n ? json_new_string(p->a, f[2].bytes) : json_new_int(p->a, (int64_t)f[1].n);
	return 0;
}

static int timestamp(struct proto *p, struct str message, int digits, struct json **ret)
{
	char text[CLOCK_RFC3339_MAX];
	struct wire f[3];
	int64_t s, ns;
	int r = read_small(p, message, f);

	/* Go's zero time is an empty message. */
	if (r < 0 || !message.len)
		return r;
	s = (int64_t)f[0].n;
	ns = (int64_t)f[1].n;
	if (s <= INT64_MIN / NS_PER_S || s >= INT64_MAX / NS_PER_S || ns < 0 || ns >= NS_PER_S)
		return malformed(p, message, "a time out of range");
	*ret = json_new_string(p->a, str_dup(p->a, clock_format(text, s * NS_PER_S + ns, digits)));
	return 0;
}

static struct json *base64(struct proto *p, struct str s)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	buf_add_base64(&b, s);
	return json_new_string(p->a, str_dup(p->a, buf_str(&b)));
}

static int raw_json(struct proto *p, struct str message, struct json **ret)
{
	struct wire f[3];
	struct err err;
	int r = read_small(p, message, f);

	if (r < 0 || !f[0].bytes.len)
		return r;
	if (json_parse(p->a, f[0].bytes, 0, ret, &err) < 0)
		return err_set(p->err, ERR_BAD_REQUEST, "JSON inside: %s", err.msg);
	return 0;
}

static int floating(struct proto *p, const struct wire *w, struct json **ret)
{
	double d;
	struct str text;

	memcpy(&d, &w->n, sizeof(d));
	text = str_printf(p->a, "%.17g", d);
	if (json_parse(p->a, text, 0, ret, NULL) < 0)
		return err_set(p->err, ERR_BAD_REQUEST, "%.*s is no number", STR_ARG(text));
	return 0;
}

static int quantity(struct proto *p, struct str message, struct json **ret)
{
	struct wire f[3];
	int r = read_small(p, message, f);

	if (r == 0)
		*ret = json_new_string(p->a, f[0].bytes);
	return r;
}

static unsigned wire_type(enum api_value v)
{
	if (v == API_DOUBLE)
		return WIRE_FIXED64;
	return v == API_INT32 || v == API_INT64 || v == API_BOOL ? WIRE_VARINT : WIRE_BYTES;
}

static int parse_value(struct proto *p, const struct api_field *f, const struct wire *w,
		       struct json **ret)
{
	*ret = NULL;
	switch (f->value) {
	case API_INT32:
	case API_INT64:
		*ret = json_new_int(p->a, (int64_t)w->n);
		return 0;
	case API_BOOL:
		*ret = json_new_bool(p->a, w->n != 0);
		return 0;
	case API_DOUBLE:
		return floating(p, w, ret);
	case API_INT_OR_STRING:
		return int_or_string(p, w->bytes, ret);
	case API_QUANTITY:
		return quantity(p, w->bytes, ret);
	case API_TIME:
		return timestamp(p, w->bytes, 0, ret);
	case API_MICRO_TIME:
		return timestamp(p, w->bytes, 6, ret);
	case API_BYTES:
		*ret = base64(p, w->bytes);
		return 0;
	case API_RAW:
		return raw_json(p, w->bytes, ret);
	case API_OBJECT:
		*ret = json_new(p->a, JSON_OBJECT);
		return parse_object(p, f->type, w->bytes, *ret);
	case API_STRING:
	default:
		*ret = json_new_string(p->a, w->bytes);
		return 0;
	}
}

static bool is_zero(const struct json *n)
{
	return (n->type == JSON_INT && !n->integer) || (n->type == JSON_BOOL && !n->boolean) ||
	       (n->type == JSON_STRING && !n->string.len);
}

static int add_pair(struct proto *p, const struct api_field *f, struct str message,
		    struct json *obj)
{
	struct json *map = json_object_at(p->a, obj, f->name), *value;
	struct wire pair[3];
	int r = read_small(p, message, pair);

	/* What is not on the wire is the zero of its type. */
	if (r == 0 && pair[1].number && pair[1].type != wire_type(f->value))
		r = malformed(p, message, "a map's value of the wrong wire type");
	if (r == 0)
		r = parse_value(p, f, &pair[1], &value);
	if (r == 0 && value)
		json_set_str(map, str_dup(p->a, pair[0].bytes), value);
	return r;
}

static void add_element(struct proto *p, const struct api_field *f, struct json *obj,
			struct json *value)
{
	struct json *list = json_get(obj, f->name);

	if (!list)
		list = json_set(obj, f->name, json_new(p->a, JSON_ARRAY));
	json_append(list, value);
}

static int add_field(struct proto *p, const struct api_field *f, const struct wire *w,
		     struct json *obj)
{
	unsigned expected = f->shape == API_MAP ? WIRE_BYTES : wire_type(f->value);
	struct json *value;
	int r;

	if (w->type != expected)
		return err_set(p->err, ERR_BAD_REQUEST, "field %s has wire type %u, not %u",
			       f->name, w->type, expected);
	if (f->shape == API_MAP)
		return add_pair(p, f, w->bytes, obj);
	if (f->flags & API_FIELD_INLINE)
		return parse_object(p, f->type, w->bytes, obj);
	r = parse_value(p, f, w, &value);
	if (r < 0 || !value)
		return r;
	if (f->shape == API_LIST)
		add_element(p, f, obj, value);
	else if (!is_zero(value) || f->flags & (API_FIELD_POINTER | API_FIELD_ALWAYS))
		json_set(obj, f->name, value);
	return 0;
}

static int parse_object(struct proto *p, const struct api_type *type, struct str message,
			struct json *obj)
{
	struct wire w;
	int r;

	if (++p->depth > JSON_DEPTH_MAX)
		return err_set(p->err, ERR_TOO_LARGE, "nested too deeply (limit %d)",
			       JSON_DEPTH_MAX);
	while ((r = wire_next(p, &message, &w)) > 0) {
		for (size_t i = 0; r > 0 && i < type->n_fields; i++)
			if (type->fields[i].number == w.number)
				r = MIN(add_field(p, &type->fields[i], &w, obj), 0) ?: 1;
		if (r < 0)
			break;
	}
	p->depth--;
	return r;
}

int api_proto_parse(struct arena *a, const struct api_type *type, struct str message,
		    struct json **ret, struct err *err)
{
	_cleanup_(buf_fini) struct buf text = BUF_INIT;
	struct proto p = {.a = a, .begin = message.ptr, .err = err};
	struct json *obj = json_new(a, JSON_OBJECT);
	int r = parse_object(&p, type, message, obj);

	if (r < 0)
		return r;
	/* By way of text: whatever a tree may hold (UTF-8, depth) is judged in one place. */
	json_write(&text, obj);
	return json_parse(a, buf_str(&text), 0, ret, err);
}

int api_proto_open(struct str body, struct api_proto_envelope *ret, struct err *err)
{
	static const struct str magic = {"k8s", 4}; /* with its NUL */
	struct proto p = {.begin = body.ptr, .err = err};
	struct wire envelope[3], names[3];
	int r;

	if (!str_has_prefix(body, magic))
		return err_set(err, ERR_BAD_REQUEST, "it does not begin with \"k8s\\0\"");
	r = read_small(&p, str_skip(body, magic.len), envelope);
	if (r == 0)
		r = read_small(&p, envelope[0].bytes, names);
	if (r < 0)
		return r;
	if (envelope[2].bytes.len)
		return err_set(err, ERR_BAD_REQUEST, "content encodings are not supported");
	*ret = (struct api_proto_envelope){names[0].bytes, names[1].bytes, envelope[1].bytes};
	return 0;
}
