/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What else a Pod names in its own namespace: the objects that whoever runs it must read, or act
 * as. One walk over its spec, for those who ask what a node may see and for those who refuse a Pod
 * that names anything.
 *
 * A name is told as often as it occurs, in the order of the spec. A Pod without a
 * spec.serviceAccountName names no account: which one it gets, the server settles at its creation.
 */

#include "json/json.h"

enum access_pod_name {
	ACCESS_POD_ACCOUNT,      /* spec.serviceAccountName */
	ACCESS_POD_SECRET,       /* volumes, env, envFrom, imagePullSecrets */
	ACCESS_POD_CONFIG_MAP,   /* volumes, env, envFrom */
	ACCESS_POD_TOKEN,        /* a projected token; the name is its audience, "": the default */
	ACCESS_POD_CLAIM,        /* persistentVolumeClaim */
	ACCESS_POD_OWN_CLAIM,    /* an ephemeral volume; the name is the volume's */
	ACCESS_POD_RESOURCE,     /* spec.resourceClaims; the name is the entry's */
	ACCESS_POD_TRUST_BUNDLE, /* a projected clusterTrustBundle */
	ACCESS_POD_NAMES,        /* how many there are */
};

typedef void (*access_pod_name_fn)(void *ctx, enum access_pod_name what, struct str name);

void access_pod_names(const struct json *pod, access_pod_name_fn fn, void *ctx);
