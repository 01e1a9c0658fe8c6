/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"

enum {
	ANNOTATIONS_BYTES_MAX = 256 * 1024, /* keys and values together */
	MANAGER_BYTES_MAX = 128,
};

static const struct api_path metadata = {.name = "metadata"};

/* generateName may end in '-': the last two characters stand for whatever is appended. */
static void check_generate_name(const struct json *meta, const struct api_rules *rules,
				struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "generateName");
	struct str name = json_get_string(meta, "generateName"), as_if = name;
	struct api_problems problems = {.n = 0};

	if (!name.len)
		return;
	if (name.len > 1 && str_has_suffix(name, STR("-")))
		as_if = str_printf(c->a, "%.*sa", STR_ARG(str_sub(name, 0, name.len - 2)));
	rules->name(as_if, &problems);
	for (size_t i = 0; i < problems.n; i++)
		api_causes_invalid(c, &p, name, problems.text[i]);
}

static void check_namespace(const struct json *meta, bool is_namespaced, struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "namespace");
	struct str ns = json_get_string(meta, "namespace");

	if (!is_namespaced && ns.len)
		api_causes_forbidden(c, &p, "not allowed on this type");
	else if (is_namespaced && !ns.len)
		api_causes_required(c, &p, NULL);
	else if (is_namespaced)
		api_rules_check_name(c, &p, ns, api_name_dns1123_label);
}

static struct str lower(struct arena *a, struct str s)
{
	char *text = str_cstr(a, s);

	for (size_t i = 0; i < s.len; i++) {
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] + 'a' - 'A');
	}
	return str_n(text, s.len);
}

void api_rules_check_annotations(struct api_causes *c, const struct api_path *p,
				 const struct json *annotations)
{
	size_t bytes = 0;

	if (!json_is(annotations, JSON_OBJECT))
		return;
	json_foreach(it, annotations) {
		struct api_problems problems = {.n = 0};

		api_name_qualified(lower(c->a, it->key), &problems);
		for (size_t i = 0; i < problems.n; i++)
			api_causes_invalid(c, p, it->key, problems.text[i]);
		bytes += it->key.len + json_string(it).len;
	}
	if (bytes > ANNOTATIONS_BYTES_MAX)
		api_causes_too_long(c, p, ANNOTATIONS_BYTES_MAX);
}

/* "v1" or "apps/v1". */
static bool has_version(struct str s)
{
	ptrdiff_t slash = str_find(s, '/');
	struct str version = slash < 0 ? s : str_skip(s, (size_t)slash + 1);

	return version.len && str_find(version, '/') < 0;
}

static void check_owner(const struct json *owner, const struct api_path *p, struct api_causes *c)
{
	static const char *const needed[] = {"kind", "name", "uid"};
	struct api_path version_path = api_path_child(p, "apiVersion");
	struct str version = json_get_string(owner, "apiVersion");

	if (!has_version(version))
		api_causes_invalid(c, &version_path, version, "version must not be empty");
	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		struct api_path child = api_path_child(p, needed[i]);

		if (!json_get_string(owner, needed[i]).len)
			api_causes_invalid(c, &child, STR(""), "must not be empty");
	}
	if (str_eq_c(json_get_string(owner, "kind"), "Event") &&
	    (str_eq_c(version, "v1") || str_eq_c(version, "/v1") ||
	     str_has_prefix(version, STR("events.k8s.io/"))))
		api_causes_invalid_json(
			c, p, owner,
			str_printf(c->a, "%s%.*s, Kind=Event is disallowed from being an owner",
				   str_find(version, '/') < 0 ? "/" : "", STR_ARG(version))
				.ptr);
}

static struct str owner_name(struct arena *a, const struct json *owner)
{
	return str_printf(a, "%.*s/%.*s", STR_ARG(json_get_string(owner, "kind")),
			  STR_ARG(json_get_string(owner, "name")));
}

static void check_owners(const struct json *meta, struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "ownerReferences");
	const struct json *owners = json_get(meta, "ownerReferences");
	struct str controller = {0};

	if (!json_is(owners, JSON_ARRAY))
		return;
	json_foreach(it, owners) {
		/* Without the index: that is how the path has always been told. */
		check_owner(it, &p, c);
		if (!json_get_bool(it, "controller", false))
			continue;
		if (str_is_set(controller))
			api_causes_invalid_json(
				c, &p, owners,
				str_printf(c->a,
					   "Only one reference can have Controller set to true. "
					   "Found \"true\" in references for %.*s and %.*s",
					   STR_ARG(controller), STR_ARG(owner_name(c->a, it)))
					.ptr);
		else
			controller = owner_name(c->a, it);
	}
}

static void check_finalizers(const struct json *meta, struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "finalizers");
	const struct json *finalizers = json_get(meta, "finalizers");

	if (!json_is(finalizers, JSON_ARRAY))
		return;
	json_foreach(it, finalizers)
		api_rules_check_name(c, &p, json_string(it), api_name_qualified);
	if (api_rules_has_string(finalizers, STR("orphan")) &&
	    api_rules_has_string(finalizers, STR("foregroundDeletion")))
		api_causes_invalid_json(
			c, &p, finalizers,
			"finalizer orphan and foregroundDeletion cannot be both set");
}

static void check_standard_finalizers(const struct json *meta, struct api_causes *c)
{
	static const char *const standard[] = {"orphan", "foregroundDeletion", "kubernetes"};
	struct api_path p = api_path_child(&metadata, "finalizers");
	const struct json *finalizers = json_get(meta, "finalizers");
	size_t i = 0;

	if (!json_is(finalizers, JSON_ARRAY))
		return;
	json_foreach(it, finalizers) {
		struct api_path at = api_path_at(&p, i++);
		struct str name = json_string(it);
		bool is_standard = str_find(name, '/') >= 0;

		for (size_t k = 0; k < ARRAY_LEN(standard); k++)
			is_standard = is_standard || str_eq_c(name, standard[k]);
		if (!is_standard)
			api_causes_invalid(c, &at, name,
					   "name is neither a standard finalizer name nor is it "
					   "fully qualified");
	}
}

