/* SPDX-License-Identifier: Apache-2.0 */
#include "apiserver/write/prepare.h"

#include "api/managed/managed.h"
#include "api/names.h"
#include "apiserver/write/strategy.h"

#include <inttypes.h>

static bool has_status(const struct op *op)
{
	const struct api_kind *kind = op->req->res->kind;

	for (size_t i = 0; i < kind->n_subresources; i++)
		if (str_eq_c(str_of(kind->subresources[i].name), "status"))
			return true;
	return false;
}

struct str prepare_timestamp(struct op *op, int64_t wall_ns)
{
	char buf[CLOCK_RFC3339_MAX];

	return str_dup(&op->arena, clock_format(buf, wall_ns, 0));
}

int prepare_namespace(struct op *op, struct json *obj)
{
	struct request *req = op->req;
	struct json *meta = json_object_at(&op->arena, obj, "metadata");
	struct str ns = json_get_string(meta, "namespace");

	if (ns.len && !str_eq(ns, req->ns))
		return status_set(
			&req->st, ERR_BAD_REQUEST,
			"the namespace of the provided object does not match the namespace "
			"sent on the request");
	if (req->ns.len)
		json_set(meta, "namespace", json_new_string(&op->arena, req->ns));
	return 0;
}

/* A vowel-free alphabet: no words come out. */
static struct str generate(struct op *op, struct str base)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	char suffix[API_GENERATE_SUFFIX_LEN];

	for (size_t i = 0; i < sizeof(suffix); i++)
		suffix[i] = alphabet[rand_below(&op->s->rand, sizeof(alphabet) - 1)];
	base = str_sub(base, 0, API_GENERATE_PREFIX_MAX);
	return str_printf(&op->arena, "%.*s%.*s", STR_ARG(base), (int)sizeof(suffix), suffix);
}

int prepare_create(struct op *op, struct json *obj)
{
	static const char *const wiped[] = {"uid", "creationTimestamp", "deletionTimestamp",
					    "selfLink", "deletionGracePeriodSeconds"};
	struct arena *a = &op->arena;
	struct json *meta = json_object_at(a, obj, "metadata");
	struct str base = json_get_string(meta, "generateName");
	const struct clock *clock = op->s->clock;
	char uid[RAND_UUID_LEN + 1];
	int r = prepare_namespace(op, obj);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(wiped); i++)
		json_remove(meta, wiped[i]);
	op->has_generate_name = base.len > 0;
	op->is_generated = !json_get_string(meta, "name").len && base.len;
	if (op->is_generated)
		json_set(meta, "name", json_new_string(a, generate(op, base)));
	rand_uuid(uid);
	json_set(meta, "uid", json_new_string(a, str_dup(a, str_of(uid))));
	json_set(meta, "creationTimestamp",
		 json_new_string(a, prepare_timestamp(op, clock->wall_ns(clock))));
	if (op->req->res->kind->has_generation)
		json_set(meta, "generation", json_new_int(a, 1));
	return 0;
}

void prepare_create_status(struct op *op, struct json *obj)
{
	const struct strategy *strategy = op->req->res->strategy;

	if (has_status(op) && !strategy->sets_status)
		json_set(obj, "status", json_new(&op->arena, JSON_OBJECT));
	if (strategy->init)
		strategy->init(op, obj);
}

int prepare_name(struct op *op, const struct json *obj)
{
	struct request *req = op->req;
	struct str name = json_get_string(json_get(obj, "metadata"), "name");

	if (!name.len)
		return status_set(&req->st, ERR_BAD_REQUEST,
				  "the name of the object (%.*s based on URL) was undeterminable: "
				  "name must be provided",
				  STR_ARG(req->name));
	if (!str_eq(name, req->name))
		return status_set(
			&req->st, ERR_BAD_REQUEST,
			"the name of the object (%.*s) does not match the name on the URL "
			"(%.*s)",
			STR_ARG(name), STR_ARG(req->name));
	return 0;
}

