/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What must be there before anyone is served: the default namespaces, the ServiceCIDR that
 * --service-cluster-ip-range seeds, and the Service default/kubernetes with its Endpoints and
 * EndpointSlice (service-api.md sections 10.4, 10.6 and 20). They are made by calls through the
 * server's own interface, one after the other; what exists already is left as it is, except that
 * the Service's port and the endpoints are brought up to date with the servers that are here
 * (peers.h). What someone deletes of it comes back within a second, what someone changes within
 * ten.
 */

#include "apiserver/server.h"

struct boot *boot_new(void);
void boot_free(struct boot *boot); /* NULL is fine */

void boot_start(struct apiserver *s);  /* nothing, when it is under way */
void boot_repair(struct apiserver *s); /* starts again when something is missing; call it often */
void boot_stop(struct boot *boot);     /* gives up what is not done */
