/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/status.h"

#include "apiserver/object.h"

enum {
	STATUS_PATCH_SHOWN_MAX = 1024, /* bytes */
};

int status_set(struct status *st, int code, const char *fmt, ...)
{
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	IGNORE(err_vset(&err, code, fmt, ap), "returns its code, which we have");
	va_end(ap);
	return status_from_err(st, code, &err);
}

int status_from_err(struct status *st, int r, const struct err *err)
{
	st->code = err_http_status(r);
	st->reason = err_reason(r);
	st->message = str_dup(st->arena, str_of(err->msg));
	if (st->code == 429 || st->code == 503)
		st->retry_after_s = 1;
	return r;
}

void status_about(struct status *st, const struct resource *res, struct str name)
{
	st->kind = str_of(res->kind->plural);
	st->group = str_of(res->kind->group);
	st->name = name;
}

void status_add_cause(struct status *st, const char *reason, struct str field, struct str message)
{
	struct status_cause *grown =
		arena_array(st->arena, st->n_causes + 1, sizeof(struct status_cause));

	if (st->n_causes)
		memcpy(grown, st->causes, st->n_causes * sizeof(struct status_cause));
	grown[st->n_causes++] = (struct status_cause){str_of(reason), message, field};
	st->causes = grown;
}

int status_not_found(struct status *st, const struct resource *res, struct str name)
{
	status_about(st, res, name);
	return status_set(st, ERR_NOT_FOUND, "%.*s \"%.*s\" not found", STR_ARG(res->resource_name),
			  STR_ARG(name));
}

int status_conflict(struct status *st, const struct resource *res, struct str name, const char *why)
{
	status_about(st, res, name);
	return status_set(st, ERR_CONFLICT, "Operation cannot be fulfilled on %.*s \"%.*s\": %s",
			  STR_ARG(res->resource_name), STR_ARG(name), why);
}

/* "field: message", as causes are told in the status's own message. */
static void add_cause_text(struct buf *b, const struct status_cause *c)
{
	if (c->field.len) {
		buf_add_str(b, c->field);
		buf_add_c(b, ": ");
	}
	buf_add_str(b, c->message);
}

static int invalid(struct status *st, struct str kind, struct str name)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "%.*s \"%.*s\" is invalid", STR_ARG(kind), STR_ARG(name));
	if (st->n_causes)
		buf_add_c(&b, st->n_causes > 1 ? ": [" : ": ");
	for (size_t i = 0; i < st->n_causes; i++) {
		if (i)
			buf_add_c(&b, ", ");
		add_cause_text(&b, &st->causes[i]);
	}
	if (st->n_causes > 1)
		buf_add_byte(&b, ']');
	st->code = err_http_status(ERR_INVALID);
	st->reason = err_reason(ERR_INVALID);
	st->message = str_dup(st->arena, buf_str(&b));
	st->name = name;
	buf_fini(&b);
	return ERR_INVALID;
}

int status_invalid(struct status *st, const struct resource *res, struct str name)
{
	st->kind = str_of(res->kind->kind);
	st->group = str_of(res->kind->group);
	return invalid(st, res->qualified_kind, name);
}

int status_from_causes(struct status *st, const struct resource *res, struct str name,
		       const struct api_causes *causes)
{
	for (size_t i = 0; i < causes->n; i++)
		status_add_cause(st, api_causes_reason(causes->ptr[i].reason), causes->ptr[i].field,
				 causes->ptr[i].message);
	IGNORE(status_invalid(st, res, name), "returned below");
	st->message = api_causes_message(causes, res->qualified_kind, name);
	return ERR_INVALID;
}

int status_invalid_patch(struct status *st, struct str patch, struct str why)
{
	struct json shown = {.type = JSON_STRING, .string = patch};
	struct buf b = BUF_INIT;
	size_t n = MIN(patch.len, STATUS_PATCH_SHOWN_MAX);

	while (n < patch.len &&
	       ((unsigned char)patch.ptr[n] & 0xc0) == 0x80) /* a whole character */
		n++;
	shown.string = str_sub(patch, 0, n);
	buf_add_c(&b, "Invalid value: ");
	json_write(&b, &shown);
	buf_printf(&b, ": %.*s", STR_ARG(why));
	status_add_cause(st, "FieldValueInvalid", STR("patch"), str_dup(st->arena, buf_str(&b)));
	buf_fini(&b);
	return invalid(st, STR(""), STR(""));
}

