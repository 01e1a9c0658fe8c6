/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/repair.h"

#include "apiserver/service/repair.h"
#include "apiserver/write/reports.h"
#include "apiserver/write/services.h"

enum {
	REPAIR_STEP_OBJECTS = 100, /* looked at in one turn of the loop: about a millisecond */
	REPAIR_STEP_MS = 2,        /* between two of them */
	REPAIR_COMPARES_MAX = 3,   /* the object, its claim, the other Service */
	REPAIR_BY_HAND_MAX = 1024, /* addresses remembered until the next tick */
};

enum repair_phase {
	REPAIR_IDLE,
	REPAIR_SERVICES,
	REPAIR_ADDRESSES,
	REPAIR_PORTS,
	REPAIR_ENDING, /* changes are under way */
};

struct repair {
	struct apiserver *s;
	struct reports *reports;
	enum repair_phase phase;
	char *cursor;     /* key of the last object that was looked at; NULL: none */
	size_t n_changes; /* under way */
	void (*done)(struct apiserver *s);
	int64_t next_ms;  /* of the next round */
	uint8_t *strikes; /* of each port of the range: rounds that found its claim without Service
			   */
	struct map by_hand; /* names of IPAddress objects */
	struct loop_timer *step;
	bool is_stopped;
	bool is_known, is_urgent; /* whether the load has been looked at; what it said */
};

static void on_step(void *ctx);

struct repair *repair_new(struct apiserver *s)
{
	struct repair *r = mem_xnew(struct repair);

	r->s = s;
	r->reports = reports_new(s);
	r->strikes =
		mem_xarray((size_t)s->config.node_port_last - s->config.node_port_first + 1, 1);
	r->step = loop_timer_new(s->loop, on_step, r);
	return r;
}

void repair_stop(struct repair *r)
{
	if (r->step)
		loop_timer_close(TAKE_PTR(r->step));
	r->is_stopped = true;
}

void repair_free(struct repair *r)
{
	if (!r)
		return;
	repair_stop(r);
	assert(r->n_changes == 0);
	reports_free(r->reports);
	map_fini(&r->by_hand);
	free(r->strikes);
	free(r->cursor);
	free(r);
}

static const struct cache *cache_of(const struct apiserver *s, const char *kind)
{
	return server_resource_of(s, kind)->cache;
}

/* ---- one object ---- */

/* What service/repair.h looks at, and with what revision it was seen. */
struct look {
	struct repair *r;
	struct arena a;
	struct service_repair core;
};

static const struct json *find(void *ctx, struct arena *a, const char *kind, struct str key)
{
	struct look *l = ctx;
	const struct object *o = cache_get(cache_of(l->r->s, kind), key);
	struct json *tree;

	return o && object_decode(a, o, o->rev, &tree, NULL) >= 0 ? tree : NULL;
}

static void look_init(struct look *l, struct repair *r)
{
	struct services *v = r->s->services;

	*l = (struct look){.r = r};
	arena_init(&l->a, 0);
	l->core = (struct service_repair){
		.a = &l->a,
		.pools = services_pools(v),
		.cidrs = services_cidrs(v),
		.find = find,
		.ctx = l,
		.now_ns = r->s->clock->wall_ns(r->s->clock),
	};
}

static void look_fini(struct look *l)
{
	vec_fini(&l->core.found);
	arena_fini(&l->a);
}

static uint64_t rev_of(const struct json *o)
{
	uint64_t rev;

	return str_to_u64(json_string(json_path(o, "metadata.resourceVersion")), 0, UINT64_MAX,
			  &rev, NULL) < 0
		       ? 0
		       : rev;
}

static struct str store_key_of(struct look *l, const struct json *o)
{
	const struct json *meta = json_get(o, "metadata");
	const char *kind = json_get_string(meta, "namespace").len ? "Service" : "IPAddress";

	return server_store_key(&l->a, server_resource_of(l->r->s, kind),
				json_get_string(meta, "namespace"), json_get_string(meta, "name"));
}

static void maybe_done(struct repair *r)
{
	void (*done)(struct apiserver * s) = r->done;

	if (r->phase != REPAIR_ENDING || r->n_changes)
		return;
	r->phase = REPAIR_IDLE;
	r->is_urgent = false;
	r->done = NULL;
	if (done && !r->is_stopped)
		done(r->s);
}

