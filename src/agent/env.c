/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/env.h"

#include <ctype.h>

void agent_env_init(struct agent_env *e, struct arena *a)
{
	*e = (struct agent_env){.arena = a};
}

void agent_env_fini(struct agent_env *e)
{
	vec_fini(&e->vars);
	map_fini(&e->index);
}

void agent_env_set(struct agent_env *e, struct str name, struct str value)
{
	uintptr_t at = (uintptr_t)map_get(&e->index, name);

	if (!at) {
		*vec_push(&e->vars) = (struct api_pair){.key = name};
		at = e->vars.len;
		map_put(&e->index, name, (void *)at);
	}
	e->vars.ptr[at - 1].value = value;
}

struct str agent_env_get(const struct agent_env *e, struct str name)
{
	uintptr_t at = (uintptr_t)map_get(&e->index, name);

	return at ? e->vars.ptr[at - 1].value : (struct str){0};
}

/* "redis-primary" -> "REDIS_PRIMARY" */
static const char *variable_name(struct arena *a, struct str name)
{
	char *s = str_cstr(a, name);

	for (char *p = s; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return s;
}

static const char *lower_protocol(enum api_protocol p)
{
	return p == API_UDP ? "udp" : p == API_SCTP ? "sctp" : "tcp";
}

static void add_port(struct agent_env *e, const struct api_service *s, const char *name,
		     const struct api_service_port *p, bool is_first)
{
	struct arena *a = e->arena;
	bool is_v6 = s->n_cluster_addrs > 0 && ip_family(&s->cluster_addrs[0]) == IP_V6;
	struct str ip = s->cluster_ips.ptr[0], number = str_printf(a, "%u", p->port);
	const char *proto = lower_protocol(p->protocol);
	struct str url = str_printf(a, "%s://%s%.*s%s:%u", proto, is_v6 ? "[" : "", STR_ARG(ip),
				    is_v6 ? "]" : "", p->port);
	const char *stem =
		str_printf(a, "%s_PORT_%u_%s", name, p->port, api_protocol_name(p->protocol)).ptr;

	if (is_first)
		agent_env_set(e, str_printf(a, "%s_PORT", name), url);
	agent_env_set(e, str_of(stem), url);
	agent_env_set(e, str_printf(a, "%s_PROTO", stem), str_of(proto));
	agent_env_set(e, str_printf(a, "%s_PORT", stem), number);
	agent_env_set(e, str_printf(a, "%s_ADDR", stem), ip);
}

static void add_service(struct agent_env *e, const struct api_service *s)
{
	struct arena *a = e->arena;
	const char *name = variable_name(a, s->meta.name);

	agent_env_set(e, str_printf(a, "%s_SERVICE_HOST", name), s->cluster_ips.ptr[0]);
	if (s->n_ports > 0)
		agent_env_set(e, str_printf(a, "%s_SERVICE_PORT", name),
			      str_printf(a, "%u", s->ports[0].port));
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].name.len)
			agent_env_set(e,
				      str_printf(a, "%s_SERVICE_PORT_%s", name,
						 variable_name(a, s->ports[i].name)),
				      str_printf(a, "%u", s->ports[i].port));
	for (size_t i = 0; i < s->n_ports; i++)
		add_port(e, s, name, &s->ports[i], i == 0);
}

static bool has_address(const struct api_service *s)
{
	return s->type != API_EXTERNAL_NAME && s->cluster_ips.n > 0 && s->cluster_ips.ptr[0].len &&
	       !str_eq_c(s->cluster_ips.ptr[0], "None");
}

static bool is_master(const struct api_service *s)
{
	return str_eq_c(s->meta.ns, "default") && str_eq_c(s->meta.name, "kubernetes");
}

void agent_env_add_services(struct agent_env *e, const struct api_service *const *services,
			    size_t n, struct str pod_ns, bool has_links)
{
	/* The master first: a Service of that name in the Pod's namespace then replaces it. */
	for (size_t i = 0; i < n; i++)
		if (is_master(services[i]) && has_address(services[i]))
			add_service(e, services[i]);
	for (size_t i = 0; has_links && i < n; i++)
		if (str_eq(services[i]->meta.ns, pod_ns) && has_address(services[i]))
			add_service(e, services[i]);
}

