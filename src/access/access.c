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

/* Length of the first term: up to a comma that no backslash stands before. */
static size_t term_len(struct str s)
{
	size_t i = 0;

	for (; i < s.len && s.ptr[i] != ','; i++)
		i += s.ptr[i] == '\\' && i + 1 < s.len;
	return i;
}

struct str access_field_wanted(struct str selector, const char *field)
{
	while (selector.len) {
		struct str term = str_sub(selector, 0, term_len(selector));
		ptrdiff_t eq = str_find(term, '=');

		selector = str_skip(selector, term.len + 1);
		if (eq < 0 || str_find(term, '\\') >= 0 ||
		    !str_eq_c(str_sub(term, 0, (size_t)eq), field))
			continue;
		term = str_skip(term, (size_t)eq + 1);
		return term.len && term.ptr[0] == '=' ? str_skip(term, 1) : term;
	}
	return (struct str){0};
}
