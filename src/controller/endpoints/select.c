/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/select.h"

#include "base/buf.h"

#include <string.h>

bool controller_service_is_selecting(const struct api_service *svc)
{
	return svc->type != API_EXTERNAL_NAME && svc->has_selector;
}

bool controller_pod_is_candidate(const struct api_pod *pod)
{
	if (str_eq_c(pod->phase, "Failed") || str_eq_c(pod->phase, "Succeeded"))
		return false;
	return pod->pod_ip.len || pod->pod_ips.n;
}

struct str controller_pod_hostname(const struct api_service *svc, const struct api_pod *pod)
{
	if (pod->hostname.len && str_eq(pod->subdomain, svc->meta.name))
		return pod->hostname;
	return (struct str){0};
}

static bool find_in(const struct api_container *c, const struct api_service_port *want,
		    uint16_t *ret)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i].protocol != want->protocol ||
		    !str_eq(c->ports[i].name, want->target_port.name))
			continue;
		*ret = c->ports[i].port;
		return true;
	}
	return false;
}

/* The number that a Service's port has in this Pod. */
static bool resolve_port(const struct api_pod *pod, const struct api_service_port *p, uint16_t *ret)
{
	if (!p->target_port.is_str) {
		*ret = p->target_port.number > 0 && p->target_port.number <= UINT16_MAX
			       ? (uint16_t)p->target_port.number
			       : p->port;
		return true;
	}
	for (size_t i = 0; i < pod->n_containers; i++)
		if (find_in(&pod->containers[i], p, ret))
			return true;
	for (size_t i = 0; i < pod->n_init_containers; i++)
		if (pod->init_containers[i].is_restartable_init &&
		    find_in(&pod->init_containers[i], p, ret))
			return true;
	return false;
}

int controller_port_cmp(const struct api_endpoint_port *x, const struct api_endpoint_port *y)
{
	int c = str_cmp(x->name, y->name);

	if (!c)
		c = (int)x->protocol - (int)y->protocol;
	if (!c)
		c = (int)x->port - (int)y->port;
	return c ? c : str_cmp(x->app_protocol, y->app_protocol);
}

static int port_order(const void *x, const void *y)
{
	return controller_port_cmp(x, y);
}

size_t controller_pod_ports(struct arena *a, const struct api_service *svc,
			    const struct api_pod *pod, const struct api_endpoint_port **ret)
{
	struct api_endpoint_port *ports = arena_array(a, svc->n_ports, sizeof(*ports));
	size_t n = 0;

	for (size_t i = 0; i < svc->n_ports; i++) {
		const struct api_service_port *p = &svc->ports[i];
		uint16_t number;

		if (!resolve_port(pod, p, &number))
			continue;
		ports[n++] = (struct api_endpoint_port){.name = p->name,
							.app_protocol = p->app_protocol,
							.protocol = p->protocol,
							.port = number,
							.has_port = true};
	}
	if (n > 1)
		qsort(ports, n, sizeof(*ports), port_order);
	*ret = ports;
	return n;
}

struct str controller_ports_key(struct arena *a, const struct api_endpoint_port *ports, size_t n)
{
	struct api_endpoint_port *sorted = arena_array(a, n, sizeof(*sorted));
	struct str key;
	struct buf b;

	if (n)
		memcpy(sorted, ports, n * sizeof(*sorted));
	if (n > 1)
		qsort(sorted, n, sizeof(*sorted), port_order);
	buf_init(&b);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%.*s/%s/%d/%.*s\n", STR_ARG(sorted[i].name),
			   api_protocol_name(sorted[i].protocol),
			   sorted[i].has_port ? sorted[i].port : -1,
			   STR_ARG(sorted[i].app_protocol));
	key = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return key;
}

bool controller_pod_matters(const struct api_pod *before, const struct api_pod *after)
{
	if (!before || !after)
		return true;
	return !str_eq(before->meta.uid, after->meta.uid) ||
	       !controller_pairs_eq(&before->meta.labels, &after->meta.labels) ||
	       !str_eq(before->hostname, after->hostname) ||
	       !str_eq(before->subdomain, after->subdomain) ||
	       !str_eq(before->node_name, after->node_name) ||
	       !str_eq(before->phase, after->phase) || !str_eq(before->pod_ip, after->pod_ip) ||
	       !api_strs_eq(&before->pod_ips, &after->pod_ips) ||
	       !before->meta.deleted_ns != !after->meta.deleted_ns ||
	       before->is_ready != after->is_ready;
}

struct api_pairs controller_pairs_with(struct arena *a, const struct api_pairs *p, const char *key,
				       struct str value)
{
	struct api_pair *to = arena_array(a, p->n + 1, sizeof(*to));
	struct str k = str_of(key);
	bool is_placed = !str_is_set(value);
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		int c = str_cmp(p->ptr[i].key, k);

		if (c > 0 && !is_placed) {
			to[n++] = (struct api_pair){k, value};
			is_placed = true;
		}
		if (c != 0)
			to[n++] = p->ptr[i];
	}
	if (!is_placed)
		to[n++] = (struct api_pair){k, value};
	return (struct api_pairs){to, n};
}

bool controller_pairs_eq(const struct api_pairs *x, const struct api_pairs *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!str_eq(x->ptr[i].key, y->ptr[i].key) ||
		    !str_eq(x->ptr[i].value, y->ptr[i].value))
			return false;
	return true;
}

const struct api_ref *controller_pod_ref(struct arena *a, const struct api_pod *pod)
{
	struct api_ref *ref = arena_new(a, struct api_ref);

	*ref = (struct api_ref){.kind = STR("Pod"),
				.ns = pod->meta.ns,
				.name = pod->meta.name,
				.uid = pod->meta.uid};
	return ref;
}

bool controller_ref_eq(const struct api_ref *x, const struct api_ref *y)
{
	if (!x || !y)
		return x == y;
	return str_eq(x->kind, y->kind) && str_eq(x->ns, y->ns) && str_eq(x->name, y->name) &&
	       str_eq(x->uid, y->uid);
}