static struct str join_addrs(struct arena *a, const struct ip_addr *addrs, size_t n, size_t max)
{
	struct buf b = BUF_INIT;
	struct str s;

	for (size_t i = 0; i < n && i < max; i++) {
		if (i)
			buf_add_byte(&b, ',');
		ip_add(&b, &addrs[i]);
	}
	s = str_dup(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

/* "metadata.labels['app']" with prefix "metadata.labels": app */
static bool subscript(struct str path, struct str prefix, struct str *ret)
{
	if (!str_has_prefix(path, prefix))
		return false;
	path = str_skip(path, prefix.len);
	if (!str_has_prefix(path, STR("['")) || !str_has_suffix(path, STR("']")) || path.len < 5)
		return false;
	*ret = str_sub(path, 2, path.len - 4);
	return true;
}

static int field(struct arena *a, const struct agent_env_facts *f, struct str path, struct str *ret,
		 struct err *err)
{
	const struct api_pod *p = f->pod;
	const struct {
		const char *path;
		struct str value;
	} simple[] = {
		{"metadata.name", p->meta.name},
		{"metadata.namespace", p->meta.ns},
		{"metadata.uid", p->meta.uid},
		{"spec.nodeName", p->node_name},
		{"spec.serviceAccountName", p->service_account},
	};
	struct str key;

	for (size_t i = 0; i < ARRAY_LEN(simple); i++)
		if (str_eq_c(path, simple[i].path))
			return *ret = simple[i].value, 0;
	if (str_eq_c(path, "status.podIP") || str_eq_c(path, "status.podIPs"))
		return *ret = join_addrs(a, f->pod_addrs, f->n_pod_addrs,
					 str_has_suffix(path, STR("s")) ? 2 : 1),
		       0;
	if (str_eq_c(path, "status.hostIP") || str_eq_c(path, "status.hostIPs"))
		return *ret = join_addrs(a, f->host_addrs, f->n_host_addrs,
					 str_has_suffix(path, STR("s")) ? 2 : 1),
		       0;
	if (subscript(path, STR("metadata.labels"), &key))
		return *ret = api_pairs_get(&p->meta.labels, str_cstr(a, key)), 0;
	if (subscript(path, STR("metadata.annotations"), &key))
		return *ret = api_pairs_get(&p->meta.annotations, str_cstr(a, key)), 0;
	return err_set(err, ERR_INVALID, "valueFrom.fieldRef.fieldPath: '%.*s' is not supported",
		       STR_ARG(path));
}

int agent_env_add_container(struct agent_env *e, const struct agent_env_facts *f,
			    const struct api_container *c, struct err *err)
{
	for (size_t i = 0; i < c->n_env; i++) {
		const struct api_env *v = &c->env[i];
		struct str value;
		int r = 0;

		if (v->field_path.len)
			r = field(e->arena, f, v->field_path, &value, err);
		else
			value = agent_env_expand(e, v->value);
		if (r < 0)
			return err_wrap(err, r, "container '%.*s': env '%.*s'", STR_ARG(c->name),
					STR_ARG(v->name));
		agent_env_set(e, v->name, value.len ? value : STR(""));
	}
	return 0;
}

struct str agent_env_expand(const struct agent_env *e, struct str text)
{
	struct buf b = BUF_INIT;
	struct str ret;

	if (str_find(text, '$') < 0)
		return text;
	for (size_t i = 0; i < text.len; i++) {
		struct str rest = str_skip(text, i + 1), value;
		ptrdiff_t end;

		if (text.ptr[i] != '$' || !rest.len) {
			buf_add_byte(&b, text.ptr[i]);
			continue;
		}
		if (rest.ptr[0] == '$') {
			buf_add_byte(&b, '$');
			i++;
			continue;
		}
		end = rest.ptr[0] == '(' ? str_find(rest, ')') : -1;
		value = end > 0 ? agent_env_get(e, str_sub(rest, 1, (size_t)end - 1))
				: (struct str){0};
		if (!str_is_set(value)) {
			buf_add_byte(&b, '$');
			continue;
		}
		buf_add_str(&b, value);
		i += (size_t)end + 1;
	}
	ret = str_dup(e->arena, buf_str(&b));
	buf_fini(&b);
	return ret;
}
