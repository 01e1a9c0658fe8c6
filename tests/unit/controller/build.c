/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/controller/build.h"

#include "controller/endpoints/select.h"

struct str *build_str(struct arena *a, const char *s)
{
	struct str *p = arena_alloc(a, sizeof(*p));

	*p = str_dup(a, str_of(s));
	return p;
}

struct api_service *build_service(struct arena *a, const char *name)
{
	struct api_service *s = arena_new(a, struct api_service);
	struct api_service_port *port = arena_new(a, struct api_service_port);
	struct api_pair *selector = arena_new(a, struct api_pair);

	*selector = (struct api_pair){STR("app"), STR("x")};
	*port = (struct api_service_port){
		.name = STR("http"), .port = 80, .target_port = {.number = 8080}};
	s->meta.name = str_of(name);
	s->meta.ns = STR("d");
	s->meta.uid = STR("svc-uid");
	s->meta.created_ns = 1000000000;
	s->ports = port;
	s->n_ports = 1;
	s->has_selector = true;
	s->selector = (struct api_pairs){selector, 1};
	s->families[0] = IP_V4;
	s->n_families = 1;
	s->n_cluster_addrs = 1;
	s->cluster_addrs[0] = ip_from_v4(0x0a600001);
	return s;
}

struct api_pod *build_pod(struct arena *a, const char *name, const char *ip)
{
	struct api_pod *p = arena_new(a, struct api_pod);

	p->meta.name = str_dup(a, str_of(name));
	p->meta.ns = STR("d");
	p->meta.uid = str_printf(a, "uid-%s", name);
	p->node_name = STR("n");
	p->phase = STR("Running");
	p->pod_ips = (struct api_strs){build_str(a, ip), 1};
	p->pod_ip = p->pod_ips.ptr[0];
	p->is_ready = true;
	return p;
}

const struct api_pod **build_pods(struct arena *a, size_t n)
{
	const struct api_pod **pods = arena_array(a, n, sizeof(*pods));

	for (size_t i = 0; i < n; i++)
		pods[i] = build_pod(a, str_printf(a, "p%04zu", i).ptr,
				    str_printf(a, "10.0.%zu.%zu", i / 250, i % 250 + 1).ptr);
	return pods;
}

struct api_endpoint_slice *build_slice(struct arena *a, const struct api_service *svc,
				       const char *name, uint16_t port,
				       const struct api_pod *const *pods, size_t from, size_t to)
{
	struct api_endpoint_slice *s = arena_new(a, struct api_endpoint_slice);
	struct api_endpoint *e = arena_array(a, to - from, sizeof(*e));
	struct api_endpoint_port *p = arena_new(a, struct api_endpoint_port);
	struct api_owner *owner = arena_new(a, struct api_owner);

	*owner = (struct api_owner){STR("v1"), STR("Service"), svc->meta.name, svc->meta.uid, true};
	*p = (struct api_endpoint_port){.name = STR("http"), .port = port, .has_port = true};
	for (size_t i = from; i < to; i++)
		e[i - from] = (struct api_endpoint){
			.addresses = pods[i]->pod_ips,
			.ready = true,
			.serving = true,
			.node_name = pods[i]->node_name,
			.target = controller_pod_ref(a, pods[i]),
		};
	s->meta.name = str_dup(a, str_of(name));
	s->meta.ns = svc->meta.ns;
	s->meta.resource_version = STR("5");
	s->meta.labels =
		controller_pairs_with(a, &svc->meta.labels, LABEL_SERVICE_NAME, svc->meta.name);
	s->meta.labels =
		controller_pairs_with(a, &s->meta.labels, LABEL_MANAGED_BY, STR(SLICE_CONTROLLER));
	s->meta.owners = owner;
	s->meta.n_owners = 1;
	s->service = svc->meta.name;
	s->address_type = API_ADDR_IPV4;
	s->endpoints = e;
	s->n_endpoints = to - from;
	s->ports = p;
	s->n_ports = 1;
	return s;
}
