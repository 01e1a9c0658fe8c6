/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects as C structs, for those who read them: the service model, DNS, controllers, the agent.
 *
 * These are views: decoded from a JSON tree (api/decode/decode.h) into an arena, never edited, and
 * holding only the fields that Fairlead interprets. Whoever must keep every field that a client
 * sent (the API server) works on the tree. Strings point into the arena; an absent string is the
 * absent str. Fields are named after Kubernetes' own (api/…: service-api.md sections 2, 11, 12,
 * 20).
 *
 * Decoding is lenient about what it does not know and strict about what it uses: a wrong type is an
 * error that names the field; an address that does not parse is kept as text and flagged by the
 * family IP_NONE where an address is wanted.
 */

#include "base/ip.h"
#include "base/str.h"

struct api_pair {
	struct str key, value;
};

struct api_pairs {
	const struct api_pair *ptr; /* sorted by key */
	size_t n;
};

struct api_strs {
	const struct str *ptr;
	size_t n;
};

struct api_owner {
	struct str api_version, kind, name, uid;
	bool is_controller, blocks_deletion;
};

struct api_meta {
	struct str name, ns, uid, generate_name;
	struct str resource_version; /* opaque; decimal */
	int64_t generation;
	int64_t created_ns; /* 0: not set */
	int64_t deleted_ns; /* deletionTimestamp, 0: not being deleted */
	struct api_pairs labels, annotations;
	const struct api_owner *owners;
	size_t n_owners;
	struct api_strs finalizers;
};

enum api_protocol {
	API_TCP,
	API_UDP,
	API_SCTP,
};

/* A number or a name: targetPort, probe ports. */
struct api_int_or_str {
	bool is_str;
	int32_t number;
	struct str name;
};

enum api_service_type {
	API_CLUSTER_IP,
	API_NODE_PORT,
	API_LOAD_BALANCER,
	API_EXTERNAL_NAME,
};

enum api_policy { /* internalTrafficPolicy, externalTrafficPolicy */
	API_POLICY_UNSET,
	API_POLICY_CLUSTER,
	API_POLICY_LOCAL,
};

struct api_service_port {
	struct str name, app_protocol;
	enum api_protocol protocol;
	uint16_t port, node_port;
	struct api_int_or_str target_port;
};

struct api_lb_ingress {
	struct str ip_text, hostname;
	struct ip_addr ip;
	bool has_ip;
	bool is_proxy; /* ipMode: Proxy */
};

struct api_service {
	struct api_meta meta;
	enum api_service_type type;
	const struct api_service_port *ports;
	size_t n_ports;
	bool has_selector; /* false for {} too */
	struct api_pairs selector;
	struct api_strs cluster_ips;     /* as text; "None" for headless */
	struct ip_addr cluster_addrs[2]; /* those that are addresses, in order */
	size_t n_cluster_addrs;
	bool is_headless;           /* clusterIPs is exactly ["None"] */
	enum ip_family families[2]; /* ipFamilies */
	size_t n_families;
	struct api_strs external_ips;
	bool has_client_affinity;
	int32_t affinity_timeout_s;
	struct str external_name;
	enum api_policy external_policy, internal_policy;
	uint16_t health_check_node_port;
	bool publish_not_ready;
	struct str lb_class, lb_ip, traffic_distribution;
	struct api_strs lb_source_ranges;
	const struct api_lb_ingress *ingress;
	size_t n_ingress;
};

struct api_ref { /* ObjectReference */
	struct str kind, ns, name, uid, api_version, resource_version, field_path;
};

struct api_endpoint {
	struct api_strs addresses;
	struct ip_addr addr; /* of addresses[0] */
	bool has_addr;
	bool ready, serving, terminating; /* nil: ready true, serving true, terminating false */
	bool is_ready_alone;              /* the other two are not told, as in mirrored slices */
	struct str hostname, node_name, zone;
	const struct api_ref *target; /* NULL: none */
	struct api_strs zone_hints, node_hints;
};

struct api_endpoint_port {
	struct str name, app_protocol;
	enum api_protocol protocol;
	uint16_t port;
	bool has_port;
};

enum api_address_type {
	API_ADDR_IPV4,
	API_ADDR_IPV6,
	API_ADDR_FQDN,
};

struct api_endpoint_slice {
	struct api_meta meta;
	struct str service; /* label kubernetes.io/service-name */
	enum api_address_type address_type;
	const struct api_endpoint *endpoints;
	size_t n_endpoints;
	const struct api_endpoint_port *ports;
	size_t n_ports;
};

struct api_endpoints_address {
	struct str ip, hostname, node_name;
	struct api_ref target;
};

struct api_endpoints_subset {
	const struct api_endpoints_address *ready, *not_ready;
	size_t n_ready, n_not_ready;
	const struct api_endpoint_port *ports;
	size_t n_ports;
};

struct api_endpoints {
	struct api_meta meta;
	const struct api_endpoints_subset *subsets;
	size_t n_subsets;
};

