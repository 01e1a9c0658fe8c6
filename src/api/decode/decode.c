/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode/decode.h"

#include "api/decode/view.h"
#include "api/kind.h"

#define F(name, kind, member) VIEW(name, kind, struct api_owner, member)
static const struct view_field owner_fields[] = {
	F("apiVersion", VIEW_STRING, api_version),
	F("kind", VIEW_STRING, kind),
	F("name", VIEW_STRING, name),
	F("uid", VIEW_STRING, uid),
	F("controller", VIEW_BOOL, is_controller),
	F("blockOwnerDeletion", VIEW_BOOL, blocks_deletion),
};
#undef F
static const struct view_type owner_type = {VIEW_FIELDS(owner_fields),
					    .size = sizeof(struct api_owner)};

#define F(name, kind, member) VIEW(name, kind, struct api_meta, member)
static const struct view_field meta_fields[] = {
	F("name", VIEW_STRING, name),
	F("namespace", VIEW_STRING, ns),
	F("uid", VIEW_STRING, uid),
	F("generateName", VIEW_STRING, generate_name),
	F("resourceVersion", VIEW_STRING, resource_version),
	F("generation", VIEW_INT64, generation),
	F("creationTimestamp", VIEW_TIME, created_ns),
	F("deletionTimestamp", VIEW_TIME, deleted_ns),
	F("labels", VIEW_PAIRS, labels),
	F("annotations", VIEW_PAIRS, annotations),
	VIEW_LIST_OF("ownerReferences", struct api_meta, owners, n_owners, owner_type),
	F("finalizers", VIEW_STRINGS, finalizers),
};
#undef F
const struct view_type api_view_meta = {VIEW_FIELDS(meta_fields)};

#define F(name, kind, member) VIEW(name, kind, struct api_ref, member)
static const struct view_field ref_fields[] = {
	F("kind", VIEW_STRING, kind),
	F("namespace", VIEW_STRING, ns),
	F("name", VIEW_STRING, name),
	F("uid", VIEW_STRING, uid),
	F("apiVersion", VIEW_STRING, api_version),
	F("resourceVersion", VIEW_STRING, resource_version),
	F("fieldPath", VIEW_STRING, field_path),
};
#undef F
const struct view_type api_view_ref = {VIEW_FIELDS(ref_fields), .size = sizeof(struct api_ref)};

#define F(name, kind, member) VIEW(name, kind, struct api_condition, member)
static const struct view_field condition_fields[] = {
	F("type", VIEW_STRING, type),
	F("status", VIEW_STRING, status),
	F("reason", VIEW_STRING, reason),
	F("message", VIEW_STRING, message),
	F("lastTransitionTime", VIEW_TIME, transition_ns),
	F("lastUpdateTime", VIEW_TIME, updated_ns),
};
#undef F
const struct view_type api_view_condition = {VIEW_FIELDS(condition_fields),
					     .size = sizeof(struct api_condition)};

static const struct view_field object_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
};
static const struct view_type object_type = {VIEW_FIELDS(object_fields)};

int api_meta_decode(struct arena *a, const struct json *obj, struct api_meta *ret, struct err *err)
{
	struct api_meta meta = {0};
	int r = api_view_decode(a, &object_type, obj, &meta, err);

	if (r == 0)
		*ret = meta;
	return r;
}

static void finish_namespace(struct arena *a, const struct json *obj, void *out)
{
	struct api_namespace *ns = out;

	ns->is_terminating = ns->meta.deleted_ns ||
			     str_eq_c(json_string(json_path(obj, "status.phase")), "Terminating");
}

static const struct view_type namespace_type = {VIEW_FIELDS(object_fields),
						.finish = finish_namespace};

int api_namespace_decode(struct arena *a, const struct json *obj, struct api_namespace *ret,
			 struct err *err)
{
	struct api_namespace ns = {0};
	int r = api_view_decode(a, &namespace_type, obj, &ns, err);

	if (r == 0)
		*ret = ns;
	return r;
}

#define F(name, kind, member) VIEW(name, kind, struct api_lease, member)
static const struct view_field lease_spec_fields[] = {
	F("holderIdentity", VIEW_STRING, holder),
	F("leaseDurationSeconds", VIEW_INT32, duration_s),
	F("leaseTransitions", VIEW_INT32, transitions),
	F("acquireTime", VIEW_TIME, acquired_ns),
	F("renewTime", VIEW_TIME, renewed_ns),
};
#undef F
static const struct view_type lease_spec_type = {VIEW_FIELDS(lease_spec_fields)};
static const struct view_field lease_fields[] = {
	VIEW_INTO("metadata", api_view_meta),
	VIEW_INTO("spec", lease_spec_type),
};
static const struct view_type lease_type = {VIEW_FIELDS(lease_fields)};

int api_lease_decode(struct arena *a, const struct json *obj, struct api_lease *ret,
		     struct err *err)
{
	struct api_lease lease = {0};
	int r = api_view_decode(a, &lease_type, obj, &lease, err);

	if (r == 0)
		*ret = lease;
	return r;
}

/* One row a kind with a view of its own; `decode` has the object's own type as third argument. */
#define DECODER(name)                                                                              \
	static int decode_any_##name(struct arena *a, const struct json *obj, void *ret,           \
				     struct err *err)                                              \
	{                                                                                          \
		return api_##name##_decode(a, obj, ret, err);                                      \
	}
DECODER(service)
DECODER(endpoint_slice)
DECODER(endpoints)
DECODER(pod)
DECODER(node)
DECODER(namespace)
DECODER(lease)
DECODER(replica_set)
DECODER(deployment)
DECODER(meta)

static const struct {
	const char *kind;
	size_t size;
	int (*decode)(struct arena *a, const struct json *obj, void *ret, struct err *err);
} decoders[] = {
	{"Service", sizeof(struct api_service), decode_any_service},
	{"EndpointSlice", sizeof(struct api_endpoint_slice), decode_any_endpoint_slice},
	{"Endpoints", sizeof(struct api_endpoints), decode_any_endpoints},
	{"Pod", sizeof(struct api_pod), decode_any_pod},
	{"Node", sizeof(struct api_node), decode_any_node},
	{"Namespace", sizeof(struct api_namespace), decode_any_namespace},
	{"Lease", sizeof(struct api_lease), decode_any_lease},
	{"ReplicaSet", sizeof(struct api_replica_set), decode_any_replica_set},
	{"Deployment", sizeof(struct api_deployment), decode_any_deployment},
	{NULL, sizeof(struct api_meta), decode_any_meta}, /* every other kind */
};

int api_object_decode(struct arena *a, const struct api_kind *kind, const struct json *obj,
		      void **ret, struct err *err)
{
	size_t i = 0;
	void *view;
	int r;

	while (decoders[i].kind && !str_eq_c(str_of(kind->kind), decoders[i].kind))
		i++;
	view = arena_zalloc(a, decoders[i].size);
	r = decoders[i].decode(a, obj, view, err);
	if (r == 0)
		*ret = view;
	return r;
}