/* A lost race is no failure: what it was about has changed, and the next round sees. */
static void on_changed(void *ctx, int result, const struct store_txn_result *res,
		       const struct err *err)
{
	struct repair *r = ctx;

	r->n_changes--;
	if (result < 0 && result != ERR_CONFLICT && !r->is_stopped)
		server_tell(r->s, false, "a repair was not written, trying again later: %s",
			    err->msg);
	maybe_done(r);
}

/* Compares everything that was looked at, and makes the claim what it should be. */
static void change(struct look *l, const struct service_finding *f)
{
	struct str key = service_claim_key(&l->a, &f->claim);
	const struct json *service = f->action == SERVICE_REPAIR_DROP ? NULL : f->about;
	struct store_compare compares[REPAIR_COMPARES_MAX];
	struct store_op op = {.key = key};
	struct store_txn txn = {.compares = compares, .ops = &op, .n_ops = 1};
	const struct object *claim = NULL;
	size_t n = 0;

	if (!f->claim.is_port) {
		char text[IP_TEXT_MAX];

		claim = cache_get(cache_of(l->r->s, "IPAddress"), ip_format(&f->claim.ip, text));
	}
	compares[n++] = (struct store_compare){
		key, f->claim.is_port ? port_alloc_rev(l->core.pools->ports, f->claim.port)
				      : (claim ? claim->rev : 0)};
	if (service) {
		compares[n++] = (struct store_compare){store_key_of(l, service), rev_of(service)};
		op.value = services_claim_bytes(l->r->s->services, &l->a, &f->claim, service);
	}
	if (f->other)
		compares[n++] = (struct store_compare){store_key_of(l, f->other), rev_of(f->other)};
	txn.n_compares = n;
	l->r->n_changes++;
	store_txn(l->r->s->store, &txn, on_changed, l->r);
	bytes_unref(op.value);
}

static void act(struct look *l)
{
	vec_foreach(f, &l->core.found) {
		struct report report = {f->controller, f->event_action, f->reason, f->about,
					f->text};

		reports_warn(l->r->reports, &report);
		if (f->action != SERVICE_REPAIR_TELL)
			change(l, f);
	}
}

static void look_at(struct repair *r, const struct object *o,
		    void (*check)(struct service_repair *core, const struct json *tree))
{
	struct json *tree;
	struct look l;

	look_init(&l, r);
	if (object_decode(&l.a, o, o->rev, &tree, NULL) >= 0) {
		check(&l.core, tree);
		act(&l);
	}
	look_fini(&l);
}

/* ---- a round ---- */

static void set_cursor(struct repair *r, const struct object *o)
{
	free(r->cursor);
	r->cursor = o ? mem_xstrndup(object_key(o).ptr, object_key(o).len) : NULL;
}

/* The next objects of a kind. True: that was all. */
static bool step_over(struct repair *r, const char *kind,
		      void (*check)(struct service_repair *core, const struct json *tree))
{
	const struct cache *c = cache_of(r->s, kind);
	size_t at = r->cursor ? cache_lower_bound(c, str_of(r->cursor)) : 0, i;

	if (r->cursor && at < c->objects.len && str_eq_c(object_key(c->objects.ptr[at]), r->cursor))
		at++;
	for (i = at; i < c->objects.len && i < at + REPAIR_STEP_OBJECTS; i++)
		look_at(r, c->objects.ptr[i], check);
	set_cursor(r, i < c->objects.len ? c->objects.ptr[i - 1] : NULL);
	return i == c->objects.len;
}

/* A claim that its Service does not have: it goes at the third round in a row that says so. */
static void leaked_port(struct look *l, uint16_t port, struct str owner)
{
	struct service_finding f = {.action = SERVICE_REPAIR_DROP,
				    .claim = {.is_port = true, .port = port}};
	uint8_t *strikes = &l->r->strikes[port - l->core.pools->ports->first];

	if (owner.len && service_repair_owns_port(&l->core, owner, port)) {
		*strikes = 0;
		return;
	}
	if (++*strikes < SERVICE_REPAIR_STRIKES)
		return;
	*strikes = 0;
	f.other = owner.len ? find(l, &l->a, "Service", owner) : NULL;
	change(l, &f);
}

