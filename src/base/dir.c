/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dir.h"

#include "base/mem.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path) < 0 && errno != ENOENT ? errno : 0;
}

int dir_remove_tree(const char *path, struct err *err)
{
	int r = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (r < 0 && errno == ENOENT)
		return 0;
	if (r != 0)
		return err_sys(err, r < 0 ? errno : r, "remove '%s'", path);
	return 0;
}

int dir_make_all(const char *path, struct err *err)
{
	_cleanup_(mem_freep) char *p = mem_xstrdup(path);

	for (char *at = p + 1;; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make folder '%s'", p);
		*at = c;
		if (c == '\0')
			return 0;
	}
}
