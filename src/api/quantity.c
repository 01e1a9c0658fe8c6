/* SPDX-License-Identifier: Apache-2.0 */
#include "api/quantity.h"

/*
 * A value is kept in billionths in 128 bits: 2^63 - 1 ones need 93 of them.
 */

__extension__ typedef __int128 quantity_nano; /* a number type, not a structure */

enum {
	QUANTITY_NANO = 1000000000,
	QUANTITY_EXPONENT_MAX = 40, /* beyond it everything is zero or capped */
};

enum quantity_format {
	QUANTITY_DECIMAL,
	QUANTITY_BINARY,
	QUANTITY_EXPONENT,
};

static const char *const quantity_decimal[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
static const char *const quantity_binary[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

#define QUANTITY_MAX ((quantity_nano)INT64_MAX * QUANTITY_NANO)

static bool quantity_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* v * base^exponent, capped; a negative exponent divides and rounds up. */
static quantity_nano quantity_scale(quantity_nano v, int base, int exponent)
{
	bool is_inexact = false;

	for (; exponent > 0 && v > 0; exponent--) {
		if (v > QUANTITY_MAX / base)
			return QUANTITY_MAX;
		v *= base;
	}
	for (; exponent < 0 && v > 0; exponent++) {
		is_inexact |= v % base != 0;
		v /= base;
	}
	return v + is_inexact;
}

static int quantity_suffix(struct str suffix, enum quantity_format *ret_format, int *ret_exponent)
{
	int64_t exponent;

	for (size_t i = 0; i < ARRAY_LEN(quantity_decimal); i++) {
		if (!str_eq_c(suffix, quantity_decimal[i]))
			continue;
		*ret_format = QUANTITY_DECIMAL;
		*ret_exponent = (int)i * 3 - 9;
		return 0;
	}
	for (size_t i = 1; i < ARRAY_LEN(quantity_binary); i++) {
		if (!str_eq_c(suffix, quantity_binary[i]))
			continue;
		*ret_format = QUANTITY_BINARY;
		*ret_exponent = (int)i * 10;
		return 0;
	}
	if (suffix.len < 2 || (suffix.ptr[0] != 'e' && suffix.ptr[0] != 'E'))
		return -1;
	suffix = str_skip(suffix, suffix.ptr[1] == '+' ? 2 : 1);
	if (str_to_i64(suffix, INT32_MIN, INT32_MAX, &exponent, NULL) < 0)
		return -1;
	*ret_format = QUANTITY_EXPONENT;
	*ret_exponent = (int)MAX(MIN(exponent, QUANTITY_EXPONENT_MAX), -QUANTITY_EXPONENT_MAX);
	return 0;
}

/* The digits before the suffix as billionths * 10^-exponent …; *ret_len: how many bytes they are.
 */
static int quantity_number(struct str s, quantity_nano *ret, int *ret_shift, size_t *ret_len)
{
	quantity_nano v = 0;
	int shift = 0;
	bool has_dot = false, has_digit = false;
	size_t i;

	for (i = 0; i < s.len && (quantity_is_digit(s.ptr[i]) || s.ptr[i] == '.'); i++) {
		if (s.ptr[i] == '.') {
			if (has_dot)
				return -1;
			has_dot = true;
			continue;
		}
		has_digit = true;
		if (v > QUANTITY_MAX / 10) { /* more digits than count: only their place does */
			shift += has_dot ? 0 : 1;
			continue;
		}
		v = v * 10 + (s.ptr[i] - '0');
		shift -= has_dot;
	}
	*ret = v;
	*ret_shift = shift;
	*ret_len = i;
	return has_digit ? 0 : -1;
}

static void quantity_digits(quantity_nano v, char buf[48])
{
	char *at = buf + 47;

	*at = '\0';
	do {
		*--at = (char)('0' + (int)(v % 10));
		v /= 10;
	} while (v > 0);
	memmove(buf, at, strlen(at) + 1);
}

static struct str quantity_format(struct arena *a, bool is_negative, quantity_nano v,
				  enum quantity_format format)
{
	const char *sign = is_negative && v > 0 ? "-" : "";
	char digits[48];
	size_t step = 0;

	if (format == QUANTITY_BINARY &&
	    (v < (quantity_nano)1024 * QUANTITY_NANO || v % QUANTITY_NANO != 0))
		format = QUANTITY_DECIMAL;
	if (format == QUANTITY_BINARY) {
		for (v /= QUANTITY_NANO; v % 1024 == 0 && step < 6; v /= 1024)
			step++;
		quantity_digits(v, digits);
		return str_printf(a, "%s%s%s", sign, digits, quantity_binary[step]);
	}
	for (; v > 0 && v % 1000 == 0 && step < ARRAY_LEN(quantity_decimal) - 1; v /= 1000)
		step++;
	if (v == 0)
		step = 3;
	quantity_digits(v, digits);
	if (format == QUANTITY_EXPONENT && step != 3)
		return str_printf(a, "%s%se%d", sign, digits, (int)step * 3 - 9);
	return str_printf(a, "%s%s%s", sign, digits, quantity_decimal[step]);
}

static int quantity_parse(struct str s, bool *ret_is_negative, quantity_nano *ret,
			  enum quantity_format *ret_format, struct err *err)
{
	enum quantity_format format;
	int exponent, shift;
	quantity_nano v;
	size_t len;

	*ret_is_negative = s.len > 0 && s.ptr[0] == '-';
	if (*ret_is_negative || (s.len > 0 && s.ptr[0] == '+'))
		s = str_skip(s, 1);
	if (quantity_number(s, &v, &shift, &len) < 0)
		return err_set(err, ERR_BAD_REQUEST,
			       "quantities must match the regular expression "
			       "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
	if (quantity_suffix(str_skip(s, len), &format, &exponent) < 0)
		return err_set(err, ERR_BAD_REQUEST, "unable to parse quantity's suffix");
	v = quantity_scale(v, 10, 9 + shift + (format == QUANTITY_BINARY ? 0 : exponent));
	if (format == QUANTITY_BINARY)
		v = quantity_scale(v, 2, exponent);
	*ret = MIN(v, QUANTITY_MAX);
	*ret_format = format;
	return 0;
}

int api_quantity_milli(struct str text, int64_t *ret, struct err *err)
{
	const quantity_nano unit = QUANTITY_NANO / 1000;
	enum quantity_format format;
	bool is_negative;
	quantity_nano v;
	int r = quantity_parse(text, &is_negative, &v, &format, err);

	if (r < 0)
		return r;
	v = MIN(v / unit + (!is_negative && v % unit != 0), (quantity_nano)INT64_MAX);
	*ret = is_negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

int api_quantity_canonical(struct arena *a, struct str text, struct str *ret, struct err *err)
{
	enum quantity_format format;
	bool is_negative;
	quantity_nano v;
	struct str out;
	int r = quantity_parse(text, &is_negative, &v, &format, err);

	if (r < 0)
		return r;
	out = quantity_format(a, is_negative, v, format);
	*ret = str_eq(out, text) ? text : out;
	return 0;
}
