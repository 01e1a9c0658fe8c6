/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The recorder of Events: what `kubectl describe` shows under an object.
 *
 * Fire and forget: recording never fails and never holds anybody up. The same text about the same
 * object is one Event whose count rises; it is written again after CLIENT_EVENT_PAUSE_MS at the
 * earliest. At most CLIENT_EVENTS_MAX different ones are remembered (the oldest is forgotten) and
 * CLIENT_EVENTS_PENDING_MAX under way; what is over that is dropped and counted
 * (fairlead_events_dropped_total). A write that fails is dropped too, since Events are news, not
 * state.
 */

#include "api/types.h"

struct loop;
struct client;
struct client_events;

enum {
	CLIENT_EVENT_PAUSE_MS = 10000,
	CLIENT_EVENTS_MAX = 1024,
	CLIENT_EVENTS_PENDING_MAX = 64,
	CLIENT_EVENT_TEXT_MAX = 1024, /* bytes of the message, as Kubernetes has it */
};

enum client_event_type {
	CLIENT_EVENT_NORMAL,
	CLIENT_EVENT_WARNING,
};

/* `component` is the source ("endpoint-slice-controller"), `host` the node it runs on (NULL: none).
 */
struct client_events *client_events_new(struct loop *l, struct client *c, const char *component,
					const char *host);
void client_events_free(struct client_events *e);

/* About the object of that kind with that ns, name, uid. Cluster-wide ones go to "default". */
void client_event(struct client_events *e, const char *api_version, const char *kind,
		  const struct api_meta *about, enum client_event_type type, const char *reason,
		  const char *fmt, ...) _printf_(7, 8);
