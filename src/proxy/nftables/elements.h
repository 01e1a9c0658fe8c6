/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From entries of the table to elements of the sets (proxy/nftables/layout.h), and the difference
 * of two such lists. Pure. An element is key and data, back to back; lists are sorted bytewise.
 *
 * Not made here, because they are not a function of one entry: hairpins (counted over the table),
 * node addresses (configuration), classes (made when first used).
 */

#include "proxy/nftables/layout.h"
#include "svc/view.h"

struct nftables_elements {
	struct buf set[NFTABLES_FAMILIES][NFTABLES_FILLED];
};

void nftables_elements_init(struct nftables_elements *e);
void nftables_elements_fini(struct nftables_elements *e);
void nftables_elements_clear(struct nftables_elements *e);
/* Adds what entry `x` wants (NULL: nothing), as far as it owns its addresses. */
void nftables_elements_add(struct nftables_elements *e, const struct svc_view *v,
			   const struct svc_entry *x);
void nftables_elements_sort(struct nftables_elements *e);
size_t nftables_elements_count(const struct nftables_elements *e);

/* The key and data of single ones; they return the element's length. */
size_t nftables_element_hairpin(enum nftables_family f, const struct ip_addr *a,
				char out[NFTABLES_STRIDE_MAX]);
size_t nftables_element_addr(enum nftables_family f, const struct ip_addr *a,
			     char out[NFTABLES_STRIDE_MAX]);

/* The class of a frontend. */
void nftables_class_of(const struct svc_config *config, const struct svc_port *p,
		       const struct svc_frontend *f, struct nftables_class *ret);

/* What turns `before` into `after`, both sorted: keys to delete (as whole elements) and elements to
 * add, appended. One whose data differs is in both. */
void nftables_elements_diff(const struct nftables_elements *before,
			    const struct nftables_elements *after, struct nftables_elements *del,
			    struct nftables_elements *add);
