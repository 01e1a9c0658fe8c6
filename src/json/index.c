/* SPDX-License-Identifier: Apache-2.0 */
#include "json/index.h"

enum {
	INDEX_HASH_ABOVE = 16,
};

static void index_hash(struct json_index *x)
{
	for (struct json *c = x->obj->first; c; c = c->next)
		map_put(&x->map, c->key, c);
	x->is_hashed = true;
}

void json_index_init(struct json_index *x, const struct json *obj)
{
	*x = (struct json_index){.obj = obj};
	if (obj->count > INDEX_HASH_ABOVE)
		index_hash(x);
}

void json_index_fini(struct json_index *x)
{
	map_fini(&x->map);
}

struct json *json_index_get(const struct json_index *x, struct str key)
{
	return x->is_hashed ? map_get(&x->map, key) : json_get_str(x->obj, key);
}

void json_index_add(struct json_index *x, struct json *member)
{
	if (x->is_hashed)
		map_put(&x->map, member->key, member);
	else if (x->obj->count > INDEX_HASH_ABOVE)
		index_hash(x);
}
