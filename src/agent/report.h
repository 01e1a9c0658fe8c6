/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the API is told of a Pod: its status, and the deletion that ends it. A status is sent when
 * it is another one than the last; one request at a time; what fails is tried again.
 */

#include "agent/place.h"
#include "json/json.h"

struct agent_report {
	struct agent_place *place;
	char *sent;                      /* status text that was sent last */
	struct client_request *status;   /* under way */
	struct client_request *deletion; /* under way */
	struct loop_timer *timer;        /* place->on_change: a failed one is tried again */
};

void agent_report_init(struct agent_report *r, struct agent_place *p);
void agent_report_fini(struct agent_report *r);
/* While a status is under way no other is taken; on_change is called when it has arrived. */
bool agent_report_is_busy(const struct agent_report *r);
void agent_report_status(struct agent_report *r, struct arena *a, struct json *status);
void agent_report_deletion(struct agent_report *r);
