/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Finding many keys in one object: json_get walks the members each time, which is quadratic when a
 * peer sends an object of 100,000 members. A small object is still walked, a large one is hashed.
 *
 * The object may grow while it is indexed (json_index_add after the append); a member that was
 * removed must not be asked for.
 */

#include "base/map.h"
#include "json/json.h"

struct json_index {
	const struct json *obj;
	struct map map;
	bool is_hashed;
};

void json_index_init(struct json_index *x, const struct json *obj); /* an object */
void json_index_fini(struct json_index *x);
struct json *json_index_get(const struct json_index *x, struct str key); /* the last one, or NULL */
void json_index_add(struct json_index *x, struct json *member);
