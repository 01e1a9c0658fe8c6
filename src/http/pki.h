/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Certificates of our own: a CA, and leaf certificates that it signs (ECDSA P-256, SHA-256).
 * Files are written so that a crash leaves the old or the new one; keys have mode 0600. The key is
 * written first, so a crash between the two leaves a pair that does not match: the next start makes
 * it anew. Called at start, before the loop runs: it reads and writes files.
 */

#include "base/err.h"
#include "base/ip.h"

struct http_pki_leaf {
	const char *common_name;
	const char *const *organizations; /* NULL-terminated; may be NULL */
	const char *const *dns_names;     /* NULL-terminated; may be NULL */
	const struct ip_addr *addrs;
	size_t n_addrs;
	bool is_server; /* extendedKeyUsage serverAuth, else clientAuth */
	int days;
};

/* Makes cert and key unless both files are there and the certificate is valid for 30 days more. */
int http_pki_ca(const char *cert_file, const char *key_file, const char *common_name,
		struct err *err) _nodiscard_;
/* The same for a leaf; also made anew when the names or addresses differ or another CA signed it.
 * One for fewer than 90 days is made anew in its last third instead of its last 30 days. */
int http_pki_leaf(const char *ca_cert_file, const char *ca_key_file, const char *cert_file,
		  const char *key_file, const struct http_pki_leaf *leaf,
		  struct err *err) _nodiscard_;