/* Where a stock server keeps the kind; its conflicts name it. */
static const char *registry_folder(const struct api_kind *kind)
{
	if (str_eq_c(STR("services"), kind->plural))
		return "services/specs";
	return str_eq_c(STR("endpoints"), kind->plural) ? "services/endpoints" : kind->plural;
}

int prepare_uid(struct op *op, struct str old, struct str new)
{
	struct request *req = op->req;

	if (!new.len || str_eq(old, new))
		return 0;
	/* As if it were read from the store. */
	return status_conflict(
		&req->st, req->res, req->name,
		str_printf(req->arena,
			   "StorageError: invalid object, Code: 4, Key: %s/%s/%.*s%s%.*s, "
			   "ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
			   "precondition: %.*s, UID in object meta: %.*s",
			   req->is_dry_run ? "" : "/registry", registry_folder(req->res->kind),
			   STR_ARG(req->ns), req->ns.len ? "/" : "", STR_ARG(req->name),
			   STR_ARG(new), STR_ARG(old))
			.ptr);
}

/* A Lease says who leads: nobody replaces one that they have not read. */
static int check_has_revision(struct request *req, struct str given)
{
	const struct resource *res = req->res;
	struct status *st = &req->st;

	if (req->verb != REQUEST_UPDATE || !str_eq_c(str_of(res->kind->kind), "Lease") ||
	    (given.len && !str_eq_c(given, "0")))
		return 0;
	status_add_cause(st, "FieldValueInvalid", STR("metadata.resourceVersion"),
			 STR("Invalid value: 0: must be specified for an update"));
	IGNORE(status_invalid(st, res, req->name), "returned below");
	/* Of all that is invalid this one names the resource, not the kind. */
	st->kind = str_of(res->kind->plural);
	return status_set(st, ERR_INVALID,
			  "%.*s \"%.*s\" is invalid: metadata.resourceVersion: Invalid value: 0: "
			  "must be specified for an update",
			  STR_ARG(res->resource_name), STR_ARG(req->name));
}

int prepare_identity(struct op *op, const struct json *old, struct json *obj, uint64_t rev)
{
	struct request *req = op->req;
	struct json *meta = json_object_at(&op->arena, obj, "metadata");
	struct str given = json_get_string(meta, "resourceVersion");
	uint64_t n = 0;
	int r = prepare_name(op, obj);

	if (r == 0)
		r = prepare_namespace(op, obj);
	/* Another uid in a patch is a changed field. */
	if (r == 0 && req->verb != REQUEST_PATCH)
		r = prepare_uid(op, json_get_string(json_get(old, "metadata"), "uid"),
				json_get_string(meta, "uid"));
	if (r == 0)
		r = check_has_revision(req, given);
	if (r < 0)
		return r;
	/* Validation wants one, and it is the stored one whatever the client left out. */
	json_set(meta, "resourceVersion",
		 json_new_string(&op->arena, str_printf(&op->arena, "%" PRIu64, rev)));
	/* A patch carries the revision of what it was applied to, unless it names one itself. */
	if (!given.len || str_eq_c(given, "0"))
		return 0;
	if (req->verb == REQUEST_UPDATE)
		op->is_conditional = true;
	if (str_to_u64(given, 0, INT64_MAX, &n, NULL) == 0 && n == rev)
		return 0;
	op->is_conditional = true;
	return status_conflict(&req->st, req->res, req->name,
			       "the object has been modified; please apply your changes to the "
			       "latest version and try again");
}

/* Puts old's member in the place of obj's, or takes obj's out when old has none. */
static void keep(struct op *op, const struct json *old, struct json *obj, const char *key)
{
	const struct json *n = json_get(old, key);

	if (n)
		json_set(obj, key, json_clone(&op->arena, n));
	else
		json_remove(obj, key);
}

