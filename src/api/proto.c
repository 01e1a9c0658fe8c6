/* SPDX-License-Identifier: Apache-2.0 */
#include "api/proto.h"

#include "api/kind.h"
#include "api/path.h"
#include "api/proto-internal.h"
#include "base/clock.h"

#include <math.h>

enum {
	SEEN_MAX = 64, /* fields of a type that are told apart without looking into the tree */
};

/* Seconds since 1970 of the years 1 and 9999, the range of a Timestamp. */
static const int64_t seconds_min = -62135596800, seconds_max = 253402300799;

struct reader {
	const uint8_t *at, *end;
};

/* One field as it is on the wire. */
struct wire {
	uint32_t number;
	enum proto_wire_type type;
	uint64_t value;   /* varint, fixed 32 and 64 */
	struct str bytes; /* length-delimited */
};

struct decoder {
	struct arena *a;
	size_t n_values;
	unsigned depth;
	struct err *err;
};

/* An object that is being filled. */
struct target {
	const struct api_type *type;
	struct json *obj;
	uint64_t seen;                /* by index in the type's fields; bit set: may be in obj */
	const struct api_field *last; /* list or map that got a value last, */
	struct json *last_node;       /* and where it is */
};

static int decode_message(struct decoder *d, struct target *t, struct str body,
			  const struct api_path *path);

static struct reader reader_of(struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr;

	return (struct reader){at, s.len ? at + s.len : at};
}

static int refuse(struct decoder *d, const struct api_path *path, const char *what)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	api_path_write(&b, path);
	return err_set(d->err, ERR_BAD_REQUEST, "%s%s%s", b.ptr, b.len ? ": " : "", what);
}

/* NULL, or what is wrong with it. */
static inline const char *read_varint(struct reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	if (r->at < r->end && *r->at < 0x80) {
		*ret = *r->at++;
		return NULL;
	}
	for (unsigned shift = 0; r->at < r->end; shift += 7) {
		uint8_t c = *r->at++;

		if (shift == 63 && c > 1)
			return "a varint of more than 64 bits";
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = v;
			return NULL;
		}
	}
	return "a truncated varint";
}

static const char *read_fixed(struct reader *r, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->at) < n)
		return "a truncated number";
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)r->at[i] << (8 * i);
	r->at += n;
	*ret = v;
	return NULL;
}

static const char *read_bytes(struct reader *r, struct str *ret)
{
	uint64_t n;
	const char *wrong = read_varint(r, &n);

	if (wrong)
		return wrong;
	if (n > (uint64_t)(r->end - r->at))
		return "a truncated field: its length is beyond the end of the message";
	*ret = str_n((const char *)r->at, (size_t)n);
	r->at += n;
	return NULL;
}

/* Groups, which nobody has sent for twenty years, are refused. */
static const char *read_wire(struct reader *r, struct wire *ret)
{
	uint64_t tag;
	const char *wrong = read_varint(r, &tag);

	if (wrong)
		return wrong;
	*ret = (struct wire){.number = (uint32_t)(tag >> 3), .type = tag & 7};
	if (tag >> 3 == 0 || tag >> 3 > PROTO_NUMBER_MAX)
		return "a field tag out of range";
	switch (ret->type) {
	case PROTO_VARINT:
		return read_varint(r, &ret->value);
	case PROTO_FIXED64:
		return read_fixed(r, 8, &ret->value);
	case PROTO_BYTES:
		return read_bytes(r, &ret->bytes);
	case PROTO_FIXED32:
		return read_fixed(r, 4, &ret->value);
	case PROTO_NONE:
	default:
		return "a bad wire type";
	}
}

/* A small message without a type in the schema: the last values of its fields 1 to 4. */
struct parts {
	uint64_t number[5];
	struct str bytes[5];
};

