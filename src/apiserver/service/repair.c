/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/service/repair.h"

#include "apiserver/service/family.h"
#include "apiserver/service/tree.h"
#include "base/clock.h"

#define IP_CONTROLLER   "ipallocator-repair-controller"
#define PORT_CONTROLLER "portallocator-repair-controller"
#define MANAGED_BY      "ipaddress.kubernetes.io/managed-by"
#define FAMILY          "ipaddress.kubernetes.io/ip-family"
#define ALLOCATOR       "ipallocator.k8s.io"

static struct str ns_of(const struct json *o)
{
	return json_string(json_path(o, "metadata.namespace"));
}

static struct str name_of(const struct json *o)
{
	return json_string(json_path(o, "metadata.name"));
}

static struct str key_of(struct arena *a, const struct json *service)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(ns_of(service)), STR_ARG(name_of(service)));
}

static struct service_finding *find_new(struct service_repair *r, const struct json *about,
					enum service_repair_action action, const char *reason)
{
	struct service_finding *f = vec_push(&r->found);

	*f = (struct service_finding){.action = action, .reason = reason, .about = about};
	return f;
}

static struct service_finding *ip_finding(struct service_repair *r, const struct json *about,
					  enum service_repair_action action, const char *reason,
					  const struct ip_addr *a)
{
	struct service_finding *f = find_new(r, about, action, reason);

	f->controller = IP_CONTROLLER;
	f->event_action = "ClusterIPAllocation";
	f->claim.ip = *a;
	return f;
}

static bool has_address(const struct json *service, const struct ip_addr *a)
{
	struct ip_addr other;

	for (size_t i = 0; i < service_tree_count(service, "clusterIPs"); i++)
		if (ip_parse_sloppy(service_tree_at(service, "clusterIPs", i), &other, NULL) >= 0 &&
		    ip_eq(&other, a))
			return true;
	return false;
}

static const struct json *parent_of(const struct json *address)
{
	return json_path(address, "spec.parentRef");
}

static bool names_a_service(const struct json *ref)
{
	return !json_get_string(ref, "group").len &&
	       str_eq_c(json_get_string(ref, "resource"), "services");
}

/* NULL: the reference is not to a Service, or to one that is not there. */
static const struct json *service_of(struct service_repair *r, const struct json *ref)
{
	if (!names_a_service(ref))
		return NULL;
	return r->find(r->ctx, r->a, "Service",
		       str_printf(r->a, "%.*s/%.*s", STR_ARG(json_get_string(ref, "namespace")),
				  STR_ARG(json_get_string(ref, "name"))));
}

static bool has_labels(const struct json *address, const struct ip_addr *a)
{
	const struct json *labels = json_path(address, "metadata.labels");

	return str_eq_c(json_get_string(labels, MANAGED_BY), ALLOCATOR) &&
	       str_eq_c(json_get_string(labels, FAMILY), service_family_name(ip_family(a)));
}

/* ---- a Service's addresses ---- */

static void wrong_reference(struct service_repair *r, const struct json *service,
			    const struct ip_addr *a, const struct json *other)
{
	struct service_finding *f =
		ip_finding(r, service, SERVICE_REPAIR_REPLACE, "ClusterIPNotAllocated", a);
	char text[IP_TEXT_MAX];

	f->other = other;
	f->text = str_printf(
		r->a, "the ClusterIP [%s]: %.*s for Service %.*s has a wrong reference; repairing",
		service_family_name(ip_family(a)), STR_ARG(ip_format(a, text)),
		STR_ARG(key_of(r->a, service)));
}

/* The IPAddress is there: is it this Service's? */
static void check_owner(struct service_repair *r, const struct json *service,
			const struct json *address, const struct ip_addr *a)
{
	const struct json *ref = parent_of(address), *other;
	struct service_finding *f;
	char text[IP_TEXT_MAX];

	if (names_a_service(ref) && str_eq(json_get_string(ref, "namespace"), ns_of(service)) &&
	    str_eq(json_get_string(ref, "name"), name_of(service))) {
		if (!has_labels(address, a))
			wrong_reference(r, service, a, NULL);
		return;
	}
	other = service_of(r, ref);
	if (!other || !has_address(other, a)) {
		wrong_reference(r, service, a, other);
		return;
	}
	f = ip_finding(r, service, SERVICE_REPAIR_TELL, "ClusterIPAlreadyAllocated", a);
	f->text = str_printf(
		r->a,
		"Cluster IP [%s]:%.*s was assigned to multiple services; please recreate service",
		service_family_name(ip_family(a)), STR_ARG(ip_format(a, text)));
}

