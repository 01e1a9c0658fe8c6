/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ipam.h"

int agent_ipam_init(struct agent_ipam *i, const struct ip_prefix *range, struct err *err)
{
	bool is_v4 = ip_family(&range->addr) == IP_V4;
	unsigned host_bits = (is_v4 ? 32U : 128U) - range->len;
	uint32_t size = host_bits >= 16 ? AGENT_IPAM_MAX : 1U << host_bits;
	char text[IP_PREFIX_TEXT_MAX];

	/* All 65,536 of a larger range end before its last address. */
	if (is_v4 && host_bits <= 16 && size > 1)
		size--;
	if (size < 2)
		return err_set(err, ERR_INVALID, "range %.*s: too small for a Pod's address",
			       STR_ARG(ip_prefix_format(range, text)));
	*i = (struct agent_ipam){.range = *range, .size = size, .at = 1};
	i->range.addr = ip_prefix_base(range);
	i->bits = mem_xarray(size / 8 + 1, 1);
	return 0;
}

void agent_ipam_fini(struct agent_ipam *i)
{
	free(i->bits);
	i->bits = NULL;
}

static bool is_taken(const struct agent_ipam *i, uint32_t n)
{
	return i->bits[n / 8] & (1U << (n % 8));
}

static void take(struct agent_ipam *i, uint32_t n)
{
	i->bits[n / 8] = (uint8_t)(i->bits[n / 8] | (1U << (n % 8)));
	i->taken++;
}

int agent_ipam_next(struct agent_ipam *i, struct ip_addr *ret, struct err *err)
{
	char text[IP_PREFIX_TEXT_MAX];

	if (i->taken == i->size - 1)
		return err_set(err, ERR_LIMIT, "range %.*s: all %u addresses are taken",
			       STR_ARG(ip_prefix_format(&i->range, text)), i->taken);
	while (is_taken(i, i->at))
		i->at = i->at + 1 < i->size ? i->at + 1 : 1;
	take(i, i->at);
	*ret = ip_plus(&i->range.addr, i->at);
	i->at = i->at + 1 < i->size ? i->at + 1 : 1;
	return 0;
}

static bool find(const struct agent_ipam *i, const struct ip_addr *a, uint32_t *ret)
{
	uint64_t n;

	if (!ip_offset(&i->range.addr, a, &n) || n == 0 || n >= i->size)
		return false;
	*ret = (uint32_t)n;
	return true;
}

int agent_ipam_take(struct agent_ipam *i, const struct ip_addr *a, struct err *err)
{
	char text[IP_TEXT_MAX], range[IP_PREFIX_TEXT_MAX];
	uint32_t n;

	if (!find(i, a, &n))
		return err_set(err, ERR_INVALID, "address %.*s is not of range %.*s",
			       STR_ARG(ip_format(a, text)),
			       STR_ARG(ip_prefix_format(&i->range, range)));
	if (is_taken(i, n))
		return err_set(err, ERR_EXISTS, "address %.*s is taken already",
			       STR_ARG(ip_format(a, text)));
	take(i, n);
	if (n == i->at || (n > i->at && n - i->at < i->size / 2))
		i->at = n + 1 < i->size ? n + 1 : 1;
	return 0;
}

void agent_ipam_release(struct agent_ipam *i, const struct ip_addr *a)
{
	uint32_t n;

	if (!find(i, a, &n) || !is_taken(i, n))
		return;
	i->bits[n / 8] = (uint8_t)(i->bits[n / 8] & ~(1U << (n % 8)));
	i->taken--;
}
