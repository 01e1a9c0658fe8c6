/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/etc.h"

struct str agent_etc_hostname(const struct api_pod *pod)
{
	return str_sub(pod->hostname.len ? pod->hostname : pod->meta.name, 0, 63);
}

static int write_hosts(const struct agent_place *p, struct err *err)
{
	struct str name = agent_etc_hostname(p->spec);
	char text[IP_TEXT_MAX];
	struct buf b = BUF_INIT;
	int r;

	buf_add_c(&b, "# made by fairlead agent\n127.0.0.1\tlocalhost\n::1\tlocalhost "
		      "ip6-localhost ip6-loopback\n");
	for (size_t i = 0; i < p->box->n_addrs; i++) {
		buf_printf(&b, "%.*s\t", STR_ARG(ip_format(&p->box->addrs[i], text)));
		if (p->spec->subdomain.len)
			buf_printf(&b, "%.*s.%.*s.%.*s.svc.%s\t", STR_ARG(name),
				   STR_ARG(p->spec->subdomain), STR_ARG(p->spec->meta.ns),
				   p->agent->config.domain);
		buf_printf(&b, "%.*s\n", STR_ARG(name));
	}
	r = agent_sandbox_write_etc(p->box, "hosts", buf_str(&b), err);
	buf_clear(&b);
	buf_printf(&b, "%.*s\n", STR_ARG(name));
	if (r == 0)
		r = agent_sandbox_write_etc(p->box, "hostname", buf_str(&b), err);
	buf_fini(&b);
	return r;
}

/* ClusterFirst is for Pods with a network of their own, …WithHostNet for the others. */
static bool has_cluster_dns(const struct agent_place *p)
{
	struct str policy = p->spec->dns_policy;

	if (!p->agent->config.n_dns || str_eq_c(policy, "Default") || str_eq_c(policy, "None"))
		return false;
	return !p->spec->is_host_network || str_eq_c(policy, "ClusterFirstWithHostNet");
}

static int write_resolv_conf(const struct agent_place *p, struct err *err)
{
	const struct agent_config *c = &p->agent->config;
	char text[IP_TEXT_MAX];
	struct buf b = BUF_INIT;
	int r;

	if (!has_cluster_dns(p))
		return 0;
	for (size_t i = 0; i < c->n_dns; i++)
		buf_printf(&b, "nameserver %.*s\n", STR_ARG(ip_format(&c->dns[i], text)));
	buf_printf(&b, "search %.*s.svc.%s svc.%s %s\noptions ndots:5\n", STR_ARG(p->spec->meta.ns),
		   c->domain, c->domain, c->domain);
	r = agent_sandbox_write_etc(p->box, "resolv.conf", buf_str(&b), err);
	buf_fini(&b);
	return r;
}

int agent_etc_write(const struct agent_place *p, struct err *err)
{
	int r = p->box->has_host_network ? 0 : write_hosts(p, err);

	return r < 0 ? r : write_resolv_conf(p, err);
}
