/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mount.h"

#include <errno.h>
#include <sys/mount.h>

int mount_keep_private(struct err *err)
{
	static const char *const below[] = {"/proc", "/sys", "/dev", "/run", "/tmp"};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return 0;
	if (errno != EINVAL) /* "/" is no mount: a chroot */
		return err_sys(err, errno, "keep mounts to this namespace");
	for (size_t i = 0; i < ARRAY_LEN(below); i++)
		if (mount(NULL, below[i], NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL &&
		    errno != ENOENT)
			return err_sys(err, errno, "keep mounts below %s to this namespace",
				       below[i]);
	return 0;
}

int mount_proc(struct err *err)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return err_sys(err, errno, "mount /proc");
	return 0;
}