/* `types` are the wire types of fields 1, 2, …; PROTO_NONE ends it. */
static const char *read_parts(struct str body, const enum proto_wire_type *types, struct parts *ret)
{
	struct reader r = reader_of(body);
	struct wire w;

	*ret = (struct parts){0};
	while (r.at < r.end) {
		const char *wrong = read_wire(&r, &w);
		size_t i = 0;

		if (wrong)
			return wrong;
		while (types[i] != PROTO_NONE && i + 1 < w.number)
			i++;
		if (types[i] == PROTO_NONE)
			continue;
		if (w.type != types[i])
			return "a wrong wire type";
		ret->number[i + 1] = w.value;
		ret->bytes[i + 1] = w.bytes;
	}
	return NULL;
}

static const char *value_string(struct str s, struct json *n)
{
	if (!json_is_utf8(s))
		return "text that is no UTF-8";
	*n = (struct json){.type = JSON_STRING, .string = s.ptr ? s : STR("")};
	return NULL;
}

static const char *value_int(uint64_t v, bool is_32, struct json *n)
{
	int64_t i = (int64_t)v;

	if (is_32 && (i < INT32_MIN || i > INT32_MAX))
		return "a number that does not fit 32 bits";
	*n = (struct json){.type = JSON_INT, .integer = i};
	return NULL;
}

static const char *value_double(uint64_t v, struct json *n)
{
	double number;

	memcpy(&number, &v, sizeof(number));
	if (!isfinite(number))
		return "a number that JSON does not have";
	*n = (struct json){.type = JSON_NUMBER, .number = number};
	return NULL;
}

static const char *value_bytes(struct arena *a, struct str s, struct json *n)
{
	_cleanup_(buf_fini) struct buf b = BUF_INIT;

	buf_add_base64(&b, s);
	*n = (struct json){.type = JSON_STRING, .string = str_dup(a, buf_str(&b))};
	return NULL;
}

static const char *value_int_or_string(struct str body, struct json *n)
{
	static const enum proto_wire_type types[] = {PROTO_VARINT, PROTO_VARINT, PROTO_BYTES,
						     PROTO_NONE};
	struct parts p;
	const char *wrong = read_parts(body, types, &p);

	if (wrong)
		return wrong;
	if (p.number[1] > 1)
		return "an IntOrString that is neither";
	return p.number[1] == 1 ? value_string(p.bytes[3], n) : value_int(p.number[2], true, n);
}

static const char *value_quantity(struct str body, struct json *n)
{
	static const enum proto_wire_type types[] = {PROTO_BYTES, PROTO_NONE};
	struct parts p;
	const char *wrong = read_parts(body, types, &p);

	if (wrong)
		return wrong;
	return value_string(p.bytes[1].len ? p.bytes[1] : STR("0"), n);
}

/* No time at all is an empty message, or the first second of year 1. */
static const char *value_time(struct arena *a, struct str body, int digits, struct json *n)
{
	static const enum proto_wire_type types[] = {PROTO_VARINT, PROTO_VARINT, PROTO_NONE};
	char text[CLOCK_RFC3339_MAX];
	struct parts p;
	const char *wrong = read_parts(body, types, &p);
	int64_t s, ns;

	if (wrong)
		return wrong;
	s = (int64_t)p.number[1];
	ns = (int64_t)p.number[2];
	if (s < seconds_min || s > seconds_max || ns < 0 || ns >= PROTO_NS)
		return "a time out of range";
	*n = (struct json){.type = JSON_NULL};
	if (body.len == 0 || (s == seconds_min && ns == 0))
		return NULL;
	if (digits == 0)
		ns = 0;
	/* As far as our clock reaches, like a time in JSON. */
	if (__builtin_mul_overflow(s, PROTO_NS, &s) || __builtin_add_overflow(s, ns, &s))
		s = (int64_t)p.number[1] < 0 ? INT64_MIN : INT64_MAX;
	n->type = JSON_STRING;
	n->string = str_dup(a, clock_format(text, s, digits));
	return NULL;
}