int status_invalid_options(struct status *st, const char *kind, const char *reason,
			   const char *field, struct str message)
{
	status_add_cause(st, reason, str_of(field), message);
	st->kind = str_of(kind);
	st->group = STR("meta.k8s.io");
	return invalid(st, str_printf(st->arena, "%s.meta.k8s.io", kind), STR(""));
}

int status_invalid_options_for(struct status *st, const char *kind, struct str name,
			       const struct api_causes *causes)
{
	for (size_t i = 0; i < causes->n; i++)
		status_add_cause(st, api_causes_reason(causes->ptr[i].reason), causes->ptr[i].field,
				 causes->ptr[i].message);
	st->kind = str_of(kind);
	return invalid(st, str_of(kind), name);
}

static void add_member(struct buf *b, bool *is_first, const char *key, struct str value)
{
	if (!value.len)
		return;
	if (!*is_first)
		buf_add_byte(b, ',');
	*is_first = false;
	buf_printf(b, "\"%s\":", key);
	json_write_text(b, value); /* may be of a path */
}

static void add_causes(struct buf *b, bool *is_first, const struct status *st)
{
	if (!st->n_causes)
		return;
	buf_add_c(b, *is_first ? "\"causes\":[" : ",\"causes\":[");
	*is_first = false;
	for (size_t i = 0; i < st->n_causes; i++) {
		bool is_first_member = true;

		buf_add_c(b, i ? ",{" : "{");
		add_member(b, &is_first_member, "reason", st->causes[i].reason);
		add_member(b, &is_first_member, "message", st->causes[i].message);
		add_member(b, &is_first_member, "field", st->causes[i].field);
		buf_add_byte(b, '}');
	}
	buf_add_byte(b, ']');
}

int status_too_new(struct status *st, uint64_t rev, uint64_t current)
{
	status_add_cause(st, "ResourceVersionTooLarge", (struct str){0},
			 STR("Too large resource version"));
	st->retry_after_s = 1;
	return status_set(st, ERR_TIMEOUT, "Too large resource version: %llu, current: %llu",
			  (unsigned long long)rev, (unsigned long long)current);
}

void status_write(struct buf *b, const struct status *st)
{
	bool is_first = true;

	buf_add_c(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{");
	add_member(b, &is_first, "continue", st->continue_token);
	buf_add_c(b, "},\"status\":\"Failure\",\"message\":");
	json_write_text(b, st->message);
	is_first = false;
	add_member(b, &is_first, "reason", str_of(st->reason));
	if (st->name.len || st->kind.len || st->n_causes || st->retry_after_s || st->has_details) {
		is_first = true;
		buf_add_c(b, ",\"details\":{");
		add_member(b, &is_first, "name", st->name);
		add_member(b, &is_first, "group", st->group);
		add_member(b, &is_first, "kind", st->kind);
		add_member(b, &is_first, "uid", st->uid);
		add_causes(b, &is_first, st);
		if (st->retry_after_s)
			buf_printf(b, "%s\"retryAfterSeconds\":%d", is_first ? "" : ",",
				   st->retry_after_s);
		buf_add_byte(b, '}');
	}
	buf_printf(b, ",\"code\":%d}", st->code);
}

void status_write_success(struct buf *b, const struct resource *res, struct str name,
			  struct str uid)
{
	bool is_first = true;

	buf_add_c(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
		     "\"status\":\"Success\",\"details\":{");
	add_member(b, &is_first, "name", name);
	add_member(b, &is_first, "group", str_of(res->kind->group));
	add_member(b, &is_first, "kind", str_of(res->kind->plural));
	add_member(b, &is_first, "uid", uid);
	buf_add_c(b, "}}");
}
