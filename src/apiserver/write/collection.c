/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/collection.h"

#include "apiserver/render.h"
#include "apiserver/reply.h"
#include "apiserver/selection.h"
#include "apiserver/write/delete.h"

enum {
	COLLECTION_AT_ONCE = 128, /* items under way: other clients' writes go on between them */
};

struct collection {
	struct request *req; /* NULL: the client has gone */
	struct apiserver *s;
	VEC(struct object *) items; /* as they were */
	size_t next, n_under_way;   /* the first that has not begun */
	bool is_starting;
	struct request item;           /* what the items' own requests have in common */
	struct delete_options options; /* of each; the strings are in `arena` */
	struct status failure;         /* the first; likewise */
	struct arena arena;
};

/* A request of its own for one item: it outlives the client's. */
struct item {
	struct collection *c;
	struct request req;
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

static void start_items(struct collection *c);

static void item_ended(struct op *op, int r)
{
	struct item *item = op->owner;
	struct collection *c = item->c;

	/* Gone already is as good as deleted. */
	if (r < 0 && r != ERR_NOT_FOUND && !c->failure.code) {
		c->failure = op->req->st;
		c->failure.arena = &c->arena;
		c->failure.message = str_dup(&c->arena, op->req->st.message);
		c->failure.name = str_dup(&c->arena, op->req->st.name);
		c->failure.causes = NULL;
		c->failure.n_causes = 0;
	}
	op->req = NULL;
	arena_fini(&item->arena);
	free(item);
	c->n_under_way--;
	start_items(c);
}

static struct op *item_op(struct collection *c, struct object *o)
{
	struct op *op = op_new(&c->item, delete_step);
	struct item *item = mem_xnew(struct item);
	struct request *own = &item->req;

	item->c = c;
	arena_init(&item->arena, 0);
	*own = c->item;
	own->arena = &item->arena;
	own->st = (struct status){.arena = own->arena};
	own->ns = str_dup(own->arena, object_ns(o));
	own->name = str_dup(own->arena, object_name(o));
	op->req = own;
	op->ended = item_ended;
	op->owner = item;
	op->delete_options = &c->options;
	return op;
}

/* Begins as many as may be under way; ends the collection after the last. An item may end inside
 * op_run: the loop goes on with the next one then, not the call from item_ended. */
static void start_items(struct collection *c)
{
	if (c->is_starting)
		return;
	c->is_starting = true;
	if (c->s->is_stopping && c->next < c->items.len) {
		c->next = c->items.len;
		IGNORE(status_set(&c->failure, ERR_UNAVAILABLE, "the server is shutting down"),
		       "answered at the end");
	}
	while (c->next < c->items.len && c->n_under_way < COLLECTION_AT_ONCE) {
		c->n_under_way++;
		op_run(item_op(c, c->items.ptr[c->next++]));
	}
	c->is_starting = false;
	if (!c->n_under_way)
		collection_finish(c);
}

/* What was not given stays so. */
static struct str keep(struct arena *a, struct str s)
{
	return str_is_set(s) ? str_dup(a, s) : s;
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
		o->uid = keep(&c->arena, o->uid);
		o->rev = keep(&c->arena, o->rev);
		o->propagation = keep(&c->arena, o->propagation);
	}
	arena_fini(&op.arena);
	return r;
}

/* Gives the bytes of what was found: they are the answer. */
static size_t collect(struct collection *c, const struct selection *sel)
{
	const struct cache *cache = c->req->res->cache;
	size_t i, end, len = 0;

	for (cache_span(cache, sel->ns, &i, &end); i < end; i++) {
		struct arena a;
		struct selection_subject subject = {.object = cache->objects.ptr[i], .arena = &a};

		arena_init(&a, 0);
		if (selection_match(sel, &subject)) {
			*vec_push(&c->items) = object_ref(cache->objects.ptr[i]);
			len += cache->objects.ptr[i]->value->len;
		}
		arena_fini(&a);
	}
	return len;
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
	c->failure.arena = &c->arena;
	c->s = req->s;
	c->req = req;
	r = collection_options(c);
	if (r < 0) {
		collection_free(c);
		return r;
	}
	r = reply_admit(req, collect(c, &sel));
	if (r < 0) {
		collection_free(c);
		return r;
	}
	req->x->handler_ctx = c;
	req->x->on_close = collection_closed;
	c->item = (struct request){
		.s = req->s, .res = req->res, .verb = req->verb, .is_dry_run = req->is_dry_run};
	start_items(c);
	return 0;
}
