/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events that the API server itself writes: warnings about objects that its repair loops and its
 * start have found wrong (service-api.md section 10). In the form of events.k8s.io, as Kubernetes'
 * own servers write them: reportingComponent, action, eventTime.
 *
 * Fire and forget. One text about one object is told once as long as it goes on, and again after
 * REPORTS_AGAIN_MS, so that a round every three minutes does not fill the store. At most
 * REPORTS_MAX different ones are remembered; what is over that is not told.
 */

#include "json/json.h"

struct apiserver;
struct reports;

enum {
	REPORTS_AGAIN_MS = 60 * 60 * 1000,
	REPORTS_MAX = 1024,
	REPORTS_NOTE_MAX = 1024, /* bytes of the text, as Kubernetes has it; longer is cut */
};

struct report {
	const char *controller, *action, *reason;
	const struct json *about; /* an object with kind, apiVersion and metadata */
	struct str text;
};

struct reports *reports_new(struct apiserver *s);
void reports_free(struct reports *r); /* NULL is fine */
void reports_warn(struct reports *r, const struct report *what);
