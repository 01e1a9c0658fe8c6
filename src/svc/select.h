/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which endpoints serve a packet: the Cluster set and the Local set of one service port (section
 * 2.2 of the data-plane specification), from EndpointSlices as they are.
 *
 * Slices may be many, in flux and in any order: the same address and port found twice counts once,
 * and the copy that is not terminating wins.
 */

#include "base/vec.h"
#include "svc/table.h"

struct svc_wanted {
	struct str port_name;
	enum api_protocol protocol;
	enum ip_family family;
	bool cluster, local; /* which sets are needed */
};

struct svc_selection {
	VEC(struct svc_backend) backends; /* members of a set, and whoever still serves */
	uint32_t n_cluster, n_local;
	bool has_any, is_cut;
};

void svc_select(const struct svc_config *c, const struct svc_wanted *w,
		const struct api_endpoint_slice *const *slices, size_t n_slices,
		struct svc_selection *ret);
void svc_selection_fini(struct svc_selection *s);

/* Distinct addresses on this node that are Ready, over all ports and families. */
uint32_t svc_select_ready_here(const struct svc_config *c,
			       const struct api_endpoint_slice *const *slices, size_t n_slices);
