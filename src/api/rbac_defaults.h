/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Defaults of RoleBindings and ClusterRoleBindings that depend on other fields. */

#include "json/json.h"

/* The group of the role, and of subjects that are users or groups. */
void api_default_binding(struct arena *a, struct json *binding);
