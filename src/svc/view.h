/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A table together with what follows from the whole of it: whose a contested address is. This is
 * what a mode programs, what the clean-up of flows compares and what facts tell.
 */

#include "svc/claims.h"

struct svc_view {
	const struct svc_table *table;
	const struct svc_claims *claims; /* of that table */
};

/* The port that answers there; NULL: nobody does. */
const struct svc_port *svc_view_port_at(const struct svc_view *v, struct str frontend_key);
