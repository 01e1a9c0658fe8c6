/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A table together with what follows from the whole of it: whose a contested address is, who lost
 * one, which Pods may meet themselves. A view is what a mode programs, what facts tell and what
 * the clean-up of flows compares; the difference of two views is what a mode applies.
 *
 * A struct svc_state follows one table after another (the proxy's engine has one) and gives the
 * views: before and after a change at once, at the cost of the change.
 */

#include "svc/claims.h"

/* Borrows everything. */
struct svc_view {
	const struct svc_table *table;
	const struct svc_claims *claims;
	const struct svc_claims_past *past; /* what `claims` said of this table; NULL: says now */
	const struct map *hairpins;         /* addresses; only when `past` is NULL */
};

/* Whether `e` has the frontend f of its port p, and the port itself, to itself. Without its cluster
 * IP a port is not programmed at all. */
bool svc_view_owns(const struct svc_view *v, const struct svc_entry *e, const struct svc_port *p,
		   const struct svc_frontend *f);
static inline bool svc_view_has_port(const struct svc_view *v, const struct svc_entry *e,
				     const struct svc_port *p)
{
	return svc_view_owns(v, e, p, &p->frontends[0]);
}
/* The port that answers there; NULL: nobody does. */
const struct svc_port *svc_view_port_at(const struct svc_view *v, struct str frontend_key);

struct svc_addrs { /* a VEC */
	struct ip_addr *ptr;
	size_t len, cap;
};
/* Pods of this node that are backends: what goes from one to itself is always masqueraded (section
 * 2.3, rule 5). Adds to *ret, sorted, each once. */
void svc_view_hairpins(const struct svc_view *v, struct svc_addrs *ret);
/* The n addresses on which alone node ports answer; 0 when that is decided otherwise. */
size_t svc_view_node_addrs(const struct svc_view *v, const struct ip_addr **ret);

/* What an entry asks for and does not get. */
struct svc_loss {
	const struct svc_entry *entry;
	const struct svc_port *port;
	/* Another Service owns it; NULL: backends beyond SVC_BACKENDS_MAX are left out. */
	const struct svc_frontend *frontend;
};
struct svc_losses { /* a VEC */
	struct svc_loss *ptr;
	size_t len, cap;
};
void svc_view_losses(const struct svc_view *v, const struct svc_entry *e, struct svc_losses *ret);
/* A sentence without the Service's name. */
void svc_loss_add(struct buf *b, const struct svc_loss *l);

/* Valid until its state moves on again. */
struct svc_diff {
	struct svc_view before, after; /* before.table NULL: there was none */
	bool is_config_changed;        /* everything may differ: only a sync will do */
	/* By key. An entry that is the same in both tables is here, too, when an address of its
	 * changed hands. */
	struct svc_changes changes;
	struct svc_addrs hairpins_gone, hairpins_come;
	struct svc_claims_past past;
	struct svc_table *held; /* private: before.table */
};
void svc_diff_fini(struct svc_diff *d);

struct svc_state {
	struct svc_table *table; /* NULL: none yet */
	struct svc_claims claims;
	struct map hairpins; /* address -> number of backends there */
};
void svc_state_fini(struct svc_state *s);
struct svc_view svc_state_view(const struct svc_state *s);
/* Goes on to `t`, of which it takes a reference; initialises *ret. */
void svc_state_move(struct svc_state *s, struct svc_table *t, struct svc_diff *ret);