static void check_managed_fields(const struct json *meta, struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "managedFields");
	const struct json *list = json_get(meta, "managedFields");
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct api_path at = api_path_at(&p, i++);
		struct api_path operation_path = api_path_child(&at, "operation");
		struct api_path type_path = api_path_child(&at, "fieldsType");
		struct api_path manager_path = api_path_child(&at, "manager");
		struct str operation = json_get_string(it, "operation");
		struct str type = json_get_string(it, "fieldsType");

		if (!str_eq_c(operation, "Apply") && !str_eq_c(operation, "Update"))
			api_causes_invalid(c, &operation_path, operation,
					   "must be `Apply` or `Update`");
		if (type.len && !str_eq_c(type, "FieldsV1"))
			api_causes_invalid(c, &type_path, type, "must be `FieldsV1`");
		if (json_get_string(it, "manager").len > MANAGER_BYTES_MAX)
			api_causes_too_long(c, &manager_path, MANAGER_BYTES_MAX);
	}
}

static void check_common(const struct json *meta, struct api_causes *c)
{
	struct api_path labels = api_path_child(&metadata, "labels");
	struct api_path annotations = api_path_child(&metadata, "annotations");

	api_rules_check_labels(c, &labels, json_get(meta, "labels"));
	api_rules_check_annotations(c, &annotations, json_get(meta, "annotations"));
	check_owners(meta, c);
}

void api_rules_meta_create(const struct json *obj, bool is_namespaced,
			   const struct api_rules *rules, struct api_causes *c)
{
	const struct json *meta = json_get(obj, "metadata");
	struct api_path name_path = api_path_child(&metadata, "name");
	struct api_path generation_path = api_path_child(&metadata, "generation");
	struct str name = json_get_string(meta, "name");
	int64_t generation = json_get_int(meta, "generation", 0);

	check_generate_name(meta, rules, c);
	if (!name.len)
		api_causes_required(c, &name_path, "name or generateName is required");
	else
		api_rules_check_name(c, &name_path, name, rules->name);
	check_namespace(meta, is_namespaced, c);
	if (generation < 0)
		api_causes_invalid_int(c, &generation_path, generation,
				       "must be greater than or equal to 0");
	check_common(meta, c);
	check_finalizers(meta, c);
	check_managed_fields(meta, c);
	check_standard_finalizers(meta, c);
}

static void check_no_new_finalizers(const struct json *before, const struct json *after,
				    struct api_causes *c)
{
	struct api_path p = api_path_child(&metadata, "finalizers");
	const struct json *had = json_get(before, "finalizers"),
			  *has = json_get(after, "finalizers");
	struct buf extra = BUF_INIT;
	struct map old = {0};

	if (json_is_null(json_get(before, "deletionTimestamp")) || !json_is(has, JSON_ARRAY))
		return;
	if (json_is(had, JSON_ARRAY))
		json_foreach(it, had)
			(void)api_rules_seen(&old, json_string(it));
	json_foreach(it, has) {
		if (!map_get(&old, json_string(it)))
			buf_printf(&extra, "%s\"%.*s\"", extra.len ? ", " : "",
				   STR_ARG(json_string(it)));
	}
	if (extra.len) {
		struct str detail = str_printf(
			c->a,
			"no new finalizers can be added if the object is being deleted, found "
			"new finalizers []string{%s}",
			extra.ptr);

		api_causes_forbidden(c, &p, detail.ptr);
	}
	map_fini(&old);
	buf_fini(&extra);
}

static void check_unchanging(const struct json *before, const struct json *after,
			     struct api_causes *c)
{
	static const char *const immutable[] = {
		"name",
		"namespace",
		"uid",
		"creationTimestamp",
		"deletionTimestamp",
		"deletionGracePeriodSeconds",
	};
	struct api_path version_path = api_path_child(&metadata, "resourceVersion");
	struct api_path generation_path = api_path_child(&metadata, "generation");
	int64_t generation = json_get_int(after, "generation", 0);

	check_no_new_finalizers(before, after, c);
	if (!json_get_string(after, "resourceVersion").len)
		api_causes_invalid(c, &version_path, STR(""), "must be specified for an update");
	if (generation < json_get_int(before, "generation", 0))
		api_causes_invalid_int(c, &generation_path, generation, "must not be decremented");
	for (size_t i = 0; i < ARRAY_LEN(immutable); i++) {
		struct api_path p = api_path_child(&metadata, immutable[i]);

		if (!api_rules_same(json_get(before, immutable[i]), json_get(after, immutable[i])))
			api_causes_invalid_json(c, &p, json_get(after, immutable[i]),
						"field is immutable");
	}
}

void api_rules_meta_update(const struct json *old, const struct json *obj,
			   const struct api_rules *rules, struct api_causes *c)
{
	const struct json *before = json_get(old, "metadata"), *after = json_get(obj, "metadata");

	for (size_t i = 0; i < MAX(rules->told.unchanging, 1); i++)
		check_unchanging(before, after, c);
	for (size_t i = 0; i < MAX(rules->told.common, 1); i++)
		check_common(after, c);
	for (size_t i = 0; i < MAX(rules->told.finalizers, 1); i++)
		check_finalizers(after, c);
	check_managed_fields(after, c);
	if (rules->told.generate_name)
		check_generate_name(after, rules, c);
	for (size_t i = 0; i < MAX(rules->told.standard, 1); i++)
		check_standard_finalizers(after, c);
}
