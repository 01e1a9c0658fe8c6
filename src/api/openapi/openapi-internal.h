/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of OpenAPI need of each other; outsiders use api/openapi/openapi.h. */

#include "api/kind.h"
#include "base/map.h"
#include "json/json.h"

/* One document that is being made. */
struct openapi_doc {
	struct arena *a;
	bool is_v2;       /* else 3.0: where schemas are and how references are written differ */
	struct map types; /* name -> struct api_type: what the document refers to */
	struct json *root;
};

/* Notes that the document refers to the type, and to all below it. */
void api_openapi_need(struct openapi_doc *d, const struct api_type *type);

/* {"$ref": …} to the schema of that name. */
struct json *api_openapi_ref(struct openapi_doc *d, const char *name);

/* Adds the schemas of what is needed, of lists of the kinds in [kinds, end), of plain types. */
void api_openapi_add_schemas(struct openapi_doc *d, struct json *schemas,
			     const struct api_kind *kinds, const struct api_kind *end);

/* {"group": …, "version": …, "kind": …} */
struct json *api_openapi_gvk(struct openapi_doc *d, const char *group, const char *version,
			     struct str kind);

/* Adds the paths of a kind. */
void api_openapi_add_paths(struct openapi_doc *d, struct json *paths, const struct api_kind *k);

void api_openapi_encode(const struct json *v2_document, struct buf *b);

#define API_OPENAPI_META "io.k8s.apimachinery.pkg.apis.meta.v1."
