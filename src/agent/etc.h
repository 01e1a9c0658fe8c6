/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A Pod's own /etc/hosts, /etc/hostname and /etc/resolv.conf (Kubernetes, "DNS for Services and
 * Pods"): written into its directory; the pause mounts them over the node's. */

#include "agent/place.h"

/* The host name that the Pod's processes see; at most 63 bytes (RFC 1123). */
struct str agent_etc_hostname(const struct api_pod *pod);
int agent_etc_write(const struct agent_place *p, struct err *err) _nodiscard_;
