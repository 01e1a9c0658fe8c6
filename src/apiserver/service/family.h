/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which IP families a Service gets (service-api.md section 6, steps 0 to 12): ipFamilyPolicy and
 * ipFamilies are filled in, or the causes say why the request contradicts itself or the cluster.
 * Pure; edits `object` in place.
 */

#include "api/causes.h"
#include "base/ip.h"

struct service_family_input {
	struct arena *a;
	const struct json *old; /* NULL: create */
	struct json *object;
	enum ip_family families[2]; /* the cluster's; the first is the primary */
	size_t n_families;
};

enum service_family_result {
	SERVICE_FAMILY_DONE,
	SERVICE_FAMILY_KEEP, /* step 1: as it was; no address is claimed or released */
};

/* ERR_INVALID: see the causes. */
int service_family_set(const struct service_family_input *in, struct api_causes *causes,
		       enum service_family_result *ret) _nodiscard_;

enum ip_family service_family_parse(struct str s); /* "IPv4", "IPv6"; IP_NONE otherwise */
const char *service_family_name(enum ip_family f);
