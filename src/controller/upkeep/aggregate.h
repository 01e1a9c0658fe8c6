/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core of the controller of ClusterRoles that are made of others: whoever has an
 * aggregationRule gets the rules of all roles that its selectors pick, as `edit` gets those of
 * `view`. The driver is aggregate_sync.c. A change goes on by itself: the role that has changed is
 * one that others may pick.
 */

#include "json/json.h"

/* The rules that `role` shall have, in the arena: of the items of `roles` (a list, in order of
 * names) that each of its selectors picks, every rule once. NULL: it has them already, or no
 * aggregationRule. */
struct json *controller_aggregated(struct arena *a, const struct json *roles,
				   const struct json *role);