static unsigned tree_depth(const struct json *n)
{
	unsigned deepest = 0;

	if (n->type != JSON_ARRAY && n->type != JSON_OBJECT)
		return 0;
	json_foreach(c, n)
		deepest = MAX(deepest, tree_depth(c));
	return deepest + 1;
}

static int decode_raw(struct decoder *d, struct str body, struct json *n,
		      const struct api_path *path)
{
	static const enum proto_wire_type types[] = {PROTO_BYTES, PROTO_NONE};
	struct parts p;
	struct json *tree;
	const char *wrong = read_parts(body, types, &p);

	if (wrong)
		return refuse(d, path, wrong);
	*n = (struct json){.type = JSON_NULL};
	if (p.bytes[1].len == 0)
		return 0;
	if (json_parse(d->a, p.bytes[1], JSON_BORROW, &tree, NULL) < 0)
		return refuse(d, path, "raw bytes that are no JSON");
	if (d->depth + tree_depth(tree) > API_PROTO_DEPTH_MAX)
		return refuse(d, path, "nested too deeply");
	*n = *tree;
	return 0;
}

static int decode_object(struct decoder *d, const struct api_type *type, struct str body,
			 struct json *n, const struct api_path *path)
{
	struct target t = {.type = type, .obj = n};

	*n = (struct json){.type = JSON_OBJECT};
	return decode_message(d, &t, body, path);
}

static enum proto_wire_type wire_of(enum api_value value)
{
	switch (value) {
	case API_INT32:
	case API_INT64:
	case API_BOOL:
		return PROTO_VARINT;
	case API_DOUBLE:
		return PROTO_FIXED64;
	case API_STRING:
	case API_BYTES:
	case API_INT_OR_STRING:
	case API_QUANTITY:
	case API_TIME:
	case API_MICRO_TIME:
	case API_OBJECT:
	case API_RAW:
	default:
		return PROTO_BYTES;
	}
}

/* Sets all of *n, which is no part of a tree yet. */
static int decode_value(struct decoder *d, const struct api_field *f, const struct wire *w,
			struct json *n, const struct api_path *path)
{
	const char *wrong = NULL;

	if (++d->n_values > API_PROTO_VALUES_MAX)
		return refuse(d, path, "too many values");
	if (w->type != wire_of(f->value))
		return refuse(d, path, "a wrong wire type");
	switch (f->value) {
	case API_OBJECT:
		return decode_object(d, f->type, w->bytes, n, path);
	case API_RAW:
		return decode_raw(d, w->bytes, n, path);
	case API_INT32:
	case API_INT64:
		wrong = value_int(w->value, f->value == API_INT32, n);
		break;
	case API_BOOL:
		*n = (struct json){.type = JSON_BOOL, .boolean = w->value != 0};
		break;
	case API_DOUBLE:
		wrong = value_double(w->value, n);
		break;
	case API_BYTES:
		wrong = value_bytes(d->a, w->bytes, n);
		break;
	case API_INT_OR_STRING:
		wrong = value_int_or_string(w->bytes, n);
		break;
	case API_QUANTITY:
		wrong = value_quantity(w->bytes, n);
		break;
	case API_TIME:
	case API_MICRO_TIME:
		wrong = value_time(d->a, w->bytes, f->value == API_TIME ? 0 : 6, n);
		break;
	case API_STRING:
	default:
		wrong = value_string(w->bytes, n);
		break;
	}
	return wrong ? refuse(d, path, wrong) : 0;
}

/* The member that an earlier occurrence of the field made, or NULL; the field is seen from now. */
static struct json *seen(struct target *t, const struct api_field *f)
{
	size_t i = (size_t)(f - t->type->fields);
	uint64_t bit = i < SEEN_MAX ? (uint64_t)1 << i : 0;
	bool may_be = bit == 0 || (t->seen & bit);

	t->seen |= bit;
	return may_be ? json_get(t->obj, f->name) : NULL;
}

static void add_member(struct target *t, const struct api_field *f, struct json *n)
{
	n->key = str_n(f->name, f->name_len);
	json_append(t->obj, n);
}