struct api_namespace {
	struct api_meta meta;
	bool is_terminating;
};

struct api_node_address {
	struct str type, address; /* InternalIP, ExternalIP, Hostname */
	struct ip_addr ip;
	bool has_ip;
};

struct api_taint {
	struct str key, value, effect;
};

struct api_condition {
	struct str type, status, reason, message;
	int64_t transition_ns;
	int64_t updated_ns; /* lastUpdateTime, which only Deployments have */
};

struct api_node {
	struct api_meta meta;
	struct api_strs pod_cidrs;
	bool is_unschedulable;
	const struct api_taint *taints;
	size_t n_taints;
	const struct api_node_address *addresses;
	size_t n_addresses;
	const struct api_condition *conditions;
	size_t n_conditions;
	struct str zone;   /* label topology.kubernetes.io/zone */
	int64_t cpu_milli; /* allocatable; 0: not told */
};

struct api_container_port {
	struct str name, host_ip;
	enum api_protocol protocol;
	uint16_t port, host_port;
};

struct api_env {
	struct str name, value;
	struct str field_path; /* valueFrom.fieldRef; absent: value */
};

struct api_probe {
	bool is_set;
	enum api_probe_kind {
		API_PROBE_NONE,
		API_PROBE_EXEC,
		API_PROBE_HTTP,
		API_PROBE_TCP,
		API_PROBE_GRPC,
		API_PROBE_SLEEP, /* of a hook */
	} kind;
	struct api_strs command;
	struct str path, host, scheme;
	const struct api_pair *headers;
	size_t n_headers;
	struct api_int_or_str port;
	int32_t initial_delay_s, period_s, timeout_s, success_threshold, failure_threshold;
	int64_t sleep_s;
};

struct api_container {
	struct str name, image, working_dir;
	struct api_strs command, args;
	const struct api_container_port *ports;
	size_t n_ports;
	const struct api_env *env;
	size_t n_env;
	struct api_probe readiness, liveness, startup;
	struct api_probe pre_stop; /* lifecycle.preStop: what is asked, not when */
	bool has_stdin, is_stdin_once;
	bool is_restartable_init; /* restartPolicy: Always on an init container */
};

struct api_container_status {
	struct str name;
	bool ready, started;
	int32_t restart_count;
	struct str waiting_reason, terminated_reason; /* absent: not in that state */
	bool is_running;
	int32_t exit_code;
};

struct api_toleration {
	struct str key, op, value, effect; /* empty key: every one; empty effect: every one */
};

struct api_pod {
	struct api_meta meta;
	struct str node_name, hostname, subdomain, service_account, restart_policy, dns_policy;
	bool is_host_network, has_no_service_links; /* enableServiceLinks: false */
	struct api_pairs node_selector;
	const struct api_toleration *tolerations;
	size_t n_tolerations;
	int64_t grace_period_s; /* terminationGracePeriodSeconds, default 30 */
	const struct api_container *containers, *init_containers;
	size_t n_containers, n_init_containers;
	struct str phase, reason, message;
	struct str pod_ip, host_ip;
	struct api_strs pod_ips;
	const struct api_condition *conditions;
	size_t n_conditions;
	const struct api_container_status *statuses;
	size_t n_statuses;
	bool is_ready; /* condition Ready is True */
	int64_t ready_transition_ns;
};

/* Selectors and templates are kept as JSON text: a template is copied, compared and hashed, and
 * nobody looks into it. */
struct api_replica_set {
	struct api_meta meta;
	int32_t replicas, min_ready_s; /* as wanted */
	struct str selector, template;
	struct api_pairs template_labels;
	int64_t observed_generation;
	int32_t n_pods, n_fully_labeled, n_ready, n_available, n_terminating; /* of its status */
	const struct api_condition *conditions;
	size_t n_conditions;
};

struct api_deployment {
	struct api_meta meta;
	int32_t replicas, min_ready_s, history_limit, deadline_s;
	bool is_paused, is_recreate;
	struct api_int_or_str max_surge, max_unavailable;
	struct str selector, template;
	int64_t observed_generation;
	int32_t n_pods, n_updated, n_ready, n_available, n_unavailable, n_terminating;
	int32_t collisions;
	const struct api_condition *conditions;
	size_t n_conditions;
};

struct api_lease {
	struct api_meta meta;
	struct str holder;
	int32_t duration_s, transitions;
	int64_t acquired_ns, renewed_ns;
};

/* Lookups in small sorted lists. */
struct str api_pairs_get(const struct api_pairs *p, const char *key); /* absent when missing */
bool api_pairs_has(const struct api_pairs *p, const char *key);
/* Every pair of `selector` is in `labels`. An empty selector matches everything. */
bool api_pairs_match(const struct api_pairs *selector, const struct api_pairs *labels);
const struct api_condition *api_condition_find(const struct api_condition *c, size_t n,
					       const char *type);
bool api_strs_eq(const struct api_strs *x, const struct api_strs *y); /* same strings, same order */
const char *api_protocol_name(enum api_protocol p);                   /* "TCP" */
