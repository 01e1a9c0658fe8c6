/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Makes the built-in roles and bindings (access/builtin.h) that are missing, and gives those that
 * are there the rules and subjects that they lack, unless their annotation autoupdate forbids it.
 * All calls are under way at once, so that the store commits them together.
 */

#include "apiserver/server.h"

struct boot_access;

/* done(ctx) once all are there, never from inside the call. What fails is told and tried again. */
struct boot_access *boot_access_start(struct apiserver *s, void (*done)(void *ctx), void *ctx);
void boot_access_free(struct boot_access *b); /* NULL is fine */
