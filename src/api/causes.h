/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is wrong with an object: all of it, as Status.details.causes and the message of a 422 want
 * it (service-api.md section 18.3). Validation collects here and never stops at the first mistake.
 * Everything lives in the arena. Texts are Kubernetes' own: clients and test suites match on them.
 */

#include "api/path.h"
#include "json/json.h"

enum {
	API_CAUSES_MAX = 4096, /* further ones are counted but not kept */
};

enum api_reason {
	API_REQUIRED,
	API_INVALID,
	API_NOT_SUPPORTED,
	API_FORBIDDEN,
	API_DUPLICATE,
	API_TOO_LONG,
	API_TOO_MANY,
	API_NOT_FOUND,
	API_TYPE_INVALID,
	API_INTERNAL_ERROR,
};

struct api_cause {
	enum api_reason reason;
	struct str field;   /* spec.ports[0].port */
	struct str message; /* Invalid value: 0: must be between 1 and 65535, inclusive */
};

struct api_causes {
	struct arena *a;
	struct api_cause *ptr;
	size_t n, cap;
	size_t n_dropped;
};

void api_causes_init(struct api_causes *c, struct arena *a);

/* `detail` may be NULL or "". */
void api_causes_required(struct api_causes *c, const struct api_path *p, const char *detail);
void api_causes_forbidden(struct api_causes *c, const struct api_path *p, const char *detail);
void api_causes_invalid(struct api_causes *c, const struct api_path *p, struct str value,
			const char *detail);
void api_causes_invalid_int(struct api_causes *c, const struct api_path *p, int64_t value,
			    const char *detail);
/* A string is quoted, numbers and booleans are plain, anything else is JSON; NULL is "". */
void api_causes_invalid_json(struct api_causes *c, const struct api_path *p,
			     const struct json *value, const char *detail);
/* What Kubernetes trips over where a client has sent nonsense. */
void api_causes_internal(struct api_causes *c, const struct api_path *p, const char *detail);
void api_causes_duplicate(struct api_causes *c, const struct api_path *p, const struct json *value);
/* `values` ends with NULL, in the order in which the message lists them. */
void api_causes_not_supported(struct api_causes *c, const struct api_path *p, struct str value,
			      const char *const *values);
/* The same of a field that has no type of its own in Kubernetes: quoted as Go does. */
void api_causes_not_supported_string(struct api_causes *c, const struct api_path *p,
				     struct str value, const char *const *values);
/* The same with a value that is text already: what Kubernetes prints is not the value in JSON. */
void api_causes_not_supported_text(struct api_causes *c, const struct api_path *p, struct str text,
				   const char *const *values);
void api_causes_too_long(struct api_causes *c, const struct api_path *p, size_t max_bytes);
void api_causes_too_many(struct api_causes *c, const struct api_path *p, size_t n, size_t max);

const char *api_causes_reason(enum api_reason r); /* "FieldValueRequired" */

/* `Service "x" is invalid: spec.ports: Required value`, or with [a, b] for several; a text that
 * occurs twice is listed once. `kind` is "Service" or "EndpointSlice.discovery.k8s.io". */
struct str api_causes_message(const struct api_causes *c, struct str kind, struct str name);
/* [{"reason":…,"message":…,"field":…}] */
struct json *api_causes_json(const struct api_causes *c);
