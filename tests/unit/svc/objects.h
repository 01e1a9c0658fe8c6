/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Objects for tests of the service model, written the short way. Everything lives in one arena that
 * objects_fini frees; a test that ends early leaves it to its process. */

#include "base/rand.h"
#include "svc/build.h"
#include "svc/diff.h"

struct objects {
	struct arena a;
};

void objects_init(struct objects *o);
void objects_fini(struct objects *o);
struct ip_addr object_ip(const char *text);
/* Node "n1" in zone "z1", Pods in 10.64.0.0/16 and fd64::/32, addresses 192.0.2.1, 2001:db8::1. */
struct svc_config *object_config(void);
/* A ClusterIP Service "default/<name>" with one TCP port "p" 80; more cluster IPs by comma. */
struct api_service *object_service(struct objects *o, const char *name, const char *cluster_ips);
/* Endpoints in words, split by blanks: "10.64.1.2@n1" with any of ",unready" ",terminating"
 * ",deaf" (not serving) ",z=zone" ",h=node" (hints). Port "p" 8080/TCP. */
struct api_endpoint_slice *object_slice(struct objects *o, const char *words);
struct svc_entry *object_entry(struct svc_config *c, struct api_service *s,
			       struct api_endpoint_slice *slice);
/* "10.64.1.2:8080 10.64.1.3:8080": the members of a set, `flag` SVC_IN_CLUSTER or SVC_IN_LOCAL. */
struct str object_set(struct objects *o, const struct svc_port *p, unsigned flag);

/* A random cluster, for properties: n Services, with slices to match, in the same order. */
struct random_cluster {
	struct objects o;
	size_t n;
	struct api_service **services;
	struct api_endpoint_slice **slices;
};
void random_cluster_init(struct random_cluster *c, struct rand *r, size_t n);
/* Draws one Service of it anew. */
void random_cluster_touch(struct random_cluster *c, struct rand *r, size_t i);
struct svc_table *random_cluster_table(struct random_cluster *c, struct svc_config *config);
