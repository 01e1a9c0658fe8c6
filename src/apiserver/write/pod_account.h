/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The ServiceAccount of a Pod, as Kubernetes' admission plug-in of that name gives it: the account
 * "default" where none is named, and a volume with a token of it, the CA and the namespace, mounted
 * into each container at /var/run/secrets/kubernetes.io/serviceaccount.
 */

#include "apiserver/write/op.h"

/* For the Pod's strategy. An account that is named must be there; without the account "default",
 * which each namespace gets a moment after it was made, a Pod goes without. */
int pod_account_admit(struct op *op, const struct json *old, struct json *obj);
