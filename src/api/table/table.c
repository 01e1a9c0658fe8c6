/* SPDX-License-Identifier: Apache-2.0 */
#include "api/table/table.h"

#include "api/kind.h"
#include "api/table/cells.h"
#include "base/clock.h"

#include <stdlib.h>

int api_include_parse(struct str s, enum api_include *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum api_include include;
	} words[] = {
		{"", API_INCLUDE_METADATA},
		{"Metadata", API_INCLUDE_METADATA},
		{"None", API_INCLUDE_NONE},
		{"Object", API_INCLUDE_OBJECT},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_eq_c(s, words[i].name)) {
			*ret = words[i].include;
			return 0;
		}
	}
	return err_set(err, ERR_INVALID,
		       "unrecognized includeObject value: \"%.*s\": supported values: \"None\", "
		       "\"Metadata\", \"Object\"",
		       STR_ARG(str_sub(s, 0, 100)));
}

void api_human_duration(struct buf *b, int64_t ns)
{
	static const struct {
		int64_t below_s, unit_s, part_s; /* part_s: a second number, left out when 0 */
		char unit, part;
	} steps[] = {
		{120, 1, 0, 's', 0},
		{600, 60, 1, 'm', 's'},
		{3 * 3600, 60, 0, 'm', 0},
		{8 * 3600, 3600, 60, 'h', 'm'},
		{48 * 3600, 3600, 0, 'h', 0},
		{8 * 86400, 86400, 3600, 'd', 'h'},
		{2 * 365 * 86400, 86400, 0, 'd', 0},
		{8ll * 365 * 86400, 365 * 86400, 86400, 'y', 'd'},
		{INT64_MAX, 365 * 86400, 0, 'y', 0},
	};
	int64_t s = ns / 1000000000;
	size_t i = 0;

	if (s < 0) {
		buf_add_c(b, s < -1 ? "<invalid>" : "0s");
		return;
	}
	while (s >= steps[i].below_s)
		i++;
	buf_printf(b, "%lld%c", (long long)(s / steps[i].unit_s), steps[i].unit);
	if (steps[i].part_s && s % steps[i].unit_s / steps[i].part_s)
		buf_printf(b, "%lld%c", (long long)(s % steps[i].unit_s / steps[i].part_s),
			   steps[i].part);
}

void api_cells_text(struct api_cells *c, struct str s)
{
	json_append(c->list, json_new_string(c->a, s));
}

void api_cells_or(struct api_cells *c, struct str s, const char *when_empty)
{
	api_cells_text(c, s.len ? s : str_of(when_empty));
}

void api_cells_int(struct api_cells *c, int64_t v)
{
	json_append(c->list, json_new_int(c->a, v));
}

struct str api_cells_age_text(struct api_cells *c, struct str time)
{
	struct buf b = BUF_INIT;
	struct str text;
	int64_t ns, age;

	if (!time.len || clock_parse(time, &ns, NULL) < 0)
		return STR("<unknown>");
	if (__builtin_sub_overflow(c->now_ns, ns, &age))
		age = ns < 0 ? INT64_MAX : INT64_MIN;
	api_human_duration(&b, age);
	text = str_dup(c->a, buf_str(&b));
	buf_fini(&b);
	return text;
}

void api_cells_age(struct api_cells *c, struct str time)
{
	api_cells_text(c, api_cells_age_text(c, time));
}

size_t api_cells_count(const struct json *list)
{
	return json_is(list, JSON_ARRAY) ? list->count : 0;
}

static int str_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct str api_cells_join_sorted(struct api_cells *c, struct str *parts, size_t n)
{
	struct buf b = BUF_INIT;
	struct str text;

	if (n > 1)
		qsort(parts, n, sizeof(*parts), str_order);
	for (size_t i = 0; i < n; i++) {
		if (i && str_eq(parts[i], parts[i - 1]))
			continue;
		if (b.len)
			buf_add_byte(&b, ',');
		buf_add_str(&b, parts[i]);
	}
	text = str_dup(c->a, buf_str(&b));
	buf_fini(&b);
	return text;
}

static size_t members(const struct json *obj, const char *key)
{
	const struct json *n = json_get(obj, key);

	return json_is(n, JSON_OBJECT) || json_is(n, JSON_ARRAY) ? n->count : 0;
}

