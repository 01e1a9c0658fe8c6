/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/read/read.h"

#include "apiserver/read/continuation.h"
#include "apiserver/render.h"
#include "apiserver/reply.h"
#include "apiserver/selection.h"

#include <inttypes.h>

void read_get(struct request *req)
{
	struct str key = server_cache_key(req->arena, req->res, req->ns, req->name);
	struct object *o = cache_get(req->res->cache, key);

	if (req->rev > req->s->rev) {
		IGNORE(status_too_new(&req->st, req->rev, req->s->rev), "answered next");
		reply_failure(req);
		return;
	}
	if (!o) {
		IGNORE(status_not_found(&req->st, req->res, req->name), "answered next");
		reply_failure(req);
		return;
	}
	if (reply_admit(req, o->value->len) < 0)
		reply_failure(req);
	else
		reply_object(req, 200, o, o->rev);
}

/* One page that is being put together. */
struct page {
	struct selection sel;
	VEC(struct object *) objects;
	struct continuation from; /* where it begins */
	uint64_t rev;             /* of the list */
	struct str last;          /* the key that was looked at last, when has_more */
	bool has_more;
	uint64_t remaining; /* when has_more */
};

static void reply_page(struct request *req, struct page *page)
{
	struct render_list list = {.objects = page->objects.ptr,
				   .n = page->objects.len,
				   .rev = page->rev,
				   .remaining = -1};
	struct buf b = BUF_INIT;
	size_t len = 0;

	vec_foreach(o, &page->objects)
		len += (*o)->value->len;
	if (reply_admit(req, len) < 0) {
		reply_failure(req);
		return;
	}
	if (page->has_more) {
		struct continuation next = {page->rev, page->last};

		list.continue_token = continuation_encode(req->arena, &next);
		/* With selectors nobody has counted the ones that match. */
		if (!selection_has_selectors(&page->sel))
			list.remaining = (int64_t)page->remaining;
	}
	render_list(&b, req, &list);
	reply_buf(req, 200, &b);
}

static bool match(const struct page *page, struct object *o)
{
	struct arena a;
	struct selection_subject subject = {.object = o, .arena = &a};
	bool ret;

	arena_init(&a, 0);
	ret = selection_match(&page->sel, &subject);
	arena_fini(&a);
	return ret;
}

static bool is_full(const struct request *req, const struct page *page)
{
	return req->limit && page->objects.len >= req->limit;
}

static void list_from_cache(struct request *req, struct page *page)
{
	const struct cache *c = req->res->cache;
	size_t i, end;

	cache_span(c, page->sel.ns, &i, &end);
	if (str_is_set(page->from.after)) {
		size_t after = cache_lower_bound(c, page->from.after);

		if (after < c->objects.len &&
		    str_eq(object_key(c->objects.ptr[after]), page->from.after))
			after++;
		i = MAX(i, after);
	}
	for (; i < end; i++) {
		if (!match(page, c->objects.ptr[i]))
			continue;
		if (is_full(req, page)) {
			page->has_more = true;
			page->last = object_key(*vec_last(&page->objects));
			page->remaining = end - i;
			break;
		}
		*vec_push(&page->objects) = c->objects.ptr[i];
	}
	reply_page(req, page);
	vec_fini(&page->objects);
}

/* A list that is read from the store at an older revision. */
struct history_read {
	struct request *req; /* NULL: the client has gone */
	struct page page;
};

static void history_closed(struct http_exchange *x)
{
	struct history_read *h = x->handler_ctx;

	h->req = NULL;
}

/* 410, with a token that goes on from there with what is newest. */
static void reply_expired(struct request *req, const struct page *page)
{
	struct continuation next = {0, page->from.after};

	if (str_is_set(page->from.after))
		req->st.continue_token = continuation_encode(req->arena, &next);
	IGNORE(status_set(&req->st, ERR_GONE,
			  "The provided continue parameter is too old to display a consistent list "
			  "result. You can start a new list without the continue parameter, or use "
			  "the continue token in this response to retrieve the remainder of the "
			  "results. Continuing with the provided token results in an inconsistent "
			  "list - objects that were created, modified, or deleted between the time "
			  "the first chunk was returned and now may show up in the list."),
	       "answered next");
	reply_failure(req);
}

/* Of a kv of the store: the object it is, or NULL when it is none (as in the cache, it is left
 * out). */
