/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"

static const char *const type_names[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
					 NULL};
static const char *const policy_names[] = {"Cluster", "Local", NULL};

#define F(name, kind, member) VIEW(name, kind, struct api_service_port, member)
static const struct view_field port_fields[] = {
	F("name", VIEW_STRING, name),
	F("appProtocol", VIEW_STRING, app_protocol),
	VIEW_ENUM_OF("protocol", struct api_service_port, protocol, API_TCP, api_view_protocols),
	F("port", VIEW_PORT, port),
	F("nodePort", VIEW_PORT, node_port),
	F("targetPort", VIEW_INT_OR_STR, target_port),
};
#undef F

/* A targetPort that is not given, 0 or "" is the port itself (section 2.2). */
static void finish_port(struct arena *a, const struct json *obj, void *out)
{
	struct api_service_port *port = out;
	struct api_int_or_str *target = &port->target_port;

	if (target->is_str ? target->name.len == 0 : target->number == 0)
		*target = (struct api_int_or_str){.number = port->port};
}

static const struct view_type port_type = {
	VIEW_FIELDS(port_fields), .size = sizeof(struct api_service_port), .finish = finish_port};

static const struct view_field ingress_fields[] = {
	VIEW("ip", VIEW_STRING, struct api_lb_ingress, ip_text),
	VIEW("hostname", VIEW_STRING, struct api_lb_ingress, hostname),
};

static void finish_ingress(struct arena *a, const struct json *obj, void *out)
{
	struct api_lb_ingress *in = out;

	in->has_ip = in->ip_text.len && ip_parse_sloppy(in->ip_text, &in->ip, NULL) >= 0;
	in->is_proxy = str_eq_c(json_get_string(obj, "ipMode"), "Proxy");
}

static const struct view_type ingress_type = {VIEW_FIELDS(ingress_fields),
					      .size = sizeof(struct api_lb_ingress),
					      .finish = finish_ingress};

#define F(name, kind, member) VIEW(name, kind, struct api_service, member)
static const struct view_field client_ip_fields[] = {
	F("timeoutSeconds", VIEW_INT32, affinity_timeout_s),
};
static const struct view_type client_ip_type = {VIEW_FIELDS(client_ip_fields)};
static const struct view_field affinity_fields[] = {
	VIEW_INTO("clientIP", client_ip_type),
};
static const struct view_type affinity_type = {VIEW_FIELDS(affinity_fields)};

static const struct view_field spec_fields[] = {
	VIEW_ENUM_OF("type", struct api_service, type, API_CLUSTER_IP, type_names),
	VIEW_LIST_OF("ports", struct api_service, ports, n_ports, port_type),
	F("selector", VIEW_PAIRS, selector),
	F("clusterIPs", VIEW_STRINGS, cluster_ips),
	F("externalIPs", VIEW_STRINGS, external_ips),
	VIEW_INTO("sessionAffinityConfig", affinity_type),
	F("externalName", VIEW_STRING, external_name),
	VIEW_ENUM_OF("externalTrafficPolicy", struct api_service, external_policy,
		     API_POLICY_CLUSTER, policy_names),
	VIEW_ENUM_OF("internalTrafficPolicy", struct api_service, internal_policy,
		     API_POLICY_CLUSTER, policy_names),
	F("healthCheckNodePort", VIEW_PORT, health_check_node_port),
	F("publishNotReadyAddresses", VIEW_BOOL, publish_not_ready),
	F("loadBalancerClass", VIEW_STRING, lb_class),
	F("loadBalancerIP", VIEW_STRING, lb_ip),
	F("trafficDistribution", VIEW_STRING, traffic_distribution),
	F("loadBalancerSourceRanges", VIEW_STRINGS, lb_source_ranges),
};
#undef F
static const struct view_type spec_type = {VIEW_FIELDS(spec_fields)};

static const struct view_field balancer_fields[] = {
	VIEW_LIST_OF("ingress", struct api_service, ingress, n_ingress, ingress_type),
};
static const struct view_type balancer_type = {VIEW_FIELDS(balancer_fields)};
static const struct view_field status_fields[] = {
	VIEW_INTO("loadBalancer", balancer_type),
};
static const struct view_type status_type = {VIEW_FIELDS(status_fields)};

static void finish_families(const struct json *obj, struct api_service *svc)
{
	const struct json *list = json_path(obj, "spec.ipFamilies");

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct str name = json_string(it);

		if (svc->n_families == ARRAY_LEN(svc->families))
			return;
		if (str_eq_c(name, "IPv4"))
			svc->families[svc->n_families++] = IP_V4;
		else if (str_eq_c(name, "IPv6"))
			svc->families[svc->n_families++] = IP_V6;
	}
}

static void finish_cluster_ips(struct arena *a, const struct json *obj, struct api_service *svc)
{
	struct str single = json_string(json_path(obj, "spec.clusterIP"));

	if (!svc->cluster_ips.n && single.len) {
		struct str *one = arena_new(a, struct str);

		*one = single;
		svc->cluster_ips = (struct api_strs){one, 1};
	}
	svc->is_headless = svc->cluster_ips.n == 1 && str_eq_c(svc->cluster_ips.ptr[0], "None");
	for (size_t i = 0; i < svc->cluster_ips.n; i++) {
		if (svc->n_cluster_addrs < ARRAY_LEN(svc->cluster_addrs) &&
		    ip_parse_sloppy(svc->cluster_ips.ptr[i],
				    &svc->cluster_addrs[svc->n_cluster_addrs], NULL) >= 0)
			svc->n_cluster_addrs++;
	}
}

static void finish_service(struct arena *a, const struct json *obj, void *out)
{
	struct api_service *svc = out;

	finish_cluster_ips(a, obj, svc);
	finish_families(obj, svc);
	svc->has_selector = svc->selector.n > 0;
	svc->has_client_affinity =
		str_eq_c(json_string(json_path(obj, "spec.sessionAffinity")), "ClientIP");
	if (svc->has_client_affinity && !svc->affinity_timeout_s)
		svc->affinity_timeout_s = 10800; /* section 2.2 */
}

static const struct view_field service_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", spec_type),
	VIEW_INTO("status", status_type),
};
static const struct view_type service_type = {VIEW_FIELDS(service_fields),
					      .finish = finish_service};

int api_service_decode(struct arena *a, const struct json *obj, struct api_service *ret,
		       struct err *err)
{
	struct api_service svc = {0};
	int r = api_view_decode(a, &service_type, obj, &svc, err);

	if (r == 0)
		*ret = svc;
	return r;
}
