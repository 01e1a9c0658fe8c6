/* SPDX-License-Identifier: Apache-2.0 */
#include "api/names.h"

/* clang-format off */
#define LABEL_RE     "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_RE LABEL_RE "(\\." LABEL_RE ")*"
#define NAME_RE      "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define CHECKED_BY(re) "regex used for validation is '" re "')"
#define KEY_RULE \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " \
	"(e.g. 'MyName',  or 'my.name',  or '123-abc', " CHECKED_BY(NAME_RE)
#define SUBDOMAIN_RULE \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " \
	"and must start and end with an alphanumeric character (e.g. 'example.com', " CHECKED_BY(SUBDOMAIN_RE)

static const char text_label[] =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
	CHECKED_BY(LABEL_RE);
static const char text_1035[] =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
	"and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
	CHECKED_BY("[a-z]([-a-z0-9]*[a-z0-9])?");
static const char text_value[] =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
	"and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
	CHECKED_BY("(" NAME_RE ")?");
static const char text_config_key[] =
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
	"(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', " CHECKED_BY("[-._a-zA-Z0-9]+");
/* clang-format on */

static void add(struct api_problems *p, const char *text)
{
	if (p->n < API_NAME_PROBLEMS_MAX)
		p->text[p->n++] = text;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool has_label_form(struct str s)
{
	if (!s.len || s.ptr[0] == '-' || s.ptr[s.len - 1] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_lower(s.ptr[i]) && !is_digit(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	}
	return true;
}

static bool has_subdomain_form(struct str s)
{
	struct str rest = s, part;

	if (!s.len)
		return false;
	while (str_next(&rest, '.', &part)) {
		if (!has_label_form(part))
			return false;
	}
	return true;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool has_name_form(struct str s)
{
	if (!s.len || !is_alnum(s.ptr[0]) || !is_alnum(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!is_alnum(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

void api_name_dns1123_label(struct str s, struct api_problems *ret)
{
	if (s.len > API_LABEL_NAME_MAX)
		add(ret, "must be no more than 63 characters");
	if (!has_label_form(s))
		add(ret, has_subdomain_form(s) ? "must not contain dots" : text_label);
}

void api_name_dns1123_subdomain(struct str s, struct api_problems *ret)
{
	if (s.len > API_SUBDOMAIN_MAX)
		add(ret, "must be no more than 253 characters");
	if (!has_subdomain_form(s))
		add(ret, SUBDOMAIN_RULE);
}

void api_name_dns1035_label(struct str s, struct api_problems *ret)
{
	if (s.len > API_LABEL_NAME_MAX)
		add(ret, "must be no more than 63 characters");
	if (!has_label_form(s) || !is_lower(s.ptr[0]))
		add(ret, text_1035);
}

void api_name_qualified(struct str s, struct api_problems *ret)
{
	ptrdiff_t slash = str_find(s, '/');
	struct str name = slash < 0 ? s : str_skip(s, (size_t)slash + 1);

	if (str_find(name, '/') >= 0) {
		add(ret, "a valid label key " KEY_RULE
			 " with an optional DNS subdomain prefix and '/' (e.g. "
			 "'example.com/MyName')");
		return;
	}
	if (slash >= 0) {
		struct str prefix = str_sub(s, 0, (size_t)slash);

		if (!prefix.len)
			add(ret, "prefix part must be non-empty");
		if (prefix.len > API_SUBDOMAIN_MAX)
			add(ret, "prefix part must be no more than 253 bytes");
		if (prefix.len && !has_subdomain_form(prefix))
			add(ret, "prefix part " SUBDOMAIN_RULE);
	}
	if (!name.len)
		add(ret, "name part must be non-empty");
	else if (name.len > API_LABEL_NAME_MAX)
		add(ret, "name part must be no more than 63 bytes");
	if (!has_name_form(name))
		add(ret, "name part " KEY_RULE);
}

void api_name_label_value(struct str s, struct api_problems *ret)
{
	if (s.len > API_LABEL_NAME_MAX)
		add(ret, "must be no more than 63 bytes");
	if (s.len && !has_name_form(s))
		add(ret, text_value);
}

void api_name_port(struct str s, struct api_problems *ret)
{
	bool is_clean = s.len > 0, has_letter = false, has_double = false;

	for (size_t i = 0; i < s.len; i++) {
		if (is_lower(s.ptr[i]))
			has_letter = true;
		else if (!is_digit(s.ptr[i]) && s.ptr[i] != '-')
			is_clean = false;
		if (i && s.ptr[i] == '-' && s.ptr[i - 1] == '-')
			has_double = true;
	}
	if (s.len > API_PORT_NAME_MAX)
		add(ret, "must be no more than 15 characters");
	if (!is_clean)
		add(ret, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (!has_letter)
		add(ret, "must contain at least one letter (a-z)");
	if (has_double)
		add(ret, "must not contain consecutive hyphens");
	if (s.len && (s.ptr[0] == '-' || s.ptr[s.len - 1] == '-'))
		add(ret, "must not begin or end with a hyphen");
}

void api_name_config_key(struct str s, struct api_problems *ret)
{
	bool is_clean = s.len > 0;

	for (size_t i = 0; i < s.len; i++) {
		if (!is_alnum(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.' && s.ptr[i] != '_')
			is_clean = false;
	}
	if (s.len > API_SUBDOMAIN_MAX)
		add(ret, "must be no more than 253 characters");
	if (!is_clean)
		add(ret, text_config_key);
	if (str_eq_c(s, "."))
		add(ret, "must not be '.'");
	else if (str_eq_c(s, ".."))
		add(ret, "must not be '..'");
	else if (str_has_prefix(s, STR("..")))
		add(ret, "must not start with '..'");
}

/* Kubernetes 1.36 takes every printable ASCII character except '='. */
void api_name_env(struct str s, struct api_problems *ret)
{
	bool is_clean = true;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e || s.ptr[i] == '=')
			is_clean = false;
	}
	if (!s.len)
		add(ret, "environment variable name must be non-empty");
	if (!is_clean)
		add(ret, "a valid environment variable name must consist only of printable ASCII "
			 "characters other than '='");
}

void api_name_path_segment(struct str s, struct api_problems *ret)
{
	if (str_eq_c(s, "."))
		add(ret, "may not be '.'");
	else if (str_eq_c(s, ".."))
		add(ret, "may not be '..'");
	if (str_find(s, '/') >= 0)
		add(ret, "may not contain '/'");
	if (str_find(s, '%') >= 0)
		add(ret, "may not contain '%'");
}

bool api_name_is(void (*check)(struct str s, struct api_problems *ret), struct str s)
{
	struct api_problems p = {.n = 0};

	check(s, &p);
	return p.n == 0;
}
