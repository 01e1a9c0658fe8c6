/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The server's metrics. */

#include "apiserver/request.h"

void stats_register(void); /* what comes after the first call does nothing */
/* A request has been answered (a watch: has begun). */
void stats_request(const struct request *req, int status);
/* Gauges, before they are printed. */
void stats_update(const struct apiserver *s);
