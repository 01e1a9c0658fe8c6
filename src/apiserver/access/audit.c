/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/access/audit.h"

#define HEADER_ID   "audit-id"
#define STATUS_HEAD "{\"kind\":\"Status\",\"apiVersion\":\"v1\","

enum {
	AUDIT_ID_MAX = 256,     /* bytes; a longer one of a client is not taken */
	AUDIT_AGENT_MAX = 1024, /* bytes of a userAgent; the rest is cut off, as Kubernetes does */
	AUDIT_SOURCES_MAX = 32, /* addresses that proxies name; further ones are left out */
};

struct audit {
	struct apiserver *s;
	struct str id;
	const struct access_user *user, *impersonated;
	const struct access_attrs *attrs;
	struct str name, uid, rev; /* that the body says */
	int64_t received_ns;
	const char *decision; /* NULL: none */
	struct str reason;    /* of the decision */
	int status;           /* 0: not answered yet */
	struct str note;      /* of the answer */
};

static void add_string(struct buf *b, const char *key, struct str value)
{
	if (!value.len)
		return;
	buf_printf(b, ",\"%s\":", key);
	json_write_text(b, value);
}

static void add_strings(struct buf *b, const struct str *list, size_t n)
{
	buf_add_byte(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_add_byte(b, ',');
		json_write_text(b, list[i]);
	}
	buf_add_byte(b, ']');
}

static void add_user(struct buf *b, const char *key, const struct access_user *u)
{
	buf_printf(b, ",\"%s\":{", key);
	if (u) {
		buf_add_c(b, "\"username\":");
		json_write_text(b, u->name);
		add_string(b, "uid", u->uid);
		buf_add_c(b, ",\"groups\":");
		add_strings(b, u->groups, u->n_groups);
		for (size_t i = 0; i < u->n_extra; i++) {
			buf_add_c(b, i ? "," : ",\"extra\":{");
			json_write_text(b, u->extra[i].key);
			buf_add_byte(b, ':');
			add_strings(b, u->extra[i].values, u->extra[i].n);
		}
		if (u->n_extra)
			buf_add_byte(b, '}');
	}
	buf_add_byte(b, '}');
}

static void add_object(struct buf *b, const struct audit *a)
{
	const struct access_attrs *at = a->attrs;

	if (!at || !at->is_resource)
		return;
	buf_add_c(b, ",\"objectRef\":{\"resource\":");
	json_write_text(b, at->resource);
	add_string(b, "namespace", at->ns);
	add_string(b, "name", at->name.len ? at->name : a->name);
	add_string(b, "uid", a->uid);
	add_string(b, "apiGroup", at->group);
	add_string(b, "apiVersion", at->version);
	add_string(b, "resourceVersion", a->rev);
	add_string(b, "subresource", at->sub);
	buf_add_byte(b, '}');
}

static void add_time(struct buf *b, const char *key, int64_t wall_ns)
{
	char text[CLOCK_RFC3339_MAX];

	add_string(b, key, clock_format(text, wall_ns, 6));
}

struct sources {
	struct ip_addr addrs[AUDIT_SOURCES_MAX];
	size_t n;
};

static bool has_source(const struct sources *s, const struct ip_addr *addr)
{
	for (size_t i = 0; i < s->n; i++)
		if (ip_eq(&s->addrs[i], addr))
			return true;
	return false;
}

static void add_named(struct sources *s, struct str text, bool is_once)
{
	struct ip_addr addr;

	if (s->n < AUDIT_SOURCES_MAX && ip_parse(str_trim(text), &addr, NULL) == 0 &&
	    !(is_once && has_source(s, &addr)))
		s->addrs[s->n++] = addr;
}

/* As proxies say, which may be a lie, and who sent it here, which is true, last. */
static void add_sources(struct buf *b, const struct http_request *req)
{
	struct str rest = http_header(req->headers, req->n_headers, "x-forwarded-for"), one;
	struct sources s = {.n = 0};
	char text[IP_TEXT_MAX];

	if (!req->peer->port)
		return;
	while (str_next(&rest, ',', &one))
		add_named(&s, one, false);
	add_named(&s, http_header(req->headers, req->n_headers, "x-real-ip"), true);
	buf_add_c(b, ",\"sourceIPs\":[");
	for (size_t i = 0; i < s.n; i++)
		buf_printf(b, "\"%.*s\",", STR_ARG(ip_format(&s.addrs[i], text)));
	if (!s.n || !ip_eq(&s.addrs[s.n - 1], &req->peer->addr))
		buf_printf(b, "\"%.*s\",", STR_ARG(ip_format(&req->peer->addr, text)));
	b->ptr[b->len - 1] = ']';
}

static void add_agent(struct buf *b, const struct http_request *req)
{
	struct str agent = http_header(req->headers, req->n_headers, "user-agent");
	struct buf cut = BUF_INIT;

	if (agent.len <= AUDIT_AGENT_MAX) {
		add_string(b, "userAgent", agent);
		return;
	}
	buf_printf(&cut, "%.*s...TRUNCATED", AUDIT_AGENT_MAX, agent.ptr);
	add_string(b, "userAgent", buf_str(&cut));
	buf_fini(&cut);
}

