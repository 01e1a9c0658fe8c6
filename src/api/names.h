/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What names may look like (service-api.md sections 3.1 and 3.4; RFC 1123, RFC 1035, RFC 6335).
 *
 * Each check gives Kubernetes' own words for every rule that the value breaks, in its order. The
 * texts are static or in the arena. No result (n 0) means that the value is good.
 */

#include "base/str.h"

enum {
	API_LABEL_NAME_MAX = 63,      /* DNS label; name part and value of a label */
	API_SUBDOMAIN_MAX = 253,      /* DNS-1123 subdomain; prefix of a label key */
	API_PORT_NAME_MAX = 15,       /* IANA service name */
	API_NAME_PROBLEMS_MAX = 6,    /* rules that one value can break */
	API_GENERATE_SUFFIX_LEN = 5,  /* random characters after generateName */
	API_GENERATE_PREFIX_MAX = 58, /* of generateName that are kept */
};

struct api_problems {
	const char *text[API_NAME_PROBLEMS_MAX];
	size_t n;
};

/* Each adds to *ret, which the caller zeroes. */
void api_name_dns1123_label(struct str s, struct api_problems *ret);
void api_name_dns1123_subdomain(struct str s, struct api_problems *ret);
void api_name_dns1035_label(struct str s, struct api_problems *ret);
void api_name_qualified(struct str s, struct api_problems *ret); /* label and annotation keys */
void api_name_label_value(struct str s, struct api_problems *ret);
void api_name_port(struct str s, struct api_problems *ret); /* IANA service name */
void api_name_config_key(struct str s, struct api_problems *ret);
void api_name_env(struct str s, struct api_problems *ret);
void api_name_path_segment(struct str s, struct api_problems *ret); /* not ".", no "/", no "%" */

/* The plain question. */
bool api_name_is(void (*check)(struct str s, struct api_problems *ret), struct str s);
