/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"

static const char *const address_types[] = {"IPv4", "IPv6", "FQDN", NULL};

static const struct view_field port_fields[] = {
	VIEW("name", VIEW_STRING, struct api_endpoint_port, name),
	VIEW("appProtocol", VIEW_STRING, struct api_endpoint_port, app_protocol),
	VIEW_ENUM_OF("protocol", struct api_endpoint_port, protocol, API_TCP, api_view_protocols),
	VIEW_HAS("port", VIEW_PORT, struct api_endpoint_port, port, has_port),
};
static const struct view_type port_type = {VIEW_FIELDS(port_fields),
					   .size = sizeof(struct api_endpoint_port)};

#define F(name, kind, member) VIEW(name, kind, struct api_endpoint, member)
static const struct view_field condition_fields[] = {
	F("ready", VIEW_BOOL, ready),
	F("serving", VIEW_BOOL, serving),
	F("terminating", VIEW_BOOL, terminating),
};
static const struct view_type conditions_type = {VIEW_FIELDS(condition_fields)};

static const struct view_field hint_fields[] = {
	VIEW_STRINGS_OF("forZones", struct api_endpoint, zone_hints, "name"),
	VIEW_STRINGS_OF("forNodes", struct api_endpoint, node_hints, "name"),
};
static const struct view_type hints_type = {VIEW_FIELDS(hint_fields)};

static const struct view_field endpoint_fields[] = {
	F("addresses", VIEW_STRINGS, addresses),
	VIEW_INTO("conditions", conditions_type),
	F("hostname", VIEW_STRING, hostname),
	F("nodeName", VIEW_STRING, node_name),
	F("zone", VIEW_STRING, zone),
	VIEW_POINTER_OF("targetRef", struct api_endpoint, target, api_view_ref),
	VIEW_INTO("hints", hints_type),
};
#undef F

/* Section 12.1: ready nil is true, serving nil is as ready. */
static void finish_endpoint(struct arena *a, const struct json *obj, void *out)
{
	const struct json *conditions = json_get(obj, "conditions");
	struct api_endpoint *ep = out;

	if (json_is_null(json_get(conditions, "ready")))
		ep->ready = true;
	if (json_is_null(json_get(conditions, "serving"))) {
		ep->serving = ep->ready;
		ep->is_ready_alone = json_is_null(json_get(conditions, "terminating"));
	}
	if (ep->target && !str_is_set(ep->target->kind))
		ep->target = NULL;
	ep->has_addr =
		ep->addresses.n > 0 && ip_parse_sloppy(ep->addresses.ptr[0], &ep->addr, NULL) >= 0;
}

static const struct view_type endpoint_type = {VIEW_FIELDS(endpoint_fields),
					       .size = sizeof(struct api_endpoint),
					       .finish = finish_endpoint};

static const struct view_field slice_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_ENUM_OF("addressType", struct api_endpoint_slice, address_type, API_ADDR_IPV4,
		     address_types),
	VIEW_LIST_OF("endpoints", struct api_endpoint_slice, endpoints, n_endpoints, endpoint_type),
	VIEW_LIST_OF("ports", struct api_endpoint_slice, ports, n_ports, port_type),
};

static void finish_slice(struct arena *a, const struct json *obj, void *out)
{
	struct api_endpoint_slice *slice = out;

	slice->service = api_pairs_get(&slice->meta.labels, "kubernetes.io/service-name");
}

static const struct view_type slice_type = {VIEW_FIELDS(slice_fields), .finish = finish_slice};

int api_endpoint_slice_decode(struct arena *a, const struct json *obj,
			      struct api_endpoint_slice *ret, struct err *err)
{
	struct api_endpoint_slice slice = {0};
	int r = api_view_decode(a, &slice_type, obj, &slice, err);

	if (r == 0)
		*ret = slice;
	return r;
}

static const struct view_field address_fields[] = {
	VIEW("ip", VIEW_STRING, struct api_endpoints_address, ip),
	VIEW("hostname", VIEW_STRING, struct api_endpoints_address, hostname),
	VIEW("nodeName", VIEW_STRING, struct api_endpoints_address, node_name),
	VIEW_OBJECT_OF("targetRef", struct api_endpoints_address, target, api_view_ref),
};
static const struct view_type address_type = {VIEW_FIELDS(address_fields),
					      .size = sizeof(struct api_endpoints_address)};

static const struct view_field subset_fields[] = {
	VIEW_LIST_OF("addresses", struct api_endpoints_subset, ready, n_ready, address_type),
	VIEW_LIST_OF("notReadyAddresses", struct api_endpoints_subset, not_ready, n_not_ready,
		     address_type),
	VIEW_LIST_OF("ports", struct api_endpoints_subset, ports, n_ports, port_type),
};
static const struct view_type subset_type = {VIEW_FIELDS(subset_fields),
					     .size = sizeof(struct api_endpoints_subset)};

static const struct view_field endpoints_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_LIST_OF("subsets", struct api_endpoints, subsets, n_subsets, subset_type),
};
static const struct view_type endpoints_type = {VIEW_FIELDS(endpoints_fields)};

int api_endpoints_decode(struct arena *a, const struct json *obj, struct api_endpoints *ret,
			 struct err *err)
{
	struct api_endpoints endpoints = {0};
	int r = api_view_decode(a, &endpoints_type, obj, &endpoints, err);

	if (r == 0)
		*ret = endpoints;
	return r;
}
