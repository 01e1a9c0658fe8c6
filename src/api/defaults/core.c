/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, Namespaces, Secrets. */
#include "api/defaults/defaults-internal.h"
#include "json/index.h"

/* The older field is the first of the newer; where they differ, an older client has set its own. */
static void defaults_pod_cidrs(struct arena *a, struct json *obj)
{
	struct json *spec = json_get(obj, "spec"), *list = json_get(spec, "podCIDRs");
	struct str one = json_get_string(spec, "podCIDR"), first = json_string(json_at(list, 0));

	if (one.len && !str_eq(one, first)) {
		list = json_set(spec, "podCIDRs", json_new(a, JSON_ARRAY));
		json_append(list, json_new_string(a, one));
	} else if (!one.len && first.len) {
		json_set(spec, "podCIDR", json_new_string(a, first));
	}
}

void api_defaults_node(struct arena *a, struct json *obj)
{
	struct json *status = json_get(obj, "status");
	const struct json *capacity = json_get(status, "capacity");

	defaults_pod_cidrs(a, obj);
	if (json_is(capacity, JSON_OBJECT) && !json_get(status, "allocatable"))
		json_set(status, "allocatable", json_clone(a, capacity));
}

static void add_texts(struct arena *a, struct json *data, const struct json *texts)
{
	struct buf b = BUF_INIT;
	struct json_index x;

	json_index_init(&x, data);
	json_foreach(t, texts) {
		struct json *d = json_index_get(&x, t->key);

		if (!d) {
			d = json_new(a, JSON_STRING);
			d->key = t->key;
			json_append(data, d);
			json_index_add(&x, d);
		}
		buf_clear(&b);
		buf_add_base64(&b, json_string(t));
		d->type = JSON_STRING;
		d->string = str_dup(a, buf_str(&b));
	}
	json_index_fini(&x);
	buf_fini(&b);
}

/* stringData is for writing only: its texts become data, over what is there. */
void api_defaults_secret(struct arena *a, struct json *obj)
{
	const struct json *texts = json_get(obj, "stringData");

	if (!texts)
		return;
	if (json_is(texts, JSON_OBJECT) && texts->count)
		add_texts(a, json_object_at(a, obj, "data"), texts);
	json_remove(obj, "stringData");
}

/* Every namespace can be selected by its name. */
void api_defaults_namespace(struct arena *a, struct json *obj)
{
	struct json *meta = json_get(obj, "metadata");
	struct str name = json_get_string(meta, "name");
	struct json *labels;

	if (name.len == 0)
		return;
	labels = json_object_at(a, meta, "labels");
	if (!str_eq(json_get_string(labels, "kubernetes.io/metadata.name"), name))
		json_set(labels, "kubernetes.io/metadata.name", json_new_string(a, name));
}
