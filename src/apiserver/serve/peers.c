/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/serve/peers.h"

#include "api/names.h"
#include "apiserver/server.h"
#include "base/map.h"

#include <string.h>
#include <unistd.h>

#define LEASES_PATH  "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/"
#define LEASE_PREFIX "apiserver-"
#define ADDRESS      "kubernetes.io/peer-advertise-address"

enum {
	LEASE_SECONDS = 3600, /* what Kubernetes' servers write; nobody here goes by it */
	HOST_MAX = 256,
};

/* A Lease as it was seen last. */
struct peer_lease {
	uint64_t rev;
	int64_t seen_ms; /* when it was first seen with this revision */
	struct peer peer;
	bool is_here, is_dropped;
};

struct peers {
	struct apiserver *s;
	struct map leases; /* cache key -> struct peer_lease */
	char name[64];     /* of this server's */
	char holder[64 + RAND_UUID_LEN + 2];
	VEC(struct peer) list;
	uint64_t version;
	int64_t renew_ms; /* next time */
};

static bool is_same(const struct peer *a, const struct peer *b)
{
	return a->port == b->port && ip_eq(&a->addr, &b->addr);
}

static int peer_order(const void *x, const void *y)
{
	const struct peer *a = x, *b = y;
	int r = ip_cmp(&a->addr, &b->addr);

	return r ? r : (int)a->port - (int)b->port;
}

/* FNV-1a: only to make a name of an address, the same after each start. */
static uint64_t name_hash(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (uint8_t)s.ptr[i]) * UINT64_C(0x100000001b3);
	return h;
}

struct peers *peers_new(struct apiserver *s)
{
	struct peers *p = mem_xnew(struct peers);
	char addr[IP_TEXT_MAX], uid[RAND_UUID_LEN + 1];

	p->s = s;
	rand_uuid(uid);
	snprintf(p->name, sizeof(p->name), LEASE_PREFIX "%016llx",
		 (unsigned long long)name_hash(ip_format(&s->config.advertise, addr)));
	snprintf(p->holder, sizeof(p->holder), "%s_%s", p->name, uid);
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	map_fini_values(&p->leases, free);
	vec_fini(&p->list);
	free(p);
}

/* ---- this server's Lease ---- */

static void on_written(void *ctx, int r, const struct err *err)
{
}

static void send(struct peers *p, enum http_method method, const char *name, struct str body)
{
	static const struct http_call_events events = {.on_done = on_written};
	struct http_transport *calls = server_calls(p->s);
	char target[sizeof(LEASES_PATH) + 256];
	struct http_call_request req = {.method = method};

	snprintf(target, sizeof(target), LEASES_PATH "%s", name);
	req.target = str_of(target);
	req.body = bytes_dup(body);
	calls->ops->send(calls, &req, &events, NULL);
	bytes_unref(req.body);
}

static struct json *text(struct arena *a, const char *s)
{
	return json_new_string(a, str_of(s));
}

static struct json *lease_body(struct peers *p, struct arena *a)
{
	struct json *o = json_new(a, JSON_OBJECT), *meta = json_object_at(a, o, "metadata");
	struct json *spec = json_object_at(a, o, "spec");
	struct json *labels = json_object_at(a, meta, "labels");
	char now[CLOCK_RFC3339_MAX], host[HOST_MAX] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = 0;
	json_set(o, "apiVersion", text(a, "coordination.k8s.io/v1"));
	json_set(o, "kind", text(a, "Lease"));
	json_set(meta, "name", text(a, p->name));
	json_set(labels, "apiserver.kubernetes.io/identity", text(a, "kube-apiserver"));
	if (api_name_is(api_name_label_value, str_of(host)))
		json_set(labels, "kubernetes.io/hostname", text(a, arena_strdup(a, host)));
	json_set(json_object_at(a, meta, "annotations"), ADDRESS,
		 json_new_string(a, p->s->server_address));
	json_set(spec, "holderIdentity", text(a, p->holder));
	json_set(spec, "leaseDurationSeconds", json_new_int(a, LEASE_SECONDS));
	json_set(spec, "renewTime",
		 json_new_string(
			 a, str_dup(a, clock_format(now, p->s->clock->wall_ns(p->s->clock), 6))));
	return o;
}

static void renew(struct peers *p, int64_t now_ms)
{
	struct buf b = BUF_INIT;
	struct arena a;

	p->renew_ms = now_ms + PEERS_RENEW_MS;
	arena_init(&a, 0);
	json_write(&b, lease_body(p, &a));
	send(p, HTTP_PUT, p->name, buf_str(&b));
	buf_fini(&b);
	arena_fini(&a);
}

void peers_leave(struct peers *p)
{
	const struct resource *leases = server_resource_of(p->s, "Lease");
	struct store_op op = {0};
	struct store_txn txn = {.ops = &op, .n_ops = 1};
	struct arena a;

	arena_init(&a, 512);
	op.key = server_store_key(&a, leases, STR("kube-system"), str_of(p->name));
	store_txn(p->s->store, &txn, NULL, NULL);
	arena_fini(&a);
}

