/* SPDX-License-Identifier: Apache-2.0 */
#include "api/rules/rules.h"
#include "api/rules/validate.h"

enum {
	WARNINGS_MAX = 50, /* a hostile list gives no endless header */
};

struct api_rules_warnings {
	struct arena *a;
	struct str text[WARNINGS_MAX];
	size_t n;
};

static void add(struct api_rules_warnings *w, const char *fmt, ...) _printf_(2, 3);

static void add(struct api_rules_warnings *w, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_add_str(&b, str_n(line, len < 0 ? 0 : MIN((size_t)len, sizeof(line) - 1)));
	for (size_t i = 0; i < w->n; i++) {
		if (str_eq(w->text[i], buf_str(&b)))
			b.len = 0;
	}
	if (b.len && w->n < WARNINGS_MAX)
		w->text[w->n++] = str_dup(w->a, buf_str(&b));
	buf_fini(&b);
}

static void warn_ip(struct api_rules_warnings *w, const char *field, ptrdiff_t index,
		    struct str text)
{
	char canonical[IP_TEXT_MAX], at[24] = "";
	struct ip_addr addr;
	struct str should;

	if (index >= 0)
		snprintf(at, sizeof(at), "[%td]", index);
	if (ip_parse_sloppy(text, &addr, NULL) < 0)
		return;
	should = ip_format(&addr, canonical);
	if (ip_parse(text, &addr, NULL) < 0)
		add(w, "%s%s: non-standard IP address \"%.*s\" is invalid: use \"%.*s\"", field, at,
		    STR_ARG(text), STR_ARG(should));
	else if (!str_eq(text, should))
		add(w,
		    "%s%s: IPv6 address \"%.*s\" should be in RFC 5952 canonical format "
		    "(\"%.*s\")",
		    field, at, STR_ARG(text), STR_ARG(should));
}

static void warn_cidr(struct api_rules_warnings *w, const char *field, ptrdiff_t index,
		      struct str text)
{
	char subnet[IP_PREFIX_TEXT_MAX], canonical[IP_PREFIX_TEXT_MAX], single[IP_TEXT_MAX];
	struct ip_prefix prefix, base;
	struct str should, host;

	if (ip_prefix_parse(text, &prefix, NULL) < 0)
		return;
	base = (struct ip_prefix){ip_prefix_base(&prefix), prefix.len};
	should = ip_prefix_format(&base, subnet);
	if (!ip_eq(&base.addr, &prefix.addr)) {
		host = ip_format(&prefix.addr, single);
		add(w,
		    "%s[%td]: CIDR value \"%.*s\" is ambiguous in this context (should be \"%.*s\" "
		    "or \"%.*s/%d\"?)",
		    field, index, STR_ARG(text), STR_ARG(should), STR_ARG(host),
		    ip_family(&prefix.addr) == IP_V4 ? 32 : 128);
	} else if (!str_eq(text, ip_prefix_format(&prefix, canonical))) {
		add(w,
		    "%s[%td]: IPv6 CIDR value \"%.*s\" should be in RFC 5952 canonical format "
		    "(\"%.*s\")",
		    field, index, STR_ARG(text), STR_ARG(should));
	}
}

static void warn_each(struct api_rules_warnings *w, const struct json *list, const char *field,
		      void (*warn)(struct api_rules_warnings *w, const char *field, ptrdiff_t index,
				   struct str text))
{
	ptrdiff_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list)
		warn(w, field, i++, str_trim(json_string(it)));
}

static void warn_headless(struct api_rules_warnings *w, const struct json *spec)
{
	struct str affinity = json_get_string(spec, "sessionAffinity");

	if (json_get_string(spec, "loadBalancerIP").len)
		add(w, "spec.loadBalancerIP is ignored for headless services");
	if (api_rules_count(json_get(spec, "externalIPs")))
		add(w, "spec.externalIPs is ignored for headless services");
	if (affinity.len && !str_eq_c(affinity, "None"))
		add(w, "spec.SessionAffinity is ignored for headless services");
}

