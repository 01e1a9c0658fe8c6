/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stored objects as the server keeps them: one run of bytes each, never decoded unless someone
 * asks.
 *
 * The stored form of an object is compact JSON that begins with its kind's fixed head,
 *
 *	{"kind":"Service","apiVersion":"v1","metadata":{
 *
 * and has no resourceVersion: that is the store's own revision and is known only after the write.
 * What another server has stored, as other JSON or protobuf, is brought into it when it is loaded.
 * A reader gets the head, the resourceVersion and the rest spliced together, so GET and LIST are
 * copies of memory. In the items of a list kind and apiVersion are left out, as Kubernetes does.
 *
 * Nothing here knows what the fields mean. struct object is immutable and reference-counted, but
 *for the protobuf message that is kept once someone has asked for it: many watchers, and list after
 * list, want the same one.
 */

#include "api/kind.h"
#include "base/bytes.h"
#include "json/json.h"

struct strategy;

/* A served kind with what is derived from it once. */
struct resource {
	const struct api_kind *kind;
	struct str api_version;    /* "v1" */
	struct str resource_name;  /* "services", "endpointslices.discovery.k8s.io" */
	struct str qualified_kind; /* "Service", "EndpointSlice.discovery.k8s.io" */
	struct str head;           /* see above */
	struct cache *cache;
	/* Of a kind whose objects are stored as those of another group; NULL: as themselves. Either
	 * leaves a tree alone that has the shape already. */
	void (*to_stored)(struct arena *a, struct json *tree);
	void (*from_stored)(struct arena *a, struct json *tree);
	const struct strategy *strategy; /* of writes; never NULL in a server */
};

struct object {
	unsigned refs;
	uint32_t head_len; /* of the stored form's head */
	uint64_t rev, create_rev;
	struct bytes *value; /* the stored form */
	struct bytes *proto; /* render_proto.c: its message as of `rev`; NULL: nobody has asked */
	uint16_t ns_len, key_len;
	char key[]; /* "namespace/name", or "name" in cluster scope; then a NUL */
};

enum {
	OBJECT_REV_TEXT_MAX = 24, /* digits of a revision */
};

/* `value` is referenced. The caller has checked that it begins with a head of head_len bytes. */
struct object *object_new(struct str key, struct bytes *value, size_t head_len, uint64_t rev,
			  uint64_t create_rev);
struct object *object_ref(struct object *o);
void object_unref(struct object *o); /* NULL is fine */

struct str object_key(const struct object *o);
struct str object_ns(const struct object *o); /* absent in cluster scope */
struct str object_name(const struct object *o);

/* The stored form of a tree: kind, apiVersion, metadata first, resourceVersion left out. The tree
 * is changed (members move); its kind and apiVersion are set. */
struct bytes *object_encode(struct arena *a, const struct resource *res, struct json *tree);
/* Whether `value` is in the stored form of `res`. */
bool object_is_stored_form(const struct resource *res, struct str value);
/* `value`, which another server may have written, in the stored form: itself when it is. A new
 * reference either way. ERR_BAD_REQUEST when it is no object with a name, or of another version. */
int object_to_stored_form(const struct resource *res, struct bytes *value, struct bytes **ret,
			  struct err *err) _nodiscard_;

/* As a client sees it: whole, or as an item of a list (without kind and apiVersion). `rev` is the
 * resourceVersion to show; 0 leaves it out. */
void object_write(struct buf *b, const struct resource *res, const struct object *o, uint64_t rev);
void object_write_item(struct buf *b, const struct resource *res, const struct object *o,
		       uint64_t rev);
/* Only its metadata: {"kind":"PartialObjectMetadata","apiVersion":version,"metadata":…}; without a
 * version it is the item of a list, without kind and apiVersion. */
void object_write_metadata(struct buf *b, const struct object *o, uint64_t rev,
			   const char *version);

/* The tree as a client sees it, with metadata.resourceVersion when rev is not 0. Strings borrow
 * from o->value: the object must outlive the arena, or at least its use. */
int object_decode(struct arena *a, const struct object *o, uint64_t rev, struct json **ret,
		  struct err *err) _nodiscard_;
/* The same in the shape of `res`, which may not be the stored one. */
int object_decode_as(struct arena *a, const struct resource *res, const struct object *o,
		     uint64_t rev, struct json **ret, struct err *err) _nodiscard_;
/* The first with strings of its own. */
int object_decode_copy(struct arena *a, const struct object *o, uint64_t rev, struct json **ret,
		       struct err *err) _nodiscard_;
