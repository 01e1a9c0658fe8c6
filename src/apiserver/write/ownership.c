/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/ownership.h"

#include "api/managed/managed.h"
#include "apiserver/write/prepare.h"

/* The characters of one code point that begins at s; 1 when it is broken. */
static size_t rune_len(struct str s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	return n <= s.len ? n : s.len;
}

/* The first part of the User-Agent: printable characters, as many as a manager may have. */
static struct str agent_manager(struct op *op)
{
	const struct http_request *x = &op->req->x->req;
	struct str agent = http_header(x->headers, x->n_headers, "user-agent"), first = {0};
	struct buf b = BUF_INIT;
	struct str ret;

	IGNORE(str_next(&agent, '/', &first), "an absent header names nobody");
	while (first.len && json_is_utf8(first)) {
		size_t n = rune_len(first);

		if (b.len + n > REQUEST_MANAGER_MAX)
			break;
		if ((unsigned char)first.ptr[0] >= 0x20 && first.ptr[0] != 0x7f)
			buf_add(&b, first.ptr, n);
		first = str_skip(first, n);
	}
	ret = str_dup(&op->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static struct api_managed_write write_of(struct op *op)
{
	const struct clock *clock = op->s->clock;
	/* Kubernetes forgets the time of those who scale. */
	bool has_time = !str_eq_c(op->req->sub, "scale");

	return (struct api_managed_write){
		.a = &op->arena,
		.kind = op->req->res->kind,
		.sub = op->req->sub,
		.manager = op->req->field_manager.len ? op->req->field_manager : agent_manager(op),
		.time = has_time ? prepare_timestamp(op, clock->wall_ns(clock)) : (struct str){0},
	};
}

void ownership_record(struct op *op, const struct json *old, struct json *obj)
{
	struct api_managed_write w;

	if (op->is_applied)
		return;
	w = write_of(op);
	api_managed_update(&w, old, obj, op->resets_owners);
}

static int tell_conflicts(struct op *op, const struct api_managed_conflicts *c,
			  const struct err *err)
{
	struct status *st = &op->req->st;

	for (size_t i = 0; i < c->n; i++)
		status_add_cause(
			st, "FieldManagerConflict", c->ptr[i].path,
			str_printf(st->arena, "conflict with %.*s", STR_ARG(c->ptr[i].manager)));
	return status_from_err(st, ERR_CONFLICT, err);
}

int ownership_apply(struct op *op, const struct json *old, const struct json *config,
		    struct json **ret)
{
	struct request *req = op->req;
	struct api_managed_write w = write_of(op);
	struct api_managed_conflicts conflicts = {0};
	struct err err;
	int r = api_managed_apply(&w, old, config, req->is_forced, ret, &conflicts, &err);

	if (r == 0)
		op->is_applied = true;
	else if (r == ERR_CONFLICT)
		return tell_conflicts(op, &conflicts, &err);
	if (r != ERR_INVALID)
		return r < 0 ? status_from_err(&req->st, r, &err) : 0;
	r = status_set(&req->st, ERR_INTERNAL,
		       "failed to create typed patch object (%.*s/%.*s; %s/%s, Kind=%s): %s",
		       STR_ARG(json_get_string(json_get(config, "metadata"), "namespace")),
		       STR_ARG(json_get_string(json_get(config, "metadata"), "name")),
		       req->res->kind->group, req->res->kind->version, req->res->kind->kind,
		       err.msg);
	req->st.reason = "";
	return r;
}
