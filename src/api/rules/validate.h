/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Validation: whether an object that was decoded and defaulted may be stored (service-api.md
 * sections 3, 4, 11.1, 12.1). Pure functions over JSON trees: they look at nothing but their
 * arguments and change nothing; each breach becomes a cause. Called by the API server after
 * defaulting, allocation and admission; a kind without rules of its own gets those of its metadata.
 *
 * The trees have passed the schema (types are right). What has the wrong type nevertheless counts
 * as absent, so that no input can do harm here.
 */

#include "api/causes.h"
#include "api/types.h"

struct api_kind;

void api_validate_create(const struct api_kind *kind, const struct json *obj, struct api_causes *c);
/* Metadata's update rules, the kind's transitions, then all rules for `obj` as on create. */
void api_validate_update(const struct api_kind *kind, const struct json *old,
			 const struct json *obj, struct api_causes *c);
/* Update through /status: `obj` has the spec of `old` already (section 1.3). */
void api_validate_status(const struct api_kind *kind, const struct json *old,
			 const struct json *obj, struct api_causes *c);

/* Section 3.6 alone: the clusterIP and family block, which the allocator runs before it allocates.
 * `old` is NULL on create; addresses that it has already are not rejected again. */
void api_validate_service_ips(const struct json *old, const struct json *obj, struct api_causes *c);

/* What every request for the kind is warned of, NULL when there is nothing. */
const char *api_deprecation(const struct api_kind *kind);
/* Texts for the Warning header of a create (`old` NULL) or update, section 4.3; each once. */
struct api_strs api_warnings(struct arena *a, const struct api_kind *kind, const struct json *obj,
			     const struct json *old);
/* The same for a write of its status. */
struct api_strs api_status_warnings(struct arena *a, const struct api_kind *kind,
				    const struct json *obj);