static void step_over_ports(struct repair *r)
{
	struct look l;

	look_init(&l, r);
	for (uint32_t port = l.core.pools->ports->first; port <= l.core.pools->ports->last;
	     port++) {
		if (port_alloc_rev(l.core.pools->ports, port))
			leaked_port(&l, (uint16_t)port,
				    port_alloc_owner(l.core.pools->ports, port));
		else
			r->strikes[port - l.core.pools->ports->first] = 0;
	}
	look_fini(&l);
}

static void on_step(void *ctx)
{
	struct repair *r = ctx;

	switch (r->phase) {
	case REPAIR_SERVICES:
		r->phase = step_over(r, "Service", service_repair_service) ? REPAIR_ADDRESSES
									   : r->phase;
		break;
	case REPAIR_ADDRESSES:
		r->phase =
			step_over(r, "IPAddress", service_repair_address) ? REPAIR_PORTS : r->phase;
		break;
	case REPAIR_PORTS:
		step_over_ports(r);
		r->phase = REPAIR_ENDING;
		maybe_done(r);
		return;
	case REPAIR_IDLE:
	case REPAIR_ENDING:
		return;
	}
	loop_timer_start(r->step, REPAIR_STEP_MS, 0);
}

void repair_start(struct repair *r, void (*done)(struct apiserver *s))
{
	r->next_ms = clock_mono_ms(r->s->clock) + r->s->config.repair_ms;
	if (r->phase != REPAIR_IDLE)
		return;
	r->done = done;
	r->phase = REPAIR_SERVICES;
	set_cursor(r, NULL);
	on_step(r);
}

static bool lacks_claims(const struct repair *r)
{
	const struct cache *services = cache_of(r->s, "Service");
	const struct port_alloc *ports = services_pools(r->s->services)->ports;
	const char word[] = "\"nodePort\"";

	if (!services->objects.len)
		return false;
	if (!cache_of(r->s, "IPAddress")->objects.len)
		return true;
	for (uint32_t port = ports->first; port <= ports->last; port++)
		if (port_alloc_rev(ports, port))
			return false;
	vec_foreach(o, &services->objects)
		if (memmem((*o)->value->data, (*o)->value->len, word, strlen(word)))
			return true;
	return false;
}

bool repair_is_urgent(struct repair *r)
{
	if (!r->is_known) {
		r->is_known = true;
		r->is_urgent = lacks_claims(r);
	}
	return r->is_urgent;
}

/* ---- between the rounds ---- */

/* Whether a Service was written by the same transaction. */
static bool came_with_service(const struct store_event *events, size_t n, size_t at)
{
	struct str services = STR("/registry/services/specs/");

	for (size_t i = at; i < n && events[i].rev == events[at].rev; i++)
		if (str_has_prefix(events[i].key, services))
			return true;
	for (size_t i = at; i-- > 0 && events[i].rev == events[at].rev;)
		if (str_has_prefix(events[i].key, services))
			return true;
	return false;
}

void repair_on_events(struct repair *r, const struct store_event *events, size_t n)
{
	static char present;
	struct str prefix = STR(SERVICE_PLAN_IP_PREFIX);

	for (size_t i = 0; i < n; i++)
		if (events[i].type == STORE_PUT && str_has_prefix(events[i].key, prefix) &&
		    map_len(&r->by_hand) < REPAIR_BY_HAND_MAX && !came_with_service(events, n, i))
			(void)map_put(&r->by_hand, str_skip(events[i].key, prefix.len), &present);
}

static void look_at_those_by_hand(struct repair *r)
{
	map_foreach(e, &r->by_hand) {
		const struct object *o = cache_get(cache_of(r->s, "IPAddress"), map_key(e));

		if (o)
			look_at(r, o, service_repair_address);
		(void)map_remove(&r->by_hand, map_key(e));
	}
}

void repair_tick(struct repair *r)
{
	if (!r->s->is_ready)
		return;
	look_at_those_by_hand(r);
	if (clock_mono_ms(r->s->clock) >= r->next_ms)
		repair_start(r, NULL);
}