/* What a Status says, which is the answer or was made of it; one of a success may have no code. */
static void add_status(struct buf *b, const struct audit *a)
{
	struct str said = STR("\"metadata\":{}}");
	char code[32] = "}";

	if (a->status)
		snprintf(code, sizeof(code), ",\"code\":%d}", a->status);
	if (str_has_prefix(a->note, STR(STATUS_HEAD)))
		said = str_trim(str_skip(a->note, strlen(STATUS_HEAD)));
	buf_printf(b, ",\"responseStatus\":{%.*s", STR_ARG(said));
	if (str_has_suffix(said, str_of(code)))
		return;
	b->len--; /* the brace */
	buf_add_c(b, code);
}

static void add_decision(struct buf *b, const struct audit *a)
{
	if (!a->decision)
		return;
	buf_printf(b,
		   ",\"annotations\":{\"authorization.k8s.io/decision\":\"%s\","
		   "\"authorization.k8s.io/reason\":",
		   a->decision);
	json_write_text(b, a->reason);
	buf_add_byte(b, '}');
}

static struct str uri_of(const struct http_request *req)
{
	if (!str_is_set(req->query))
		return req->path;
	return str_n(req->path.ptr, (size_t)(req->query.ptr + req->query.len - req->path.ptr));
}

static void write_event(struct buf *b, const struct http_exchange *x, const struct audit *a,
			const char *stage)
{
	const struct http_request *req = &x->req;
	const struct clock *clock = a->s->clock;

	buf_add_c(b, "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":"
		     "\"Metadata\",\"auditID\":");
	json_write_text(b, a->id);
	buf_printf(b, ",\"stage\":\"%s\"", stage);
	add_string(b, "requestURI", uri_of(req));
	buf_add_c(b, ",\"verb\":");
	json_write_text(b, a->attrs ? a->attrs->verb : str_of(http_method_name(req->method)));
	add_user(b, "user", a->user);
	if (a->impersonated)
		add_user(b, "impersonatedUser", a->impersonated);
	add_sources(b, req);
	add_agent(b, req);
	add_object(b, a);
	add_status(b, a);
	add_time(b, "requestReceivedTimestamp", a->received_ns);
	add_time(b, "stageTimestamp", clock->wall_ns(clock));
	add_decision(b, a);
	buf_add_c(b, "}\n");
}

static void tell(const struct http_exchange *x, const char *stage)
{
	const struct audit *a = x->answer_ctx;
	const struct apiserver_config *c = &a->s->config;
	struct buf b = BUF_INIT;

	write_event(&b, x, a, stage);
	c->audit(c->ctx, buf_str(&b));
	buf_fini(&b);
}

/* Told twice, when it begins and when it ends. */
static bool is_long(const struct audit *a)
{
	static const char *const subs[] = {"attach", "exec", "log", "portforward", "proxy"};
	const struct access_attrs *at = a->attrs;

	if (!at || !at->is_resource)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(subs); i++)
		if (str_eq_c(at->sub, subs[i]))
			return true;
	return str_eq_c(at->verb, "watch") || str_eq_c(at->verb, "proxy");
}

static void on_answer(struct http_exchange *x, int status)
{
	struct audit *a = x->answer_ctx;

	a->status = status;
	a->note = x->answer_note;
	/* Of those who do not come in Kubernetes tells no end. */
	tell(x, is_long(a) || !a->user ? "ResponseStarted" : "ResponseComplete");
}

/* Also of a client that went before there was an answer. */
static void on_over(struct http_exchange *x)
{
	const struct audit *a = x->answer_ctx;

	if (!a->status || (is_long(a) && a->user))
		tell(x, "ResponseComplete");
}

static struct str id_of(struct http_exchange *x)
{
	struct str id = http_header(x->req.headers, x->req.n_headers, HEADER_ID);
	char *uid;

	if (id.len && id.len <= AUDIT_ID_MAX)
		return id;
	uid = arena_alloc(&x->arena, RAND_UUID_LEN + 1);
	rand_uuid(uid);
	return str_n(uid, RAND_UUID_LEN);
}

void audit_begin(struct apiserver *s, struct http_exchange *x)
{
	struct audit *a;

	x->always = (struct http_header){STR(HEADER_ID), id_of(x)};
	if (!s->config.audit)
		return;
	a = arena_new(&x->arena, struct audit);
	a->s = s;
	a->id = x->always.value;
	a->received_ns = s->clock->wall_ns(s->clock);
	x->answer_ctx = a;
	x->on_answer = on_answer;
	x->on_over = on_over;
}

/* NULL: nothing of it is told. */
static struct audit *audit_of(const struct http_exchange *x)
{
	return x && x->on_answer == on_answer ? x->answer_ctx : NULL;
}

bool audit_is_on(const struct http_exchange *x)
{
	return audit_of(x) != NULL;
}

void audit_note(struct http_exchange *x, const struct access_user *user,
		const struct access_user *impersonated, const struct access_attrs *attrs)
{
	struct audit *a = audit_of(x);

	if (!a)
		return;
	if (user)
		a->user = user;
	if (impersonated)
		a->impersonated = impersonated;
	if (attrs)
		a->attrs = attrs;
}

void audit_object(struct http_exchange *x, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata");
	struct audit *a = audit_of(x);

	if (!a)
		return;
	a->name = str_dup(&x->arena, json_get_string(meta, "name"));
	a->uid = str_dup(&x->arena, json_get_string(meta, "uid"));
	a->rev = str_dup(&x->arena, json_get_string(meta, "resourceVersion"));
}

void audit_decided(struct http_exchange *x, bool is_allowed, struct str reason)
{
	struct audit *a = audit_of(x);

	if (!a)
		return;
	a->decision = is_allowed ? "allow" : "forbid";
	a->reason = reason;
}