/* What JSON leaves out when it is written. */
static bool is_left_out(const struct api_field *f, const struct json *n)
{
	if (n->type == JSON_NULL)
		return true;
	if (f->flags & (API_FIELD_ALWAYS | API_FIELD_POINTER))
		return false;
	return (n->type == JSON_STRING && n->string.len == 0) ||
	       (n->type == JSON_INT && n->integer == 0) || (n->type == JSON_BOOL && !n->boolean);
}

static int decode_one(struct decoder *d, struct target *t, const struct api_field *f,
		      const struct wire *w, const struct api_path *path)
{
	struct json *old = seen(t, f), *n;
	struct target merged = {.type = f->type, .obj = old, .seen = UINT64_MAX};
	int r;

	if (old && f->value == API_OBJECT && w->type == PROTO_BYTES)
		return decode_message(d, &merged, w->bytes, path);
	n = arena_alloc(d->a, sizeof(*n));
	r = decode_value(d, f, w, n, path);
	if (r < 0)
		return r;
	if (old && n->type == JSON_NULL)
		json_unlink(t->obj, old);
	else if (old)
		json_set(t->obj, f->name, n);
	else if (!is_left_out(f, n))
		add_member(t, f, n);
	return 0;
}

static int decode_inline(struct decoder *d, struct target *t, const struct api_field *f,
			 const struct wire *w, const struct api_path *path)
{
	/* The members are the parent's: what came before may be there. */
	struct target below = {.type = f->type, .obj = t->obj, .seen = UINT64_MAX};

	if (w->type != PROTO_BYTES)
		return refuse(d, path, "a wrong wire type");
	return decode_message(d, &below, w->bytes, path);
}

/* The array or object that the values of a repeated field go to. */
static struct json *container(struct decoder *d, struct target *t, const struct api_field *f)
{
	struct json *n;

	if (t->last == f)
		return t->last_node;
	n = seen(t, f);
	if (!n) {
		n = json_new(d->a, f->shape == API_LIST ? JSON_ARRAY : JSON_OBJECT);
		add_member(t, f, n);
	}
	t->last = f;
	t->last_node = n;
	return n;
}

/* Numbers may come packed: one length-delimited field with all of them. */
static int decode_packed(struct decoder *d, const struct api_field *f, const struct wire *w,
			 struct json *list, const struct api_path *path)
{
	struct reader r = reader_of(w->bytes);
	struct wire one = {.number = w->number, .type = wire_of(f->value)};

	while (r.at < r.end) {
		struct json *n = arena_alloc(d->a, sizeof(*n));
		const char *wrong = one.type == PROTO_VARINT ? read_varint(&r, &one.value)
							     : read_fixed(&r, 8, &one.value);
		int ret;

		if (wrong)
			return refuse(d, path, wrong);
		ret = decode_value(d, f, &one, n, path);
		if (ret < 0)
			return ret;
		json_append(list, n);
	}
	return 0;
}

static int decode_element(struct decoder *d, struct target *t, const struct api_field *f,
			  const struct wire *w, const struct api_path *path)
{
	struct json *list = container(d, t, f), *n;
	struct api_path at = api_path_at(path, list->count);
	int r;

	if (w->type == PROTO_BYTES && wire_of(f->value) != PROTO_BYTES)
		return decode_packed(d, f, w, list, path);
	n = arena_alloc(d->a, sizeof(*n));
	r = decode_value(d, f, w, n, &at);
	if (r == 0)
		json_append(list, n);
	return r;
}

/* An entry without a value has the zero value. */
static void zero_value(const struct api_field *f, struct wire *ret)
{
	*ret = (struct wire){.number = 2, .type = wire_of(f->value), .bytes = STR("")};
}