static void name_cell(struct api_cells *c, const struct json *obj)
{
	api_cells_text(c, json_string(json_path(obj, "metadata.name")));
}

static void age_cell(struct api_cells *c, const struct json *obj)
{
	api_cells_age(c, json_string(json_path(obj, "metadata.creationTimestamp")));
}

static void cells_namespace(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	api_cells_text(c, json_string(json_path(obj, "status.phase")));
	age_cell(c, obj);
}

static void cells_config_map(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	api_cells_int(c, (int64_t)(members(obj, "data") + members(obj, "binaryData")));
	age_cell(c, obj);
}

static void cells_secret(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	api_cells_text(c, json_get_string(obj, "type"));
	api_cells_int(c, (int64_t)members(obj, "data"));
	age_cell(c, obj);
}

static void cells_service_account(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	age_cell(c, obj);
}

static void cells_lease(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	api_cells_text(c, json_string(json_path(obj, "spec.holderIdentity")));
	age_cell(c, obj);
}

static void cells_service_cidr(struct api_cells *c, const struct json *obj)
{
	const struct json *list = json_path(obj, "spec.cidrs");
	struct buf b = BUF_INIT;

	if (json_is(list, JSON_ARRAY)) {
		json_foreach(it, list)
			buf_printf(&b, "%s%.*s", b.len ? "," : "", STR_ARG(json_string(it)));
	}
	name_cell(c, obj);
	api_cells_text(c, str_dup(c->a, buf_str(&b)));
	age_cell(c, obj);
	buf_fini(&b);
}

/* "services/default/web"; the third cell, an age, has no column in Kubernetes either. */
static void cells_ip_address(struct api_cells *c, const struct json *obj)
{
	static const char *const parts[] = {"group", "resource", "namespace", "name"};
	const struct json *ref = json_path(obj, "spec.parentRef");
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct str part = json_get_string(ref, parts[i]);

		if (part.len)
			buf_printf(&b, "%s%.*s", !b.len ? "" : i == 1 ? "." : "/", STR_ARG(part));
	}
	name_cell(c, obj);
	api_cells_text(c, str_dup(c->a, buf_str(&b)));
	age_cell(c, obj);
	buf_fini(&b);
}

static void cells_scale(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	api_cells_int(c, json_get_int(json_get(obj, "spec"), "replicas", 0));
	api_cells_int(c, json_get_int(json_get(obj, "status"), "replicas", 0));
	age_cell(c, obj);
}

static void cells_other(struct api_cells *c, const struct json *obj)
{
	name_cell(c, obj);
	age_cell(c, obj);
}

static const struct api_printer {
	const char *kind;
	void (*print)(struct api_cells *c, const struct json *obj);
	/* What a row says beside its cells; NULL: nothing. */
	void (*add_conditions)(struct arena *a, struct json *row, const struct json *obj);
} printers[] = {
	{"Service", api_cells_service},
	{"Endpoints", api_cells_endpoints},
	{"EndpointSlice", api_cells_endpoint_slice},
	{"Pod", api_cells_pod, api_cells_pod_conditions},
	{"Node", api_cells_node},
	{"Event", api_cells_event},
	{"Deployment", api_cells_deployment},
	{"ReplicaSet", api_cells_replica_set},
	{"Namespace", cells_namespace},
	{"ConfigMap", cells_config_map},
	{"Secret", cells_secret},
	{"ServiceAccount", cells_service_account},
	{"Lease", cells_lease},
	{"ServiceCIDR", cells_service_cidr},
	{"IPAddress", cells_ip_address},
	{"Scale", cells_scale},
	{"Role", api_cells_role},
	{"ClusterRole", api_cells_role},
	{"RoleBinding", api_cells_role_binding},
	{"ClusterRoleBinding", api_cells_role_binding},
	{NULL, cells_other},
};

static struct str meta_version(bool is_beta)
{
	return is_beta ? STR("meta.k8s.io/v1beta1") : STR("meta.k8s.io/v1");
}

static struct json *new_object(struct arena *a, const char *kind, bool is_beta)
{
	struct json *obj = json_new(a, JSON_OBJECT);