void api_rules_warn_service(struct api_rules_warnings *w, const struct json *old,
			    const struct json *obj)
{
	static const char hints[] = "service.kubernetes.io/topology-aware-hints";
	const struct json *spec = json_get(obj, "spec");
	bool is_name = str_eq_c(json_get_string(spec, "type"), "ExternalName");
	bool has_external = api_rules_count(json_get(spec, "externalIPs")) > 0;

	if (json_get(json_path(obj, "metadata.annotations"), hints))
		add(w,
		    "annotation %s is deprecated, please use service.kubernetes.io/topology-mode "
		    "instead",
		    hints);
	if (api_rules_service_is_headless(obj))
		warn_headless(w, spec);
	else
		warn_each(w, json_get(spec, "clusterIPs"), "spec.clusterIPs", warn_ip);
	warn_each(w, json_get(spec, "externalIPs"), "spec.externalIPs", warn_ip);
	if (has_external && !is_name && !api_rules_service_is_headless(obj))
		add(w, "spec.externalIPs is deprecated and may no longer be implemented in some "
		       "clusters");
	warn_ip(w, "spec.loadBalancerIP", -1, json_get_string(spec, "loadBalancerIP"));
	warn_each(w, json_get(spec, "loadBalancerSourceRanges"), "spec.loadBalancerSourceRanges",
		  warn_cidr);
	if (is_name && has_external)
		add(w, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (!is_name && json_get_string(spec, "externalName").len)
		add(w, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
	if (str_eq_c(json_get_string(spec, "trafficDistribution"), "PreferClose"))
		add(w, "spec.trafficDistribution: \"PreferClose\" is deprecated; use "
		       "\"PreferSameZone\"");
}

static void warn_at(struct api_rules_warnings *w, struct str path, struct str text)
{
	warn_ip(w, str_cstr(w->a, path), -1, text);
}

/* The texts of list's items, or of their member `key`; where[N]suffix says which. */
static void warn_list(struct api_rules_warnings *w, const struct json *list, struct str where,
		      const char *key, const char *suffix)
{
	size_t i = 0;

	if (!json_is(list, JSON_ARRAY))
		return;
	json_foreach(it, list) {
		struct str text = key ? json_get_string(it, key) : json_string(it);

		warn_at(w, str_printf(w->a, "%.*s[%zu]%s", STR_ARG(where), i++, suffix), text);
	}
}

void api_rules_warn_endpoints(struct api_rules_warnings *w, const struct json *old,
			      const struct json *obj)
{
	static const char *const lists[] = {"addresses", "notReadyAddresses"};
	const struct json *subsets = json_get(obj, "subsets");
	size_t i = 0;

	if (!json_is(subsets, JSON_ARRAY))
		return;
	json_foreach(it, subsets) {
		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			warn_list(w, json_get(it, lists[k]),
				  str_printf(w->a, "subsets[%zu].%s", i, lists[k]), "ip", ".ip");
		i++;
	}
}

void api_rules_warn_slice(struct api_rules_warnings *w, const struct json *old,
			  const struct json *obj)
{
	const struct json *endpoints = json_get(obj, "endpoints");
	size_t i = 0;

	if (str_eq_c(json_get_string(obj, "addressType"), "FQDN") && !old)
		add(w, "spec.addressType: FQDN endpoints are deprecated");
	if (!json_is(endpoints, JSON_ARRAY))
		return;
	json_foreach(it, endpoints)
		warn_list(w, json_get(it, "addresses"),
			  str_printf(w->a, "endpoints[%zu].addresses", i++), NULL, "");
}

/* What makes names of Pods had better be a label of the DNS. */
void api_rules_warn_workload(struct api_rules_warnings *w, const struct json *old,
			     const struct json *obj)
{
	struct api_problems problems = {.n = 0};
	struct buf b = BUF_INIT;

	if (old)
		return;
	api_name_dns1123_label(json_string(json_path(obj, "metadata.name")), &problems);
	for (size_t i = 0; i < problems.n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", problems.text[i]);
	if (problems.n)
		add(w,
		    "metadata.name: this is used in Pod names and hostnames, which can result in "
		    "surprising behavior; a DNS label is recommended: [%s]",
		    b.ptr);
	buf_fini(&b);
}

void api_rules_warn_service_status(struct api_rules_warnings *w, const struct json *obj)
{
	const struct json *ingress = json_path(obj, "status.loadBalancer.ingress");
	ptrdiff_t i = 0;

	if (!json_is(ingress, JSON_ARRAY))
		return;
	json_foreach(it, ingress)
		warn_ip(w, "status.loadBalancer.ingress", i++, json_get_string(it, "ip"));
}

const char *api_deprecation(const struct api_kind *kind)
{
	return api_rules_of(kind)->deprecation;
}

static struct api_strs texts_of(const struct api_rules_warnings *w)
{
	struct str *texts = arena_array(w->a, w->n, sizeof(*texts));

	for (size_t i = 0; i < w->n; i++)
		texts[i] = w->text[i];
	return (struct api_strs){texts, w->n};
}

struct api_strs api_warnings(struct arena *a, const struct api_kind *kind, const struct json *obj,
			     const struct json *old)
{
	const struct api_rules *rules = api_rules_of(kind);
	struct api_rules_warnings w = {.a = a};

	if (rules->warn)
		rules->warn(&w, old, obj);
	return texts_of(&w);
}

struct api_strs api_status_warnings(struct arena *a, const struct api_kind *kind,
				    const struct json *obj)
{
	const struct api_rules *rules = api_rules_of(kind);
	struct api_rules_warnings w = {.a = a};

	if (rules->warn_status)
		rules->warn_status(&w, obj);
	return texts_of(&w);
}