static void check_address(struct service_repair *r, const struct json *service, struct str given)
{
	struct service_finding *f;
	const struct json *address;
	char text[IP_TEXT_MAX];
	struct ip_addr a = {0};
	struct str canonical;

	if (ip_parse_sloppy(given, &a, NULL) < 0) {
		f = ip_finding(r, service, SERVICE_REPAIR_TELL, "ClusterIPNotValid", &a);
		f->event_action = "ClusterIPValidation";
		f->text = str_printf(r->a,
				     "Cluster IP %.*s is not a valid IP; please recreate service",
				     STR_ARG(given));
		return;
	}
	canonical = ip_format(&a, text);
	if (!service_cidrs_contain(r->cidrs, &a)) {
		f = ip_finding(r, service, SERVICE_REPAIR_TELL, "ClusterIPOutOfRange", &a);
		f->text = str_printf(r->a,
				     "Cluster IP [%s]: %.*s is not within any configured Service "
				     "CIDR; please recreate service",
				     service_family_name(ip_family(&a)), STR_ARG(canonical));
		return;
	}
	address = r->find(r->ctx, r->a, "IPAddress", canonical);
	if (address) {
		check_owner(r, service, address, &a);
		return;
	}
	f = ip_finding(r, service, SERVICE_REPAIR_CLAIM, "ClusterIPNotAllocated", &a);
	f->text = str_printf(r->a, "Cluster IP [%s]: %.*s is not allocated; repairing",
			     service_family_name(ip_family(&a)), STR_ARG(canonical));
}

/* ---- a Service's ports ---- */

struct used_port {
	int64_t number;
	struct str protocol;
	bool is_health_check;
};

static bool has_number(const struct used_port *ports, size_t n, int64_t number)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].number == number)
			return true;
	return false;
}

static bool has_both(const struct used_port *ports, size_t n, int64_t number, struct str protocol)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].number == number && str_eq(ports[i].protocol, protocol))
			return true;
	return false;
}

static struct service_finding *port_finding(struct service_repair *r, const struct json *service,
					    enum service_repair_action action, const char *reason,
					    const struct used_port *p)
{
	struct service_finding *f = find_new(r, service, action, reason);

	f->controller = PORT_CONTROLLER;
	f->event_action = "PortAllocation";
	f->claim = (struct service_claim){.is_port = true,
					  .port = (uint16_t)p->number,
					  .is_health_check = p->is_health_check};
	return f;
}

static void tell_twice(struct service_repair *r, const struct json *service,
		       const struct used_port *p)
{
	struct service_finding *f =
		port_finding(r, service, SERVICE_REPAIR_TELL, "PortAlreadyAllocated", p);

	f->text = str_printf(r->a,
			     "Port %lld was assigned to multiple services; please recreate service",
			     (long long)p->number);
}

static void check_port(struct service_repair *r, const struct json *service,
		       const struct used_port *p)
{
	const struct port_alloc *pool = r->pools->ports;
	struct service_finding *f;
	struct str owner;

	if (!port_alloc_contains(pool, p->number)) {
		f = port_finding(r, service, SERVICE_REPAIR_TELL, "PortOutOfRange", p);
		f->text = str_printf(
			r->a,
			"Port %lld is not within the port range %u-%u; please recreate service",
			(long long)p->number, pool->first, pool->last);
		return;
	}
	owner = port_alloc_owner(pool, p->number);
	if (port_alloc_rev(pool, p->number) && str_eq(owner, key_of(r->a, service)))
		return;
	if (owner.len && service_repair_owns_port(r, owner, (uint16_t)p->number)) {
		tell_twice(r, service, p);
		return;
	}
	f = port_finding(r, service,
			 port_alloc_rev(pool, p->number) ? SERVICE_REPAIR_REPLACE
							 : SERVICE_REPAIR_CLAIM,
			 "PortNotAllocated", p);
	f->other = owner.len ? r->find(r->ctx, r->a, "Service", owner) : NULL;
	f->text = str_printf(r->a, "Port %lld is not allocated; repairing", (long long)p->number);
}

/* Section 10.2: a number that several protocols share counts once, one that a protocol has twice
 * counts twice; the health check's counts unless another protocol than TCP has it. */
