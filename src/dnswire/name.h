/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Domain names on the wire (RFC 1035 sections 3.1, 4.1.4; RFC 4343 for case).
 *
 * A struct dnswire_name holds the uncompressed wire form: length-prefixed labels and the root's
 * zero. It is at most 255 bytes with labels of at most 63, and never invalid once a function of
 * this file made it. Case is kept; comparison ignores ASCII case. Pure code, no allocation.
 */

#include "base/ip.h"

enum {
	DNSWIRE_NAME_MAX = 255,
	DNSWIRE_LABEL_MAX = 63,
	DNSWIRE_LABELS_MAX = 128, /* with the root */
};

struct dnswire_name {
	uint8_t len; /* of the wire form, 1 for the root */
	uint8_t wire[DNSWIRE_NAME_MAX];
};

/* Reads a name at *at of the message, following compression pointers (backwards only, so it ends).
 * *at moves behind it. ERR_BAD_REQUEST for anything malformed. */
int dnswire_name_read(const uint8_t *msg, size_t len, size_t *at,
		      struct dnswire_name *ret) _nodiscard_;

/* From text like "web.default.svc.cluster.local" (a trailing dot is optional; no escapes).
 * ERR_INVALID with the reason when a label is empty or anything is too long. */
int dnswire_name_parse(struct str text, struct dnswire_name *ret, struct err *err) _nodiscard_;
/* Text with a trailing dot; bytes outside [!-~] and '.', '\\' inside labels as \DDD. */
void dnswire_name_format(struct buf *b, const struct dnswire_name *n);

/* Puts one label in front. False when it has not 1 to 63 bytes or the name would be too long. */
bool dnswire_name_prepend(struct dnswire_name *n, struct str label);

bool dnswire_name_eq(const struct dnswire_name *a, const struct dnswire_name *b) _pure_;
void dnswire_name_lower(struct dnswire_name *n);

/* Views of the labels, leftmost first, without the root; returns how many. */
size_t dnswire_name_labels(const struct dnswire_name *n, struct str ret[DNSWIRE_LABELS_MAX]);

/* Whether n is the zone or below it; *ret_labels (may be NULL): labels in front of the zone. */
bool dnswire_name_is_under(const struct dnswire_name *n, const struct dnswire_name *zone,
			   size_t *ret_labels);

/* The address that an in-addr.arpa or ip6.arpa name stands for (RFC 1035 3.5, RFC 3596 2.5).
 * False for names that are not a whole address. */
bool dnswire_name_to_addr(const struct dnswire_name *n, struct ip_addr *ret);
