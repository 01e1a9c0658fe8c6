/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * OpenAPI documents of what is served, from the schema (service-api.md section 18.11).
 *
 * kubectl reads them to learn that the server validates fields, to merge on apply, to explain; its
 * 1.20 validates by the protobuf form of version 2. Each takes milliseconds to make and never
 * changes in a process: the caller makes it at first use and keeps it.
 */

#include "base/buf.h"

/* What clients accept, and what to answer it with: no media type may hold an '@'. */
#define API_OPENAPI_V2_PROTO       "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
#define API_OPENAPI_V2_PROTO_REPLY "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

/* Body of /openapi/v3: every document with its relative URL and the hash of its content. */
void api_openapi_v3_index(struct buf *b);
/* Body of /openapi/v3/<path>, path "api/v1" or "apis/discovery.k8s.io/v1". False: no such one. */
bool api_openapi_v3(struct str path, struct buf *b);

/* Bodies of /openapi/v2: JSON, and API_OPENAPI_V2_PROTO (gnostic's openapi.v2.Document). */
void api_openapi_v2(struct buf *b);
void api_openapi_v2_proto(struct buf *b);