static int decode_entry(struct decoder *d, struct target *t, const struct api_field *f,
			const struct wire *w, const struct api_path *path)
{
	struct json *map = container(d, t, f), key = {.string = STR("")}, *n;
	struct reader r = reader_of(w->bytes);
	const char *wrong = w->type == PROTO_BYTES ? NULL : "a wrong wire type";
	struct wire part, value;
	struct api_path at;
	int ret;

	zero_value(f, &value);
	while (!wrong && r.at < r.end) {
		wrong = read_wire(&r, &part);
		if (!wrong && part.number == 1)
			wrong = part.type == PROTO_BYTES ? value_string(part.bytes, &key)
							 : "a key with a wrong wire type";
		else if (!wrong && part.number == 2)
			value = part;
	}
	if (wrong)
		return refuse(d, path, wrong);
	at = api_path_key(path, key.string);
	n = arena_alloc(d->a, sizeof(*n));
	ret = decode_value(d, f, &value, n, &at);
	if (ret < 0)
		return ret;
	n->key = key.string;
	json_append(map, n);
	return 0;
}

static int decode_field(struct decoder *d, struct target *t, const struct wire *w,
			const struct api_path *path)
{
	const struct api_field *f = api_field_by_number(t->type, w->number);
	struct api_path at;

	if (!f)
		return 0;
	if (f->flags & API_FIELD_INLINE)
		return decode_inline(d, t, f, w, path);
	at = api_path_child(path, f->name);
	switch (f->shape) {
	case API_LIST:
		return decode_element(d, t, f, w, &at);
	case API_MAP:
		return decode_entry(d, t, f, w, &at);
	case API_ONE:
	default:
		return decode_one(d, t, f, w, &at);
	}
}

static int decode_message(struct decoder *d, struct target *t, struct str body,
			  const struct api_path *path)
{
	struct reader r = reader_of(body);
	struct wire w;
	int ret = 0;

	/* A level may be an element of an array, which is one more. */
	d->depth += 2;
	if (d->depth > API_PROTO_DEPTH_MAX)
		return refuse(d, path, "nested too deeply");
	while (ret == 0 && r.at < r.end) {
		const char *wrong = read_wire(&r, &w);

		ret = wrong ? refuse(d, path, wrong) : decode_field(d, t, &w, path);
	}
	d->depth -= 2;
	return ret;
}

int api_proto_parse(struct arena *a, const struct api_type *type, struct str message,
		    struct json **ret, struct err *err)
{
	struct decoder d = {.a = a, .err = err};
	struct json *n = arena_alloc(a, sizeof(*n));
	int r = decode_object(&d, type, message, n, NULL);

	if (r == 0)
		*ret = n;
	return r;
}

bool api_proto_is(struct str body)
{
	return str_has_prefix(body, PROTO_MAGIC);
}

int api_proto_open(struct str body, struct api_proto_envelope *ret, struct err *err)
{
	static const enum proto_wire_type outer[] = {PROTO_BYTES, PROTO_BYTES, PROTO_BYTES,
						     PROTO_BYTES, PROTO_NONE};
	static const enum proto_wire_type inner[] = {PROTO_BYTES, PROTO_BYTES, PROTO_NONE};
	struct decoder d = {.err = err};
	struct parts p, meta;
	const char *wrong;

	if (!api_proto_is(body))
		return refuse(&d, NULL, "it does not begin with \"k8s\\0\"");
	wrong = read_parts(str_skip(body, PROTO_MAGIC.len), outer, &p);
	if (!wrong)
		wrong = read_parts(p.bytes[1], inner, &meta);
	if (!wrong && p.bytes[3].len)
		wrong = "contentEncoding: only content that is not encoded is accepted";
	if (!wrong && p.bytes[4].len && !str_eq_nocase(p.bytes[4], STR(API_PROTO)))
		wrong = "contentType: only " API_PROTO " is accepted";
	if (!wrong && !(json_is_utf8(meta.bytes[1]) && json_is_utf8(meta.bytes[2])))
		wrong = "typeMeta: text that is no UTF-8";
	if (wrong)
		return refuse(&d, NULL, wrong);
	*ret = (struct api_proto_envelope){meta.bytes[1], meta.bytes[2], p.bytes[2]};
	return 0;
}