static struct object *object_of(const struct resource *res, struct str key,
				const struct store_kv *kv)
{
	struct bytes *form;
	struct object *o;

	res = res->cache->res; /* in whose shape it is stored */
	if (object_to_stored_form(res, kv->value, &form, NULL) < 0)
		return NULL;
	o = object_new(key, form, res->head.len, kv->mod_rev, kv->create_rev);
	bytes_unref(form);
	return o;
}

static void fill_from_history(struct history_read *h, const struct store_range *range)
{
	struct request *req = h->req;
	size_t prefix_len = strlen("/registry/") + strlen(req->res->kind->storage) + 1;

	for (size_t i = 0; i < range->n; i++) {
		struct str key = str_skip(range->kvs[i].key, prefix_len);
		struct object *o = object_of(req->res, key, &range->kvs[i]);
		bool is_wanted = o && match(&h->page, o);

		if (is_wanted && is_full(req, &h->page)) {
			h->page.has_more = true;
			h->page.remaining = range->n - i + range->remaining;
			object_unref(o);
			return;
		}
		if (is_wanted)
			*vec_push(&h->page.objects) = o;
		else
			object_unref(o);
		h->page.last = key;
	}
	h->page.has_more = range->has_more;
	h->page.remaining = range->remaining;
}

static void history_done(void *ctx, int r, const struct store_range *range, const struct err *err)
{
	struct history_read *h = ctx;

	if (h->req) {
		h->req->x->on_close = NULL;
		if (r == ERR_GONE) {
			reply_expired(h->req, &h->page);
		} else if (r < 0) {
			IGNORE(status_from_err(&h->req->st, r, err), "answered next");
			reply_failure(h->req);
		} else {
			fill_from_history(h, range);
			reply_page(h->req, &h->page);
		}
	}
	vec_foreach(o, &h->page.objects)
		object_unref((struct object *)(uintptr_t)*o);
	vec_fini(&h->page.objects);
	free(h);
}

static void list_from_history(struct request *req, const struct page *page)
{
	struct history_read *h = mem_xnew(struct history_read);
	struct str prefix = server_store_key(req->arena, req->res, page->sel.ns, (struct str){0});
	/* One more than the page tells whether there is more. What selectors leave is only known
	 * when it has been looked at. */
	bool is_limited = req->limit && !selection_has_selectors(&page->sel);
	struct str start = {0};

	*h = (struct history_read){req, *page};
	/* The least key after `after`. */
	if (str_is_set(page->from.after))
		start = str_n(str_printf(req->arena, "/registry/%s/%.*s", req->res->kind->storage,
					 STR_ARG(page->from.after))
				      .ptr,
			      strlen("/registry/") + strlen(req->res->kind->storage) + 1 +
				      page->from.after.len + 1);
	req->x->handler_ctx = h;
	req->x->on_close = history_closed;
	store_range(req->s->store, prefix, start, is_limited ? req->limit + 1 : 0, page->rev,
		    history_done, h);
}

static int plan(struct request *req, struct page *page)
{
	struct err err;
	int r = selection_parse(req, &page->sel);

	if (r < 0)
		return r;
	page->rev = req->s->rev;
	if (req->continue_token.len) {
		r = continuation_decode(req->arena, req->continue_token, &page->from, &err);
		if (r < 0)
			return status_from_err(&req->st, r, &err);
		if (req->rev_text.len && req->rev)
			return status_set(&req->st, ERR_BAD_REQUEST,
					  "specifying resource version is not allowed when using "
					  "continue");
		if (page->from.rev > req->s->rev)
			return status_set(&req->st, ERR_BAD_REQUEST,
					  "continue key is not valid: revision %" PRIu64
					  " is in the future",
					  page->from.rev);
		if (page->from.rev)
			page->rev = page->from.rev;
		return 0;
	}
	if (req->rev > req->s->rev)
		return status_too_new(&req->st, req->rev, req->s->rev);
	if (req->rev && (req->match == REQUEST_MATCH_EXACT ||
			 (req->limit && req->match == REQUEST_MATCH_UNSET)))
		page->rev = req->rev;
	return 0;
}

void read_list(struct request *req)
{
	struct page page = {0};

	if (plan(req, &page) < 0) {
		reply_failure(req);
		return;
	}
	/* The kind has not changed since: what is now is what was then. */
	if (req->res->cache->rev <= page.rev)
		list_from_cache(req, &page);
	else
		list_from_history(req, &page);
}
