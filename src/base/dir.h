/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Folders as a whole. A single one that has to outlive a loss of power: fd_make_dir. */

#include "base/err.h"

/* Like mkdir -p with mode 0700 for new folders. */
int dir_make_all(const char *path, struct err *err) _nodiscard_;
/* Removes a folder and all in it; absent is fine. Does not follow links or go into mounts. */
int dir_remove_tree(const char *path, struct err *err) _nodiscard_;
