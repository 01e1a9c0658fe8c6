/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/audit.h"

struct audit {
	struct apiserver *s;
	const struct access_user *user, *impersonated;
	const struct access_attrs *attrs;
	int64_t received_ns;
	const char *decision; /* NULL: none */
};

/* What was sent may not be text at all. */
static struct str readable(struct str s)
{
	return json_is_utf8(s) ? s : STR("(not UTF-8)");
}

static void add_text(struct buf *b, struct str s)
{
	json_write_string(b, readable(s));
}

static void add_string(struct buf *b, const char *key, struct str value)
{
	if (!value.len)
		return;
	buf_printf(b, ",\"%s\":", key);
	add_text(b, value);
}

static void add_strings(struct buf *b, const struct str *list, size_t n)
{
	buf_add_byte(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_byte(b, ',');
		add_text(b, list[i]);
	}
	buf_add_byte(b, ']');
}

static void add_user(struct buf *b, const char *key, const struct access_user *u)
{
	buf_printf(b, ",\"%s\":{", key);
	if (u) {
		buf_add_c(b, "\"username\":");
		add_text(b, u->name);
		add_string(b, "uid", u->uid);
		buf_add_c(b, ",\"groups\":");
		add_strings(b, u->groups, u->n_groups);
		for (size_t i = 0; i < u->n_extra; i++) {
			buf_add_c(b, i ? "," : ",\"extra\":{");
			add_text(b, u->extra[i].key);
			buf_add_byte(b, ':');
			add_strings(b, u->extra[i].values, u->extra[i].n);
		}
		if (u->n_extra)
			buf_add_byte(b, '}');
	}
	buf_add_byte(b, '}');
}

static void add_object(struct buf *b, const struct access_attrs *at)
{
	if (!at || !at->is_resource)
		return;
	buf_add_c(b, ",\"objectRef\":{\"resource\":");
	add_text(b, at->resource);
	add_string(b, "namespace", at->ns);
	add_string(b, "name", at->name);
	add_string(b, "apiGroup", at->group);
	add_string(b, "apiVersion", at->version);
	add_string(b, "subresource", at->sub);
	buf_add_byte(b, '}');
}

static void add_time(struct buf *b, const char *key, int64_t wall_ns)
{
	char text[CLOCK_RFC3339_MAX];

	add_string(b, key, clock_format(text, wall_ns, 6));
}

static void add_source(struct buf *b, const struct http_exchange *x)
{
	char text[IP_TEXT_MAX];

	if (x->req.peer->port)
		buf_printf(b, ",\"sourceIPs\":[\"%.*s\"]",
			   STR_ARG(ip_format(&x->req.peer->addr, text)));
}

static void write_event(struct buf *b, const struct http_exchange *x, const struct audit *a,
			int status)
{
	const struct http_request *req = &x->req;
	const struct clock *clock = a->s->clock;
	bool is_watch = a->attrs && str_eq_c(a->attrs->verb, "watch") && status == 200;
	char uid[RAND_UUID_LEN + 1];

	rand_uuid(uid);
	buf_printf(b,
		   "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\","
		   "\"auditID\":\"%s\",\"stage\":\"%s\"",
		   uid, is_watch ? "ResponseStarted" : "ResponseComplete");
	add_string(b, "requestURI",
		   str_is_set(req->query)
			   ? str_n(req->path.ptr,
				   (size_t)(req->query.ptr + req->query.len - req->path.ptr))
			   : req->path);
	add_string(b, "verb", a->attrs ? a->attrs->verb : str_of(http_method_name(req->method)));
	add_user(b, "user", a->user);
	if (a->impersonated)
		add_user(b, "impersonatedUser", a->impersonated);
	add_source(b, x);
	add_string(b, "userAgent", http_header(req->headers, req->n_headers, "user-agent"));
	add_object(b, a->attrs);
	buf_printf(b, ",\"responseStatus\":{\"metadata\":{},\"code\":%d}", status);
	add_time(b, "requestReceivedTimestamp", a->received_ns);
	add_time(b, "stageTimestamp", clock->wall_ns(clock));
	if (a->decision)
		buf_printf(b, ",\"annotations\":{\"authorization.k8s.io/decision\":\"%s\"}",
			   a->decision);
	buf_add_c(b, "}\n");
}

static void on_answer(struct http_exchange *x, int status)
{
	const struct audit *a = x->answer_ctx;
	const struct apiserver_config *c = &a->s->config;
	struct buf b = BUF_INIT;

	write_event(&b, x, a, status);
	c->audit(c->ctx, buf_str(&b));
	buf_fini(&b);
}

void audit_begin(struct apiserver *s, struct http_exchange *x)
{
	struct audit *a;

	if (!s->config.audit)
		return;
	a = arena_new(&x->arena, struct audit);
	a->s = s;
	a->received_ns = s->clock->wall_ns(s->clock);
	x->answer_ctx = a;
	x->on_answer = on_answer;
}

void audit_note(struct http_exchange *x, const struct access_user *user,
		const struct access_user *impersonated, const struct access_attrs *attrs)
{
	struct audit *a = x->answer_ctx;

	if (!a || x->on_answer != on_answer)
		return;
	if (user)
		a->user = user;
	if (impersonated)
		a->impersonated = impersonated;
	if (attrs)
		a->attrs = attrs;
}

void audit_decided(struct http_exchange *x, bool is_allowed)
{
	struct audit *a = x->answer_ctx;

	if (a && x->on_answer == on_answer)
		a->decision = is_allowed ? "allow" : "forbid";
}
