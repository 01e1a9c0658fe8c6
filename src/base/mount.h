/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Mounts of one's own: what the lab and a Pod's holder need of mount(2). */

#include "base/err.h"

/* Keeps mounts that this process makes from now on to its own mount namespace (which the caller has
 * made). In a chroot the mount that holds "/" cannot be named; there only what is mounted below it
 * is made private, and a caller that shares that mount with others has to unshare it first. */
int mount_keep_private(struct err *err) _nodiscard_;

/* A /proc that shows this process's PID namespace. */
int mount_proc(struct err *err) _nodiscard_;
