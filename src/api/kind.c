/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kind.h"

#include "api/schema.h"

const struct api_kind *api_kinds(size_t *ret_n)
{
	*ret_n = api_schema_n_kinds;
	return api_schema_kinds;
}

const struct api_kind *api_kind_by_resource(struct str group, struct str version, struct str plural)
{
	for (size_t i = 0; i < api_schema_n_kinds; i++) {
		const struct api_kind *k = &api_schema_kinds[i];

		if (str_eq_c(plural, k->plural) && str_eq_c(version, k->version) &&
		    str_eq_c(group, k->group))
			return k;
	}
	return NULL;
}

const struct api_kind *api_kind_by_name(struct str api_version, struct str kind)
{
	ptrdiff_t slash = str_find(api_version, '/');
	struct str group = slash < 0 ? STR("") : str_sub(api_version, 0, (size_t)slash);
	struct str version = str_skip(api_version, (size_t)(slash + 1));

	if (slash == 0)
		return NULL;
	for (size_t i = 0; i < api_schema_n_kinds; i++) {
		const struct api_kind *k = &api_schema_kinds[i];

		if (str_eq_c(kind, k->kind) && str_eq_c(version, k->version) &&
		    str_eq_c(group, k->group))
			return k;
	}
	return NULL;
}

const struct api_kind *api_kind_of(const char *kind)
{
	for (size_t i = 0; i < api_schema_n_kinds; i++)
		if (strcmp(api_schema_kinds[i].kind, kind) == 0)
			return &api_schema_kinds[i];
	return NULL;
}

struct str api_kind_api_version(struct arena *a, const struct api_kind *k)
{
	if (!*k->group)
		return str_of(k->version);
	return str_printf(a, "%s/%s", k->group, k->version);
}

struct str api_kind_resource_name(struct arena *a, const struct api_kind *k)
{
	if (!*k->group)
		return str_of(k->plural);
	return str_printf(a, "%s.%s", k->plural, k->group);
}

struct str api_kind_path(struct arena *a, const struct api_kind *k, struct str ns, struct str name)
{
	bool has_ns = k->is_namespaced && ns.len > 0;

	return str_printf(a, "%s%s/%s%s%.*s/%s%s%.*s", *k->group ? "/apis/" : "/api", k->group,
			  k->version, has_ns ? "/namespaces/" : "", has_ns ? (int)ns.len : 0,
			  has_ns ? ns.ptr : "", k->plural, name.len ? "/" : "", STR_ARG(name));
}

/* As str_cmp; most names differ in their first byte. */
static int kind_cmp(struct str name, const struct api_field *f)
{
	size_t n = MIN(name.len, f->name_len);
	int r;

	if (n > 0 && name.ptr[0] != f->name[0])
		return (unsigned char)name.ptr[0] < (unsigned char)f->name[0] ? -1 : 1;
	r = n > 1 ? memcmp(name.ptr + 1, f->name + 1, n - 1) : 0;
	return r ? r : (name.len > f->name_len) - (name.len < f->name_len);
}

const struct api_field *api_field_own(const struct api_type *t, struct str name)
{
	size_t from = 0, to = t->n_fields;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int r = kind_cmp(name, &t->fields[mid]);

		if (r == 0)
			return &t->fields[mid];
		if (r < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

const struct api_field *api_field_find(const struct api_type *t, struct str name)
{
	const struct api_field *f = api_field_own(t, name);

	if (f && !(f->flags & API_FIELD_INLINE))
		return f;
	for (size_t i = 0; t->has_inline && i < t->n_fields; i++) {
		if (!(t->fields[i].flags & API_FIELD_INLINE))
			continue;
		f = api_field_find(t->fields[i].type, name);
		if (f)
			return f;
	}
	return NULL;
}

const struct api_field *api_field_by_number(const struct api_type *t, uint32_t number)
{
	if (number >= t->n_numbers || t->by_number[number] == 0)
		return NULL;
	return &t->fields[t->by_number[number] - 1];
}

const struct api_type *api_type_find(struct str name)
{
	size_t from = 0, to = api_schema_n_types;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int r = str_cmp(name, str_of(api_schema_types[mid]->name));

		if (r == 0)
			return api_schema_types[mid];
		if (r < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}