	json_set(obj, "kind", json_new_string(a, str_of(kind)));
	json_set(obj, "apiVersion", json_new_string(a, meta_version(is_beta)));
	return obj;
}

static void add_column(struct arena *a, struct json *list, const struct api_column *column)
{
	struct json *obj = json_append(list, json_new(a, JSON_OBJECT));

	json_set(obj, "name", json_new_string(a, str_of(column->name)));
	json_set(obj, "type", json_new_string(a, str_of(column->type)));
	json_set(obj, "format", json_new_string(a, str_of(column->format ? column->format : "")));
	json_set(obj, "description",
		 json_new_string(a, str_of(column->description ? column->description : "")));
	json_set(obj, "priority", json_new_int(a, column->priority));
}

static struct json *columns(struct arena *a, const struct api_kind *kind)
{
	static const struct api_column others[] = {
		{"Name", "string", "name", "Name of the object.", 0},
		{"Age", "string", "", "Time since it was made.", 0},
	};
	struct json *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < kind->n_columns; i++)
		add_column(a, list, &kind->columns[i]);
	for (size_t i = 0; !kind->n_columns && i < ARRAY_LEN(others); i++)
		add_column(a, list, &others[i]);
	return list;
}

void api_table_init(struct api_table *t, struct arena *a, const struct api_kind *kind,
		    struct json *list_meta, const struct api_table_opts *opts)
{
	*t = (struct api_table){.a = a, .kind = kind, .opts = opts, .printer = printers};
	while (t->printer->kind && !str_eq_c(str_of(kind->kind), t->printer->kind))
		t->printer++;
	t->tree = new_object(a, "Table", opts->is_beta);
	json_set(t->tree, "metadata", list_meta ? list_meta : json_new(a, JSON_OBJECT));
	json_set(t->tree, "columnDefinitions",
		 opts->has_columns ? columns(a, kind) : json_new(a, JSON_NULL));
	t->rows = json_set(t->tree, "rows", json_new(a, JSON_ARRAY));
}

struct json *api_partial_metadata(struct arena *a, struct json *obj, bool is_beta)
{
	struct json *meta = json_get(obj, "metadata");
	struct json *part = new_object(a, "PartialObjectMetadata", is_beta);

	if (meta)
		json_unlink(obj, meta);
	json_set(part, "metadata", meta ? meta : json_new(a, JSON_OBJECT));
	return part;
}

static struct json *row_object(const struct api_table *t, struct json *obj,
			       enum api_include include)
{
	if (include == API_INCLUDE_NONE)
		return json_new(t->a, JSON_NULL);
	if (include == API_INCLUDE_METADATA)
		return api_partial_metadata(t->a, obj, t->opts->is_beta);
	if (!json_get(obj, "apiVersion"))
		json_prepend(obj, "apiVersion",
			     json_new_string(t->a, api_kind_api_version(t->a, t->kind)));
	if (!json_get(obj, "kind"))
		json_prepend(obj, "kind", json_new_string(t->a, str_of(t->kind->kind)));
	return obj;
}

void api_table_add(struct api_table *t, struct json *obj)
{
	struct json *row = json_append(t->rows, json_new(t->a, JSON_OBJECT));
	struct api_cells c = {t->a, json_set(row, "cells", json_new(t->a, JSON_ARRAY)),
			      t->opts->now_ns};

	t->printer->print(&c, obj);
	if (t->printer->add_conditions)
		t->printer->add_conditions(t->a, row, obj);
	json_set(row, "object", row_object(t, obj, t->opts->include));
}

void api_table_add_bookmark(struct api_table *t, struct str resource_version)
{
	struct arena *a = t->a;
	struct json *row = json_append(t->rows, json_new(a, JSON_OBJECT));
	struct json *obj = json_new(a, JSON_OBJECT);
	struct json *meta = json_set(obj, "metadata", json_new(a, JSON_OBJECT));
	enum api_include include = t->opts->include;

	/* Whatever is included, the version has to be told. */
	if (include == API_INCLUDE_NONE)
		include = API_INCLUDE_METADATA;
	json_set(meta, "resourceVersion", json_new_string(a, resource_version));
	json_set(row, "cells", json_new(a, JSON_ARRAY));
	json_set(row, "object", row_object(t, obj, include));
}
