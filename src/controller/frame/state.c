/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/frame/state.h"

struct str controller_key(struct arena *a, struct str ns, struct str name)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns), STR_ARG(name));
}

void controller_key_split(struct str key, struct str *ret_ns, struct str *ret_name)
{
	ptrdiff_t at = str_find(key, '/');

	assert(at >= 0);
	*ret_ns = str_sub(key, 0, (size_t)at);
	*ret_name = str_skip(key, (size_t)at + 1);
}

const struct api_node *controller_find_node(struct controllers *c, struct str name)
{
	struct client_object *o = client_reflector_get(c->nodes, (struct str){0}, name);

	return o ? o->view : NULL;
}

struct nodes_of {
	const struct api_node **nodes;
	size_t n;
};

static void take_node(void *ctx, struct client_object *o)
{
	struct nodes_of *v = ctx;

	v->nodes[v->n++] = o->view;
}

size_t controller_nodes(struct controllers *c, struct arena *a, const struct api_node *const **ret)
{
	struct nodes_of v = {arena_array(a, client_reflector_len(c->nodes) + 1, sizeof(*v.nodes)),
			     0};

	client_reflector_each(c->nodes, take_node, &v);
	*ret = v.nodes;
	return v.n;
}
