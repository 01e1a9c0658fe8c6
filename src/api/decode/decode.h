/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Typed views (api/types.h) from JSON trees, and trees from the few that we write ourselves.
 * The tree and the text behind it must live as long as the arena: strings are not copied.
 */

#include "api/types.h"
#include "json/json.h"

struct api_kind;

/* ERR_INVALID with "spec.ports[0].port: …" when a field that we use has the wrong type. */
int api_meta_decode(struct arena *a, const struct json *obj, struct api_meta *ret,
		    struct err *err) _nodiscard_;
int api_service_decode(struct arena *a, const struct json *obj, struct api_service *ret,
		       struct err *err) _nodiscard_;
int api_endpoint_slice_decode(struct arena *a, const struct json *obj,
			      struct api_endpoint_slice *ret, struct err *err) _nodiscard_;
int api_endpoints_decode(struct arena *a, const struct json *obj, struct api_endpoints *ret,
			 struct err *err) _nodiscard_;
int api_pod_decode(struct arena *a, const struct json *obj, struct api_pod *ret,
		   struct err *err) _nodiscard_;
int api_node_decode(struct arena *a, const struct json *obj, struct api_node *ret,
		    struct err *err) _nodiscard_;
int api_namespace_decode(struct arena *a, const struct json *obj, struct api_namespace *ret,
			 struct err *err) _nodiscard_;
int api_replica_set_decode(struct arena *a, const struct json *obj, struct api_replica_set *ret,
			   struct err *err) _nodiscard_;
int api_deployment_decode(struct arena *a, const struct json *obj, struct api_deployment *ret,
			  struct err *err) _nodiscard_;
int api_lease_decode(struct arena *a, const struct json *obj, struct api_lease *ret,
		     struct err *err) _nodiscard_;

/* The view of any kind that has one: *ret is a struct api_service *, …, or a struct api_meta * for
 * kinds without a view of their own. Every view begins with its struct api_meta. */
int api_object_decode(struct arena *a, const struct api_kind *kind, const struct json *obj,
		      void **ret, struct err *err) _nodiscard_;

struct json *api_endpoint_slice_encode(struct arena *a, const struct api_endpoint_slice *s);
struct json *api_endpoints_encode(struct arena *a, const struct api_endpoints *e);
struct json *api_lease_encode(struct arena *a, const struct api_lease *l);
struct json *api_meta_encode(struct arena *a, const struct api_meta *m);
