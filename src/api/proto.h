/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kubernetes' protobuf (media type application/vnd.kubernetes.protobuf), from and to the same trees
 * as JSON, driven by the schema's field numbers.
 *
 * A body is an envelope: the four bytes "k8s\0", then the message
 *
 *	Unknown { typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2, contentEncoding = 3,
 *		  contentType = 4 }
 *
 * whose raw is the object's message. What differs from JSON: an inlined type is a message of its
 * own; maps are lists of entries { key = 1, value = 2 }; times are { seconds = 1, nanos = 2 };
 * a quantity is { string = 1 }, IntOrString is { type = 1, intVal = 2, strVal = 3 }; free JSON
 * (fieldsV1) is { raw = 1 } with the text; kind and apiVersion are in the envelope alone. Upstream
 * writes every field that is not a pointer, even when it is empty; such zeros are left out here, as
 * JSON leaves them out.
 *
 * Decoding gives a tree for api_strict (api/strict.h), which brings it to the form that is stored;
 * keys that a map repeats are still in it. Encoding takes a tree in that form.
 *
 * A watch in protobuf is a row of frames: four bytes of length (big-endian), then the message
 * WatchEvent { type = 1, object = 2 { raw = 1 } } with an enveloped object in raw.
 */

#include "base/buf.h"
#include "json/json.h"

struct api_type;

#define API_PROTO       "application/vnd.kubernetes.protobuf"
#define API_PROTO_WATCH "application/vnd.kubernetes.protobuf;stream=watch"

enum {
	API_PROTO_DEPTH_MAX = JSON_DEPTH_MAX, /* nested objects and arrays of the tree */
	API_PROTO_VALUES_MAX = 1024 * 1024,   /* values in one message; bounds the tree's memory */
};

struct api_proto_envelope {
	struct str api_version, kind; /* may be empty */
	struct str message;
};

/* Whether it begins as an envelope does. */
bool api_proto_is(struct str body);
/* Views into `body`. ERR_BAD_REQUEST: no envelope, or its content is encoded or no protobuf. */
int api_proto_open(struct str body, struct api_proto_envelope *ret, struct err *err) _nodiscard_;

/*
 * The message of an object of `type`; strings point into `message`, which must outlive the tree.
 * Unknown fields are skipped, of a scalar that is there twice the last one counts, messages merge.
 * ERR_BAD_REQUEST with the field's path: truncated, a varint of more than 64 bits, a wrong wire
 * type, an integer or time out of range, text that is no UTF-8, depth, number of values.
 */
int api_proto_parse(struct arena *a, const struct api_type *type, struct str message,
		    struct json **ret, struct err *err) _nodiscard_;

/* Appends the message of `obj`. Values that do not fit their field, which api_strict refuses, are
 * left out, as are members that the type does not have. */
void api_proto_encode(struct buf *b, const struct api_type *type, const struct json *obj);

/* An enveloped object: whole, or (for lists) piece by piece between begin and end. */
void api_proto_write(struct buf *b, struct str api_version, struct str kind,
		     const struct api_type *type, const struct json *obj);
size_t api_proto_begin(struct buf *b, struct str api_version, struct str kind);
void api_proto_end(struct buf *b, size_t begun);
/* In an enveloped list: its metadata (a ListMeta) and each item. */
void api_proto_add_list_meta(struct buf *b, const struct json *meta);
void api_proto_add_item(struct buf *b, const struct api_type *type, const struct json *obj);
/* The same of a message that api_proto_encode has made. */
void api_proto_write_message(struct buf *b, struct str api_version, struct str kind,
			     struct str message);
void api_proto_add_message(struct buf *b, struct str message);

/* A frame of a watch; between begin and end goes one enveloped object. */
struct api_proto_event {
	size_t frame, object, raw;
};
struct api_proto_event api_proto_begin_event(struct buf *b, struct str type);
void api_proto_end_event(struct buf *b, struct api_proto_event begun);
