/* SPDX-License-Identifier: Apache-2.0 */
#include "access/access.h"

bool access_user_in(const struct access_user *u, const char *group)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (str_eq_c(u->groups[i], group))
			return true;
	return false;
}

bool access_service_account(struct str user, struct str *ret_ns, struct str *ret_name)
{
	struct str rest, ns;

	if (!str_has_prefix(user, STR(ACCESS_SA_PREFIX)))
		return false;
	rest = str_skip(user, sizeof(ACCESS_SA_PREFIX) - 1);
	if (!str_next(&rest, ':', &ns) || !ns.len || !rest.len || str_find(rest, ':') >= 0)
		return false;
	*ret_ns = ns;
	*ret_name = rest;
	return true;
}
