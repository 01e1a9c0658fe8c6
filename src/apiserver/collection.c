/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/collection.h"

#include "apiserver/delete.h"
#include "apiserver/render.h"
#include "apiserver/reply.h"
#include "apiserver/selection.h"

struct collection {
	struct request *req; /* NULL: the client has gone */
	struct apiserver *s;
	VEC(const struct object *) items; /* as they were */
	size_t n_left;
	struct delete_options options; /* of each; the strings are in `arena` */
	struct status failure;         /* the first; likewise */
	struct arena arena;
};

static void collection_free(struct collection *c)
{
	vec_foreach(o, &c->items)
		object_unref((struct object *)(uintptr_t)*o);
	vec_fini(&c->items);
	arena_fini(&c->arena);
	free(c);
}

static void collection_closed(struct http_exchange *x)
{
	struct collection *c = x->handler_ctx;

	c->req = NULL;
}

static void collection_finish(struct collection *c)
{
	struct request *req = c->req;
	struct buf b = BUF_INIT;

	if (req) {
		req->x->on_close = NULL;
		if (c->failure.code) {
			req->st = c->failure;
			reply_failure(req);
		} else {
			render_list(&b, req,
				    &(struct render_list){.objects = c->items.ptr,
							  .n = c->items.len,
							  .rev = c->s->rev,
							  .remaining = -1});
			reply_buf(req, 200, &b);
		}
	}
	collection_free(c);
}

static void item_ended(struct op *op, int r)
{
	struct collection *c = op->owner;

	/* Gone already is as good as deleted. */
	if (r < 0 && r != ERR_NOT_FOUND && !c->failure.code) {
		c->failure = op->req->st;
		c->failure.arena = &c->arena;
		c->failure.message = str_dup(&c->arena, op->req->st.message);
		c->failure.name = str_dup(&c->arena, op->req->st.name);
		c->failure.causes = NULL;
		c->failure.n_causes = 0;
	}
	if (--c->n_left == 0)
		collection_finish(c);
}

/* A request of its own for one item: it outlives the client's. */
static struct op *item_op(struct collection *c, struct request *req, const struct object *o)
{
	struct op *op = op_new(req, delete_step);
	struct request *own = arena_new(&op->arena, struct request);

	*own = *req;
	own->x = NULL;
	own->arena = &op->arena;
	own->st = (struct status){.arena = &op->arena};
	own->ns = str_dup(&op->arena, object_ns(o));
	own->name = str_dup(&op->arena, object_name(o));
	own->sub = (struct str){0};
	op->req = own;
	op->ended = item_ended;
	op->owner = c;
	op->delete_options = &c->options;
	return op;
}

/* Read once: an item that is tried again may have outlived the request. */
static int collection_options(struct collection *c)
{
	struct op op = {.s = c->s, .req = c->req};
	struct delete_options *o = &c->options;
	int r;

	arena_init(&op.arena, 0);
	r = delete_options_read(&op, o);
	if (r == 0) {
		o->uid = str_dup(&c->arena, o->uid);
		o->rev = str_dup(&c->arena, o->rev);
		o->propagation = str_dup(&c->arena, o->propagation);
	}
	arena_fini(&op.arena);
	return r;
}

static void collect(struct collection *c, const struct selection *sel)
{
	const struct cache *cache = c->req->res->cache;
	size_t i, end;

	for (cache_span(cache, sel->ns, &i, &end); i < end; i++) {
		struct arena a;
		struct selection_subject subject = {.object = cache->objects.ptr[i], .arena = &a};

		arena_init(&a, 0);
		if (selection_match(sel, &subject))
			*vec_push(&c->items) = object_ref(cache->objects.ptr[i]);
		arena_fini(&a);
	}
}

int collection_delete(struct request *req)
{
	struct collection *c;
	struct selection sel;
	int r = selection_parse(req, &sel);

	if (r < 0)
		return r;
	c = mem_xnew(struct collection);
	arena_init(&c->arena, 0);
	c->s = req->s;
	c->req = req;
	r = collection_options(c);
	if (r < 0) {
		collection_free(c);
		return r;
	}
	collect(c, &sel);
	req->x->handler_ctx = c;
	req->x->on_close = collection_closed;
	/* One more than the items, so that it cannot end before all have begun. */
	c->n_left = c->items.len + 1;
	vec_foreach(o, &c->items)
		op_run(item_op(c, req, *o));
	if (--c->n_left == 0)
		collection_finish(c);
	return 0;
}
