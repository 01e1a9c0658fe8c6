/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Discovery: which groups, versions and resources there are (service-api.md section 18.10). Each
 * function appends one JSON body; none of them changes while the process runs.
 */

#include "base/buf.h"

/* What to answer with as Content-Type for the aggregated forms; clients compare it exactly. */
#define API_DISCOVERY_V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define API_DISCOVERY_V2BETA1                                                                      \
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

/* /api: APIVersions. `server_address`: "host:port" that clients should use. */
void api_discovery_versions(struct str server_address, struct buf *b);
/* /apis: APIGroupList. */
void api_discovery_groups(struct buf *b);
/* /apis/<group>: APIGroup. False: no such group. */
bool api_discovery_group(struct str group, struct buf *b);
/* /api/v1 (group ""), /apis/<group>/<version>: APIResourceList. False: no such version. */
bool api_discovery_resources(struct str group, struct str version, struct buf *b);
/* /api (is_core) or /apis as APIGroupDiscoveryList; `version` is "v2" or "v2beta1". */
void api_discovery_aggregated(bool is_core, const char *version, struct buf *b);
