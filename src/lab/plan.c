/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/plan.h"

static struct ip_addr v6(unsigned third, unsigned fourth, unsigned host)
{
	uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8};

	b[4] = (uint8_t)(third >> 8);
	b[5] = (uint8_t)third;
	b[6] = (uint8_t)(fourth >> 8);
	b[7] = (uint8_t)fourth;
	b[15] = (uint8_t)host;
	return ip_from_bytes(b, IP_V6);
}

struct ip_prefix lab_plan_addr(enum lab_net net, enum ip_family family, unsigned host)
{
	static const struct {
		uint32_t base;
		uint8_t len;
	} v4[] = {{0xc6336400, 24}, {0xcb007100, 25}, {0xcb007180, 25}};

	if (family == IP_V6)
		return (struct ip_prefix){v6(0, (unsigned)net + 1, host), 64};
	return (struct ip_prefix){ip_from_v4(v4[net].base + host), v4[net].len};
}

struct ip_prefix lab_plan_pods(enum ip_family family, unsigned node)
{
	if (family == IP_V6)
		return (struct ip_prefix){v6(0x244, node, 0), 64};
	return (struct ip_prefix){ip_from_v4(0x0af40000 + (node << 8)), 24};
}

struct str lab_plan_addrs(struct arena *a, enum lab_net net, unsigned host, bool has_v6)
{
	struct ip_prefix four = lab_plan_addr(net, IP_V4, host);
	struct ip_prefix six = lab_plan_addr(net, IP_V6, host);
	char t4[IP_TEXT_MAX], t6[IP_TEXT_MAX];

	if (!has_v6)
		return str_dup(a, ip_format(&four.addr, t4));
	return str_printf(a, "%.*s,%.*s", STR_ARG(ip_format(&four.addr, t4)),
			  STR_ARG(ip_format(&six.addr, t6)));
}

struct str lab_plan_pod_cidrs(struct arena *a, unsigned node, bool has_v6)
{
	struct ip_prefix four = lab_plan_pods(IP_V4, node), six = lab_plan_pods(IP_V6, node);
	char t4[IP_PREFIX_TEXT_MAX], t6[IP_PREFIX_TEXT_MAX];

	if (!has_v6)
		return str_dup(a, ip_prefix_format(&four, t4));
	return str_printf(a, "%.*s,%.*s", STR_ARG(ip_prefix_format(&four, t4)),
			  STR_ARG(ip_prefix_format(&six, t6)));
}
