/* SPDX-License-Identifier: Apache-2.0 */
#include "api/types.h"

static const struct api_pair *find_pair(const struct api_pairs *p, struct str key)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = str_cmp(p->ptr[mid].key, key);

		if (c == 0)
			return &p->ptr[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

struct str api_pairs_get(const struct api_pairs *p, const char *key)
{
	const struct api_pair *pair = find_pair(p, str_of(key));

	return pair ? pair->value : (struct str){0};
}

bool api_pairs_has(const struct api_pairs *p, const char *key)
{
	return find_pair(p, str_of(key)) != NULL;
}

bool api_pairs_match(const struct api_pairs *selector, const struct api_pairs *labels)
{
	for (size_t i = 0; i < selector->n; i++) {
		const struct api_pair *pair = find_pair(labels, selector->ptr[i].key);

		if (!pair || !str_eq(pair->value, selector->ptr[i].value))
			return false;
	}
	return true;
}

const struct api_condition *api_condition_find(const struct api_condition *c, size_t n,
					       const char *type)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq_c(c[i].type, type))
			return &c[i];
	}
	return NULL;
}

const char *api_protocol_name(enum api_protocol p)
{
	static const char *const names[] = {
		[API_TCP] = "TCP", [API_UDP] = "UDP", [API_SCTP] = "SCTP"};

	return names[p];
}

bool api_strs_eq(const struct api_strs *x, const struct api_strs *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!str_eq(x->ptr[i], y->ptr[i]))
			return false;
	return true;
}
