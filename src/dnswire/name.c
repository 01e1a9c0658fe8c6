/* SPDX-License-Identifier: Apache-2.0 */
#include "dnswire/name.h"

#include <string.h>

enum {
	POINTER_BITS = 0xc0,
	POINTERS_MAX = 64, /* more jumps than a sane message has */
};

int dnswire_name_read(const uint8_t *msg, size_t len, size_t *at, struct dnswire_name *ret)
{
	size_t pos = *at, behind = 0, n = 0, lowest = *at;
	unsigned jumps = 0;

	for (;;) {
		uint8_t c;

		if (pos >= len)
			return ERR_BAD_REQUEST;
		c = msg[pos];
		if ((c & POINTER_BITS) == POINTER_BITS) {
			size_t target;

			if (pos + 1 >= len || ++jumps > POINTERS_MAX)
				return ERR_BAD_REQUEST;
			target = (size_t)(c & 0x3f) << 8 | msg[pos + 1];
			if (!behind)
				behind = pos + 2;
			if (target >= lowest)
				return ERR_BAD_REQUEST;
			lowest = pos = target;
			continue;
		}
		if (c & POINTER_BITS || pos + 1 + c > len || n + 1 + c > DNSWIRE_NAME_MAX)
			return ERR_BAD_REQUEST;
		memcpy(ret->wire + n, msg + pos, (size_t)c + 1);
		n += (size_t)c + 1;
		pos += (size_t)c + 1;
		if (c == 0)
			break;
	}
	ret->len = (uint8_t)n;
	*at = behind ? behind : pos;
	return 0;
}

int dnswire_name_parse(struct str text, struct dnswire_name *ret, struct err *err)
{
	struct str rest = text, label;
	size_t n = 0;

	if (rest.len && rest.ptr[rest.len - 1] == '.')
		rest.len--;
	if (rest.len == 0)
		rest = (struct str){0};
	while (str_next(&rest, '.', &label)) {
		if (label.len == 0 || label.len > DNSWIRE_LABEL_MAX)
			return err_set(err, ERR_INVALID,
				       "domain name '%.*s': a label must have 1 to 63 bytes",
				       STR_ARG(text));
		if (n + label.len + 2 > DNSWIRE_NAME_MAX)
			return err_set(err, ERR_INVALID,
				       "domain name '%.*s' is longer than 253 bytes",
				       STR_ARG(text));
		ret->wire[n] = (uint8_t)label.len;
		memcpy(ret->wire + n + 1, label.ptr, label.len);
		n += label.len + 1;
	}
	ret->wire[n] = 0;
	ret->len = (uint8_t)(n + 1);
	return 0;
}

void dnswire_name_format(struct buf *b, const struct dnswire_name *n)
{
	struct str labels[DNSWIRE_LABELS_MAX];
	size_t count = dnswire_name_labels(n, labels);

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < labels[i].len; k++) {
			uint8_t c = (uint8_t)labels[i].ptr[k];

			if (c <= ' ' || c > '~' || c == '.' || c == '\\')
				buf_printf(b, "\\%03u", c);
			else
				buf_add_byte(b, (char)c);
		}
		buf_add_byte(b, '.');
	}
	if (count == 0)
		buf_add_byte(b, '.');
}

bool dnswire_name_prepend(struct dnswire_name *n, struct str label)
{
	if (label.len == 0 || label.len > DNSWIRE_LABEL_MAX ||
	    n->len + label.len + 1 > DNSWIRE_NAME_MAX)
		return false;
	memmove(n->wire + label.len + 1, n->wire, n->len);
	n->wire[0] = (uint8_t)label.len;
	memcpy(n->wire + 1, label.ptr, label.len);
	n->len = (uint8_t)(n->len + label.len + 1);
	return true;
}

static uint8_t name_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

/* Length bytes are below 'A', so that folding them changes nothing. */
static bool name_eq_wire(const uint8_t *a, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && name_lower(a[i]) != name_lower(b[i]))
			return false;
	return true;
}

bool dnswire_name_eq(const struct dnswire_name *a, const struct dnswire_name *b)
{
	return a->len == b->len && name_eq_wire(a->wire, b->wire, a->len);
}

void dnswire_name_lower(struct dnswire_name *n)
{
	for (size_t i = 0; i < n->len; i++)
		n->wire[i] = name_lower(n->wire[i]);
}

size_t dnswire_name_labels(const struct dnswire_name *n, struct str ret[DNSWIRE_LABELS_MAX])
{
	size_t count = 0;

	for (size_t at = 0; n->wire[at]; at += (size_t)n->wire[at] + 1)
		ret[count++] = str_n((const char *)n->wire + at + 1, n->wire[at]);
	return count;
}

bool dnswire_name_is_under(const struct dnswire_name *n, const struct dnswire_name *zone,
			   size_t *ret_labels)
{
	size_t at = 0, labels = 0, front;

	if (n->len < zone->len)
		return false;
	front = (size_t)n->len - zone->len;
	while (at < front) {
		at += (size_t)n->wire[at] + 1;
		labels++;
	}
	if (at != front || !name_eq_wire(n->wire + at, zone->wire, zone->len))
		return false;
	if (ret_labels)
		*ret_labels = labels;
	return true;
}

static bool name_to_v4(const struct str *labels, struct ip_addr *ret)
{
	uint32_t v = 0;

	for (size_t i = 4; i-- > 0;) {
		uint64_t octet;

		if (labels[i].len > 3 || str_to_u64(labels[i], 0, 255, &octet, NULL) < 0)
			return false;
		v = v << 8 | (uint32_t)octet;
	}
	*ret = ip_from_v4(v);
	return true;
}

static bool name_to_v6(const struct str *labels, struct ip_addr *ret)
{
	uint8_t b[16] = {0};

	for (size_t i = 0; i < 32; i++) {
		char c = labels[31 - i].ptr[0];
		unsigned v;

		if (labels[31 - i].len != 1)
			return false;
		if (c >= '0' && c <= '9')
			v = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = (unsigned)((c | 0x20) - 'a') + 10;
		else
			return false;
		b[i / 2] = (uint8_t)(b[i / 2] << 4 | v);
	}
	*ret = ip_from_bytes(b, IP_V6);
	return true;
}

bool dnswire_name_to_addr(const struct dnswire_name *n, struct ip_addr *ret)
{
	struct str labels[DNSWIRE_LABELS_MAX];
	size_t count = dnswire_name_labels(n, labels);

	if (count < 2 || !str_eq_nocase(labels[count - 1], STR("arpa")))
		return false;
	if (count == 6 && str_eq_nocase(labels[4], STR("in-addr")))
		return name_to_v4(labels, ret);
	if (count == 34 && str_eq_nocase(labels[32], STR("ip6")))
		return name_to_v6(labels, ret);
	return false;
}
