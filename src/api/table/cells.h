/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The cells of one Table row, kind by kind (service-api.md section 17). Private to this room; the
 * outside calls api/table/table.h. A printer looks at the tree and appends its cells in the order
 * of the kind's columns; texts may point into the tree.
 */

#include "json/json.h"

struct api_cells {
	struct arena *a;
	struct json *list;
	int64_t now_ns;
};

void api_cells_text(struct api_cells *c, struct str s);
void api_cells_or(struct api_cells *c, struct str s, const char *when_empty);
void api_cells_int(struct api_cells *c, int64_t v);
void api_cells_age(struct api_cells *c, struct str time); /* "<unknown>" when not set */
struct str api_cells_age_text(struct api_cells *c, struct str time);
size_t api_cells_count(const struct json *list);
/* Sorts, keeps each once, joins with ','. */
struct str api_cells_join_sorted(struct api_cells *c, struct str *parts, size_t n);

void api_cells_service(struct api_cells *c, const struct json *obj);
void api_cells_endpoints(struct api_cells *c, const struct json *obj);
void api_cells_endpoint_slice(struct api_cells *c, const struct json *obj);
void api_cells_pod(struct api_cells *c, const struct json *obj);
/* A Pod that ran to its end says so beside its cells. */
void api_cells_pod_conditions(struct arena *a, struct json *row, const struct json *obj);
void api_cells_node(struct api_cells *c, const struct json *obj);
void api_cells_deployment(struct api_cells *c, const struct json *obj);
void api_cells_replica_set(struct api_cells *c, const struct json *obj);
void api_cells_event(struct api_cells *c, const struct json *obj);
void api_cells_role(struct api_cells *c, const struct json *obj);
void api_cells_role_binding(struct api_cells *c, const struct json *obj);