/* A write of the status: what of metadata is the stored object's. */
static void keep_metadata(struct op *op, const struct json *old, struct json *obj)
{
	static const char *const all[] = {"labels", "annotations", "finalizers", "ownerReferences"};
	const struct api_field_node *kept = api_field_set_find(
		api_managed_kept_in_status(op->req->res->kind), STR("f:metadata"));
	const size_t prefix = STR("f:").len;

	if (!kept)
		return;
	for (size_t i = 0; i < kept->below.n; i++)
		keep(op, old, obj,
		     str_cstr(&op->arena, str_skip(kept->below.nodes[i].elem, prefix)));
	for (size_t i = 0; i < ARRAY_LEN(all) && kept->is_member; i++)
		keep(op, old, obj, all[i]);
}

/* A write of the status: the rest of the object is the old one, but for metadata. */
static void keep_all_but_status(struct op *op, const struct json *old, struct json *obj)
{
	json_foreach(n, obj) {
		if (!str_eq_c(n->key, "status") && !str_eq_c(n->key, "metadata") &&
		    !json_get_str(old, n->key))
			json_unlink(obj, n);
	}
	json_foreach(n, old) {
		if (!str_eq_c(n->key, "status") && !str_eq_c(n->key, "metadata"))
			json_set_str(obj, n->key, json_clone(&op->arena, n));
	}
}

void prepare_update(struct op *op, const struct json *old, struct json *obj)
{
	static const char *const kept[] = {"uid", "deletionTimestamp",
					   "deletionGracePeriodSeconds"};
	const struct json *old_meta = json_get(old, "metadata");
	struct json *meta = json_get(obj, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (json_is_null(json_get(meta, kept[i])))
			keep(op, old_meta, meta, kept[i]);
	/* What a client says of these is not even looked at. */
	keep(op, old_meta, meta, "creationTimestamp");
	keep(op, old_meta, meta, "generation");
	if (!op->req->is_dry_run) /* which shows it, as a stock server's does */
		json_remove(meta, "selfLink");
	if (str_eq_c(op->req->sub, "status")) {
		keep_all_but_status(op, old, obj);
		keep_metadata(op, old_meta, meta);
		return;
	}
	if (has_status(op))
		keep(op, old, obj, "status");
	if (op->req->res->strategy->keep)
		op->req->res->strategy->keep(op, old, obj);
}

/* Whether the objects differ in what a generation counts: everything but metadata and status, and
 * what the kind adds. */
static bool has_new_generation(const struct op *op, const struct json *old, const struct json *obj)
{
	const struct strategy *strategy = op->req->res->strategy;
	size_t n = 0;

	json_foreach(m, obj) {
		if (str_eq_c(m->key, "metadata") || str_eq_c(m->key, "status") ||
		    str_eq_c(m->key, "kind") || str_eq_c(m->key, "apiVersion"))
			continue;
		n++;
		if (!json_get_str(old, m->key) || !json_eq(json_get_str(old, m->key), m))
			return true;
	}
	json_foreach(m, old) {
		if (!str_eq_c(m->key, "metadata") && !str_eq_c(m->key, "status") &&
		    !str_eq_c(m->key, "kind") && !str_eq_c(m->key, "apiVersion"))
			n--;
	}
	return n != 0 || (strategy->is_new_generation && strategy->is_new_generation(old, obj));
}

void prepare_new_generation(struct op *op, const struct json *old, struct json *obj)
{
	int64_t was = json_get_int(json_get(old, "metadata"), "generation", 0);

	json_set(json_get(obj, "metadata"), "generation", json_new_int(&op->arena, was + 1));
}

void prepare_generation(struct op *op, const struct json *old, struct json *obj)
{
	if (!str_eq_c(op->req->sub, "status") && op->req->res->kind->has_generation &&
	    has_new_generation(op, old, obj))
		prepare_new_generation(op, old, obj);
}

bool prepare_is_finished(const struct op *op, const struct json *obj)
{
	const struct json *meta = json_get(obj, "metadata");
	const struct json *finalizers = json_get(meta, "finalizers");
	const struct strategy *strategy = op->req->res->strategy;

	if (json_is_null(json_get(meta, "deletionTimestamp")) ||
	    (finalizers && finalizers->count) ||
	    json_get_int(meta, "deletionGracePeriodSeconds", 0) > 0)
		return false;
	return !strategy->is_held || !strategy->is_held(obj);
}
