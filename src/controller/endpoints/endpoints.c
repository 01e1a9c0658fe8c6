/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/endpoints/endpoints.h"

#include "base/vec.h"
#include "controller/endpoints/repack.h"
#include "controller/endpoints/select.h"

#define LABEL_MANAGED       "endpoints.kubernetes.io/managed-by"
#define ENDPOINT_CONTROLLER "endpoint-controller"

/* The one family that Endpoints can hold. */
static enum ip_family endpoints_family(const struct api_service *svc, const struct api_pod *pod)
{
	struct ip_addr ip;

	if (svc->n_families)
		return svc->families[0];
	if (svc->n_cluster_addrs)
		return ip_family(&svc->cluster_addrs[0]);
	return ip_parse_sloppy(pod->pod_ip, &ip, NULL) < 0 ? IP_NONE : ip_family(&ip);
}

static bool pod_address(const struct api_service *svc, const struct api_pod *pod,
			struct api_endpoints_address *ret)
{
	enum ip_family family = endpoints_family(svc, pod);

	for (size_t i = 0; i < pod->pod_ips.n; i++) {
		struct ip_addr ip;

		if (ip_parse_sloppy(pod->pod_ips.ptr[i], &ip, NULL) < 0 || ip_family(&ip) != family)
			continue;
		*ret = (struct api_endpoints_address){
			.ip = pod->pod_ips.ptr[i],
			.hostname = controller_pod_hostname(svc, pod),
			.node_name = pod->node_name,
			.target = {.kind = STR("Pod"),
				   .ns = pod->meta.ns,
				   .name = pod->meta.name,
				   .uid = pod->meta.uid},
		};
		return true;
	}
	return false;
}

static void collect_pod(struct arena *a, const struct api_service *svc, const struct api_pod *pod,
			struct controller_spots *spots)
{
	const struct api_endpoint_port *ports;
	struct controller_spot spot = {0};
	size_t n;

	if (!controller_pod_is_candidate(pod) ||
	    (pod->meta.deleted_ns && !svc->publish_not_ready) ||
	    !pod_address(svc, pod, &spot.address))
		return;
	if (spots->all.len == CONTROLLER_SPOTS_MAX) {
		spots->n_left_out++;
		return;
	}
	spot.is_ready = svc->publish_not_ready || pod->is_ready;
	n = controller_pod_ports(a, svc, pod, &ports);
	for (size_t i = 0; i < n; i++) {
		spot.port = &ports[i];
		controller_spots_add(spots, &spot);
	}
	if (!svc->n_ports && svc->is_headless)
		controller_spots_add(spots, &spot);
}

static bool addresses_eq(const struct api_endpoints_address *x, size_t nx,
			 const struct api_endpoints_address *y, size_t ny)
{
	if (nx != ny)
		return false;
	for (size_t i = 0; i < nx; i++)
		if (!str_eq(x[i].ip, y[i].ip) || !str_eq(x[i].hostname, y[i].hostname) ||
		    !str_eq(x[i].node_name, y[i].node_name) ||
		    !controller_ref_eq(&x[i].target, &y[i].target))
			return false;
	return true;
}

static bool subset_eq(const struct api_endpoints_subset *x, const struct api_endpoints_subset *y)
{
	if (x->n_ports != y->n_ports)
		return false;
	for (size_t i = 0; i < x->n_ports; i++)
		if (controller_port_cmp(&x->ports[i], &y->ports[i]))
			return false;
	return addresses_eq(x->ready, x->n_ready, y->ready, y->n_ready) &&
	       addresses_eq(x->not_ready, x->n_not_ready, y->not_ready, y->n_not_ready);
}

static bool subsets_eq(const struct api_endpoints *x, const struct api_endpoints *y)
{
	if (x->n_subsets != y->n_subsets)
		return false;
	for (size_t i = 0; i < x->n_subsets; i++)
		if (!subset_eq(&x->subsets[i], &y->subsets[i]))
			return false;
	return true;
}

/* The headless label alone is not worth a write. */
static bool labels_eq(struct arena *a, const struct api_endpoints *x, const struct api_endpoints *y)
{
	struct api_pairs lx =
		controller_pairs_with(a, &x->meta.labels, LABEL_HEADLESS, (struct str){0});
	struct api_pairs ly =
		controller_pairs_with(a, &y->meta.labels, LABEL_HEADLESS, (struct str){0});

	return controller_pairs_eq(&lx, &ly);
}

static bool is_marked_truncated(const struct api_endpoints *e)
{
	return str_eq_c(api_pairs_get(&e->meta.annotations, ANNOTATION_CAPACITY), "truncated");
}

enum controller_endpoints_action controller_endpoints_plan(struct arena *a,
							   const struct controller_endpoints_in *in,
							   struct api_endpoints *ret)
{
	const struct api_service *svc = in->service;
	struct controller_spots spots = {0};
	struct api_endpoints_subset *subsets;
	struct api_endpoints want = {0};
	struct api_pairs *annotations = &want.meta.annotations, *labels = &want.meta.labels;
	bool is_truncated;

	if (in->existing)
		want.meta = in->existing->meta;
	want.meta.name = svc->meta.name;
	want.meta.ns = svc->meta.ns;
	for (size_t i = 0; i < in->n_pods; i++)
		collect_pod(a, svc, in->pods[i], &spots);
	want.n_subsets = controller_repack(a, spots.all.ptr, spots.all.len, &subsets);
	vec_fini(&spots.all);
	is_truncated = controller_truncate(subsets, &want.n_subsets, CONTROLLER_ENDPOINTS_MAX) ||
		       spots.n_left_out;
	want.subsets = subsets;

	*labels = controller_pairs_with(a, &svc->meta.labels, LABEL_MANAGED,
					STR(ENDPOINT_CONTROLLER));
	*labels = controller_pairs_with(a, labels, LABEL_HEADLESS,
					svc->n_cluster_addrs ? (struct str){0} : STR(""));
	*annotations = controller_pairs_with(a, annotations, ANNOTATION_TRIGGER, in->trigger);
	*annotations = controller_pairs_with(a, annotations, ANNOTATION_CAPACITY,
					     is_truncated ? STR("truncated") : (struct str){0});
	*ret = want;
	if (!in->existing)
		return CONTROLLER_ENDPOINTS_CREATE;
	if (subsets_eq(in->existing, ret) && labels_eq(a, in->existing, ret) &&
	    is_marked_truncated(in->existing) == is_truncated)
		return CONTROLLER_ENDPOINTS_KEEP;
	return CONTROLLER_ENDPOINTS_UPDATE;
}