static void check_ports(struct service_repair *r, const struct json *service)
{
	const struct json *list = service_tree_get(service, "ports");
	struct used_port health = {service_tree_int(service, "healthCheckNodePort"), STR("TCP"),
				   true};
	VEC(struct used_port) used = {0};

	if (!service_tree_has_node_ports(service)) /* what it names it does not hold */
		return;
	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list) {
			struct used_port p = {json_get_int(it, "nodePort", 0),
					      json_get_string(it, "protocol"), false};
			bool is_again = has_both(used.ptr, used.len, p.number, p.protocol);
			bool is_shared = has_number(used.ptr, used.len, p.number);

			if (!p.number)
				continue;
			*vec_push(&used) = p;
			if (is_again)
				tell_twice(r, service, &p);
			else if (!is_shared)
				check_port(r, service, &p);
		}
	if (health.number && has_both(used.ptr, used.len, health.number, health.protocol))
		tell_twice(r, service, &health);
	else if (health.number && !has_number(used.ptr, used.len, health.number))
		check_port(r, service, &health);
	vec_fini(&used);
}

bool service_repair_owns_port(struct service_repair *r, struct str owner, uint16_t port)
{
	const struct json *service = r->find(r->ctx, r->a, "Service", owner);
	const struct json *list = service_tree_get(service, "ports");

	if (!service || !service_tree_has_node_ports(service))
		return false;
	if (json_is(list, JSON_ARRAY))
		json_foreach(it, list)
			if (json_get_int(it, "nodePort", 0) == port)
				return true;
	return service_tree_int(service, "healthCheckNodePort") == port;
}

void service_repair_service(struct service_repair *r, const struct json *service)
{
	if (!service_tree_is_external_name(service) && !service_tree_is_headless(service))
		for (size_t i = 0; i < service_tree_count(service, "clusterIPs"); i++)
			check_address(r, service, service_tree_at(service, "clusterIPs", i));
	check_ports(r, service);
}

/* ---- an IPAddress ---- */

static bool is_young(const struct service_repair *r, const struct json *address)
{
	int64_t created_ns;

	return clock_parse(json_string(json_path(address, "metadata.creationTimestamp")),
			   &created_ns, NULL) >= 0 &&
	       r->now_ns - created_ns < SERVICE_REPAIR_GRACE_MS * INT64_C(1000000);
}

static struct service_finding *drop_address(struct service_repair *r, const struct json *address,
					    const struct ip_addr *a, const char *reason)
{
	struct service_finding *f = ip_finding(r, address, SERVICE_REPAIR_DROP, reason, a);

	f->event_action = "IPAddressAllocation";
	return f;
}

void service_repair_address(struct service_repair *r, const struct json *address)
{
	const struct json *ref = parent_of(address), *service = service_of(r, ref);
	struct str name = name_of(address), ns = json_get_string(ref, "namespace"),
		   of = json_get_string(ref, "name");
	struct service_finding *f;
	struct ip_addr a;

	if (ip_parse(name, &a, NULL) < 0 ||
	    !str_eq_c(json_get_string(json_path(address, "metadata.labels"), MANAGED_BY),
		      ALLOCATOR))
		return;
	if (!names_a_service(ref)) {
		f = drop_address(r, address, &a, "IPAddressNotAllocated");
		f->text = str_printf(
			r->a,
			"IPAddress %.*s appears to have been modified, not referencing a Service "
			"&ParentReference{Group:%.*s,Resource:%.*s,Namespace:%.*s,Name:%.*s,}: "
			"cleaning up",
			STR_ARG(name), STR_ARG(json_get_string(ref, "group")),
			STR_ARG(json_get_string(ref, "resource")), STR_ARG(ns), STR_ARG(of));
	} else if (!service && !is_young(r, address)) {
		f = drop_address(r, address, &a, "IPAddressNotAllocated");
		f->text = str_printf(
			r->a,
			"IPAddress: %.*s for Service %.*s/%.*s appears to have leaked: cleaning up",
			STR_ARG(name), STR_ARG(ns), STR_ARG(of));
	} else if (service && !has_address(service, &a)) {
		f = drop_address(r, address, &a, "IPAddressWrongReference");
		f->other = service;
		f->text = str_printf(
			r->a,
			"IPAddress: %.*s for Service %.*s/%.*s has a wrong reference; cleaning up",
			STR_ARG(name), STR_ARG(ns), STR_ARG(of));
	}
}
