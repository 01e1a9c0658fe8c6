/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* File descriptors: close-on-exec from birth, closed by _cleanup_(fd_closep). */

#include "base/buf.h"

void fd_close(int fd); /* a negative one is fine; errno is kept */
void fd_closep(int *fd);
int fd_set_nonblock(int fd, struct err *err) _nodiscard_;

/* Appends the whole file to *b. ERR_TOO_LARGE above `max` bytes. */
int fd_read_file(const char *path, size_t max, struct buf *b, struct err *err) _nodiscard_;

/* Writes `path` so that after a crash it holds either the old or the new content: temporary file,
 * fsync, rename, fsync of the directory. */
int fd_write_file(const char *path, struct str content, unsigned mode, struct err *err) _nodiscard_;

/* Makes the directory unless it is there; the entry in its parent is on the disk when this returns.
 */
int fd_make_dir(const char *path, unsigned mode, struct err *err) _nodiscard_;
