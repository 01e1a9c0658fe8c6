/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Events have two shapes: that of the core group, in which they are stored, and that of
 * events.k8s.io. The same fields have other names; nothing else differs. Each direction leaves
 * alone what has the wanted shape already, so doing it twice changes nothing.
 */

#include "json/json.h"

void api_event_to_core(struct arena *a, struct json *tree);
void api_event_from_core(struct arena *a, struct json *tree);
