/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Kinds: what is served, under which names, and how its objects are shaped.
 *
 * One schema (src/api/schema/, one file a group version, read by tools/gen_schema.py at build time)
 * says it all: fields, types, protobuf numbers, list and map semantics, merge keys, defaults, enum
 * values, immutability, printer columns, discovery entries. The generated tables are const data;
 * everything regular (strict decoding, defaults, patches, OpenAPI, discovery, Tables) is a function
 * over them. Hand-written is only what is not regular: validation (api/rules/validate.h) and typed
 * views (api/decode/decode.h).
 */

#include "base/str.h"

enum api_value {
	API_STRING,
	API_INT32,
	API_INT64,
	API_DOUBLE,
	API_BOOL,
	API_INT_OR_STRING,
	API_QUANTITY,
	API_TIME,       /* RFC 3339, seconds */
	API_MICRO_TIME, /* RFC 3339, six digits */
	API_BYTES,      /* base64 in JSON */
	API_OBJECT,     /* field.type */
	API_RAW,        /* any JSON (managedFields' fieldsV1, RawExtension) */
};

enum api_shape {
	API_ONE,
	API_LIST,
	API_MAP, /* string keys */
};

enum api_list_type { /* x-kubernetes-list-type; maps too: API_LIST_ATOMIC is a map replaced as a
			whole */
	API_LIST_UNSET,
	API_LIST_ATOMIC,
	API_LIST_SET,
	API_LIST_MAP,
};

enum api_field_flags {
	API_FIELD_REQUIRED = 1,     /* in OpenAPI's "required" */
	API_FIELD_POINTER = 2,      /* presence matters: explicit zero differs from absent */
	API_FIELD_ALWAYS = 4,       /* written even when empty (not omitempty) */
	API_FIELD_MERGE = 8,        /* x-kubernetes-patch-strategy: merge */
	API_FIELD_RETAIN_KEYS = 16, /* …: retainKeys */
	API_FIELD_INLINE = 32,      /* the members of field.type belong to the parent */
};

struct api_field {
	const char *name; /* as in JSON */
	enum api_value value;
	enum api_shape shape;
	uint16_t number; /* protobuf field number */
	uint16_t flags;
	enum api_list_type list_type;
	const struct api_type *type; /* API_OBJECT */
	const char *merge_key;       /* strategic merge; NULL: none */
	const char *const
		*map_keys;        /* server-side apply's list-map keys; NULL-terminated or NULL */
	const char *const *enums; /* allowed values, NULL-terminated; NULL: any */
	const char *default_json; /* static default, as JSON text; NULL: none */
	const char *description;  /* "" when there is none */
	size_t name_len;          /* of name */
};

struct api_type {
	const char *name; /* OpenAPI definition: "io.k8s.api.core.v1.ServiceSpec" */
	const char *description;
	const struct api_field *fields; /* sorted by name */
	size_t n_fields;
	bool is_atomic;  /* server-side apply treats a value of it as one (x-kubernetes-map-type) */
	bool has_inline; /* a field has API_FIELD_INLINE */
	bool has_defaults;        /* a field has a default, or a field of a field, … */
	const uint8_t *by_number; /* protobuf number -> 1 + index in fields; 0: no such field */
	size_t n_numbers;         /* elements of by_number */
};

enum api_verbs {
	API_VERB_CREATE = 1,
	API_VERB_DELETE = 2,
	API_VERB_DELETE_COLLECTION = 4,
	API_VERB_GET = 8,
	API_VERB_LIST = 16,
	API_VERB_PATCH = 32,
	API_VERB_UPDATE = 64,
	API_VERB_WATCH = 128,
};

struct api_subresource {
	const char *name; /* "status", "log", "scale" */
	const char *kind; /* of its object: the parent's, or "Scale", "TokenRequest", … */
	unsigned verbs;
	const char *group, *version; /* of that kind */
};

struct api_column {
	const char *name, *type, *format, *description;
	int priority;
};

struct api_kind {
	const char *group; /* "" for core */
	const char *version;
	const char *kind, *list_kind;
	const char *plural, *singular;
	const char *const *short_names; /* NULL-terminated */
	const char *const *categories;  /* NULL-terminated */
	bool is_namespaced;
	bool has_generation;
	bool can_create_on_update; /* PUT of an absent object creates it */
	unsigned verbs;
	const struct api_subresource *subresources;
	size_t n_subresources;
	const struct api_type *type;
	const struct api_column *columns;
	size_t n_columns;
	const char *const
		*field_labels; /* field selectors besides metadata.name, metadata.namespace */
	const char *storage;   /* "services", "endpointslices": the part of the store's key after
				  /registry/ */
};

/* All kinds, in the order of discovery. */
const struct api_kind *api_kinds(size_t *ret_n);
const struct api_kind *api_kind_by_resource(struct str group, struct str version,
					    struct str plural);
const struct api_kind *api_kind_by_name(struct str api_version, struct str kind);
/* Shorthand for code that knows its kind: api_kind_of("Service"); the first of that name. */
const struct api_kind *api_kind_of(const char *kind);
/* "v1" or "discovery.k8s.io/v1". */
struct str api_kind_api_version(struct arena *a, const struct api_kind *k);
/* "services" or "endpointslices.discovery.k8s.io": the name in messages. */
struct str api_kind_resource_name(struct arena *a, const struct api_kind *k);
/* "/api/v1/namespaces/NS/services/NAME" etc.; ns, name absent for wider ones. */
struct str api_kind_path(struct arena *a, const struct api_kind *k, struct str ns, struct str name);

/* The field of that JSON name; members of inlined types too. */
const struct api_field *api_field_find(const struct api_type *t, struct str name);
/* The same without the members of inlined types; for those that inline, the inlining field. */
const struct api_field *api_field_own(const struct api_type *t, struct str name);
/* By protobuf number, never 0; NULL when there is none. */
const struct api_field *api_field_by_number(const struct api_type *t, uint32_t number);
/* By the name of the OpenAPI definition: "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions". */
const struct api_type *api_type_find(struct str name);
