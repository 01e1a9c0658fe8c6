/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The claims and releases that are gathered while a plan is made (plan.c).
 */

#include "apiserver/service/plan.h"
#include "base/vec.h"

/* Port numbers: a Service may name 10,000 of them before anybody counts. */
struct port_set {
	unsigned char bits[(UINT16_MAX + 1) / 8];
};

static inline bool port_set_has(const struct port_set *s, int64_t port) /* false: it is no port */
{
	return port >= 0 && port <= UINT16_MAX && ((s->bits[port / 8] >> (port % 8)) & 1);
}

static inline void port_set_add(struct port_set *s, int64_t port) /* which may be no port */
{
	if (port >= 0 && port <= UINT16_MAX)
		s->bits[port / 8] |= (unsigned char)(1u << (port % 8));
}

struct claim_list {
	const struct service_plan_input *in;
	struct api_causes *causes;
	VEC(struct service_claim) add;
	VEC(struct service_claim) release;
	struct port_set added, released; /* the ports among them */
	unsigned highest;                /* of `added`; 0: there is none */
	bool is_plain;
};

void claim_list_init(struct claim_list *c, const struct service_plan_input *in,
		     struct api_causes *causes);
/* Moves the lists into *ret (empty unless is_kept) and frees c. */
void claim_list_take(struct claim_list *c, bool is_kept, struct service_plan *ret);

void claim_list_add_ip(struct claim_list *c, const struct ip_addr *a);
void claim_list_add_port(struct claim_list *c, uint16_t port, bool is_health_check);
bool claim_list_has_port(const struct claim_list *c, int64_t port);

/* Not what is known to be another Service's, nor twice: a broken object must not free what it does
 * not own. */
void claim_list_release_ip(struct claim_list *c, const struct json *old, const struct ip_addr *a);
void claim_list_release_port(struct claim_list *c, const struct json *old, int64_t port);
