/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/client/fake.h"

enum {
	FAKE_TURNS = 2000, /* of 10 ms */
};

static struct http_call *fake_send(struct http_transport *t, const struct http_call_request *req,
				   const struct http_call_events *events, void *ctx)
{
	struct fake *f = CONTAINER_OF(t, struct fake, transport);
	struct fake_call *c = mem_xnew(struct fake_call);
	struct str body = bytes_str(req->body);

	c->fake = f;
	c->method = req->method;
	c->target = mem_xstrndup(req->target.ptr, req->target.len);
	c->body = mem_xstrndup(body.ptr, body.len);
	buf_init(&c->headers);
	for (size_t i = 0; i < req->n_headers; i++)
		buf_printf(&c->headers, "%.*s: %.*s\n", STR_ARG(req->headers[i].name),
			   STR_ARG(req->headers[i].value));
	c->events = *events;
	c->ctx = ctx;
	c->is_open = true;
	*vec_push(&f->calls) = c;
	return (struct http_call *)(void *)c;
}

static void fake_cancel(struct http_call *call)
{
	struct fake_call *c = (struct fake_call *)(void *)call;

	ASSERT_TRUE(c->is_open);
	c->is_open = false;
	c->is_cancelled = true;
}

static void fake_close(struct http_transport *t)
{
	struct fake *f = CONTAINER_OF(t, struct fake, transport);

	f->is_closed = true;
	vec_foreach(c, &f->calls)
		ASSERT_FALSE((*c)->is_open);
}

static const struct http_transport_ops fake_ops = {
	.send = fake_send,
	.cancel = fake_cancel,
	.close = fake_close,
};

void fake_init(struct fake *f)
{
	*f = (struct fake){.transport = {&fake_ops}};
}

void fake_fini(struct fake *f)
{
	ASSERT_TRUE(f->is_closed);
	vec_foreach(c, &f->calls) {
		free((*c)->target);
		free((*c)->body);
		buf_fini(&(*c)->headers);
		free(*c);
	}
	vec_fini(&f->calls);
}

struct fake_call *fake_find(struct fake *f)
{
	vec_foreach(c, &f->calls) {
		if ((*c)->is_seen || !(*c)->is_open)
			continue;
		(*c)->is_seen = true;
		return *c;
	}
	return NULL;
}

struct fake_call *fake_next(struct fake *f, struct loop *l)
{
	for (int i = 0; i < FAKE_TURNS; i++) {
		struct fake_call *c = fake_find(f);

		if (c)
			return c;
		loop_turn(l, 10);
	}
	test_fail(__FILE__, __LINE__, "no call came");
}

struct str fake_target(const struct fake_call *c)
{
	return str_of(c->target);
}

void fake_head(struct fake_call *c, int status)
{
	struct http_header h = {STR("content-type"), STR("application/json")};

	ASSERT_TRUE(c->is_open);
	c->events.on_head(c->ctx, status, &h, 1);
}

void fake_data(struct fake_call *c, const char *text)
{
	if (c->is_open)
		c->events.on_data(c->ctx, str_of(text));
}

void fake_end(struct fake_call *c, int r)
{
	struct err err;

	if (!c->is_open)
		return;
	c->is_open = false;
	if (r < 0)
		err_set(&err, r, "the connection broke");
	c->events.on_done(c->ctx, r, r < 0 ? &err : NULL);
}

void fake_answer(struct fake_call *c, int status, const char *body)
{
	fake_head(c, status);
	fake_data(c, body);
	fake_end(c, 0);
}