/* ---- the others' ---- */

/* "192.0.2.1:6443", "[2001:db8::1]:6443" */
static bool parse_address(struct str s, struct peer *ret)
{
	ptrdiff_t colon = str_rfind(s, ':');
	struct str host = str_sub(s, 0, colon < 0 ? 0 : (size_t)colon);
	uint64_t port;

	if (colon < 0 || str_to_u64(str_skip(s, (size_t)colon + 1), 1, UINT16_MAX, &port, NULL) < 0)
		return false;
	if (host.len > 2 && host.ptr[0] == '[')
		host = str_sub(host, 1, host.len - 2);
	ret->port = (uint16_t)port;
	return ip_parse(host, &ret->addr, NULL) >= 0;
}

/* False: no API server's Lease. */
static bool decode(const struct object *o, struct peer *ret)
{
	struct json *tree, *meta;
	struct arena a;
	bool is_ok = false;

	arena_init(&a, 0);
	if (object_decode(&a, o, 0, &tree, NULL) >= 0) {
		meta = json_get(tree, "metadata");
		is_ok = str_eq_c(json_get_string(json_get(meta, "labels"),
						 "apiserver.kubernetes.io/identity"),
				 "kube-apiserver") &&
			parse_address(json_get_string(json_get(meta, "annotations"), ADDRESS), ret);
	}
	arena_fini(&a);
	return is_ok;
}

static bool is_own(const struct peers *p, const struct object *o)
{
	return str_eq_c(object_name(o), p->name);
}

static void look_at(struct peers *p, const struct object *o, int64_t now_ms)
{
	struct peer_lease *l = map_get(&p->leases, object_key(o));
	char body[96];
	struct peer peer;

	if (is_own(p, o))
		return;
	if (!l || l->rev != o->rev) {
		if (!decode(o, &peer))
			return;
		if (!l) {
			l = mem_xnew(struct peer_lease);
			map_put(&p->leases, object_key(o), l);
		}
		*l = (struct peer_lease){.rev = o->rev, .seen_ms = now_ms, .peer = peer};
	}
	l->is_here = true;
	if (now_ms - l->seen_ms < p->s->config.peer_dead_ms || l->is_dropped)
		return;
	l->is_dropped = true;
	server_tell(p->s, false, "the API server with Lease %.*s has not renewed it: it is gone",
		    STR_ARG(object_name(o)));
	snprintf(body, sizeof(body), "{\"preconditions\":{\"resourceVersion\":\"%llu\"}}",
		 (unsigned long long)o->rev);
	send(p, HTTP_DELETE, object_name(o).ptr, str_of(body));
}

static void look(struct peers *p, int64_t now_ms)
{
	const struct cache *c = server_resource_of(p->s, "Lease")->cache;
	struct str prefix = STR("kube-system/" LEASE_PREFIX);

	map_foreach(e, &p->leases)
		((struct peer_lease *)e->value)->is_here = false;
	for (size_t i = cache_lower_bound(c, prefix);
	     i < c->objects.len && str_has_prefix(object_key(c->objects.ptr[i]), prefix); i++)
		look_at(p, c->objects.ptr[i], now_ms);
	map_foreach(e, &p->leases)
		if (!((struct peer_lease *)e->value)->is_here)
			free(map_remove(&p->leases, map_key(e)));
}

/* ---- all of them ---- */

static void rebuild(struct peers *p)
{
	struct peer self = {p->s->config.advertise, p->s->config.secure_port};
	VEC(struct peer) list = {0};
	bool is_new;

	if (!ip_is_loopback(&self.addr))
		*vec_push(&list) = self;
	map_foreach(e, &p->leases) {
		const struct peer_lease *l = e->value;

		if (!l->is_dropped && !ip_is_loopback(&l->peer.addr) &&
		    !ip_eq(&l->peer.addr, &self.addr))
			*vec_push(&list) = l->peer;
	}
	vec_sort(&list, peer_order);
	is_new = list.len != p->list.len;
	for (size_t i = 0; i < list.len && !is_new; i++)
		is_new = !is_same(&list.ptr[i], &p->list.ptr[i]);
	if (is_new)
		p->version++;
	vec_fini(&p->list);
	memcpy(&p->list, &list, sizeof(list));
}

void peers_tick(struct peers *p)
{
	int64_t now_ms = clock_mono_ms(p->s->clock);

	look(p, now_ms);
	rebuild(p);
	if (p->s->is_ready && now_ms >= p->renew_ms)
		renew(p, now_ms);
}

size_t peers_list(const struct peers *p, const struct peer **ret)
{
	*ret = p->list.ptr;
	return p->list.len;
}

uint64_t peers_version(const struct peers *p)
{
	return p->version;
}
