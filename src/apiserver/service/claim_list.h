/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The claims and releases that are gathered while a plan is made (plan.c).
 */

#include "apiserver/service/plan.h"
#include "base/vec.h"

struct claim_list {
	const struct service_plan_input *in;
	struct api_causes *causes;
	VEC(struct service_claim) add;
	VEC(struct service_claim) release;
	bool is_plain;
};

void claim_list_init(struct claim_list *c, const struct service_plan_input *in,
		     struct api_causes *causes);
/* Moves the lists into *ret (empty unless is_kept) and frees c. */
void claim_list_take(struct claim_list *c, bool is_kept, struct service_plan *ret);

void claim_list_add_ip(struct claim_list *c, const struct ip_addr *a);
void claim_list_add_port(struct claim_list *c, uint16_t port, bool is_health_check);
bool claim_list_has_port(const struct claim_list *c, uint16_t port);

/* Not what is known to be another Service's, nor twice: a broken object must not free what it does
 * not own. */
void claim_list_release_ip(struct claim_list *c, const struct json *old, const struct ip_addr *a);
void claim_list_release_port(struct claim_list *c, const struct json *old, int64_t port);
