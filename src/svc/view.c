/* SPDX-License-Identifier: Apache-2.0 */
#include "svc/view.h"

const struct svc_port *svc_view_port_at(const struct svc_view *v, struct str frontend_key)
{
	const struct svc_entry *e = svc_claims_owner(v->claims, frontend_key);
	const struct svc_port *p = e ? svc_entry_port_at(e, frontend_key) : NULL;

	/* Without its cluster IP it is not programmed. */
	return p && svc_claims_owns(v->claims, e, p, &p->frontends[0]) ? p : NULL;
}
