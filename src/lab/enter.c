/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/lab.h"

#include "base/fd.h"
#include "base/process.h"
#include "lab/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LAB_RECORD_MAX = 4096, /* an agent's record */
};

static int join(pid_t pid, const char *kind, int flag, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%d/ns/%s", pid, kind);
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (setns(fd, flag) < 0)
		return err_sys(err, errno, "enter '%s'", path);
	return 0;
}

/* Entering a mount namespace leads to its root; a process in a chroot has another one. */
static int join_mounts(pid_t pid, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("/proc/%d/root", pid);
	_cleanup_(fd_closep) int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0)
		return err_sys(err, errno, "open '%s'", path);
	r = join(pid, "mnt", CLONE_NEWNS, err);
	if (r < 0)
		return r;
	if (fchdir(root) < 0 || chroot(".") < 0)
		return err_sys(err, errno, "enter the root of process %d", pid);
	return 0;
}

static pid_t find_space(const struct json *lab, const char *place)
{
	json_foreach(sp, json_get(lab, "spaces"))
		if (str_eq_c(json_get_string(sp, "name"), place))
			return (pid_t)json_get_int(sp, "pid", 0);
	return 0;
}

static bool file_has_line(const char *path, const char *line)
{
	struct buf b = BUF_INIT;
	struct str rest, one;
	bool is_found = false;

	IGNORE(fd_read_file(path, LAB_RECORD_MAX, &b, NULL), "then it has no such line");
	rest = buf_str(&b);
	while (!is_found && str_next(&rest, '\n', &one))
		is_found = str_eq_c(one, line);
	buf_fini(&b);
	return is_found;
}

/* Looks through one node's Pods. The agent's directory says who they are (agent/sandbox.h). */
static pid_t find_pod_on(const char *pods, const char *ns_line, const char *name_line)
{
	DIR *d = opendir(pods);
	struct dirent *e;
	uint64_t start;
	pid_t pid = 0;

	while (d && !pid && (e = readdir(d))) {
		_cleanup_(mem_freep) char *record = mem_xprintf("%s/%s/record", pods, e->d_name);
		_cleanup_(mem_freep) char *file = mem_xprintf("%s/%s/pid", pods, e->d_name);

		if (file_has_line(record, ns_line) && file_has_line(record, name_line) &&
		    process_read(file, &pid, &start, NULL) < 0)
			pid = 0;
	}
	if (d)
		closedir(d);
	return pid;
}

static pid_t find_pod(const char *state_dir, const struct json *lab, const char *place)
{
	struct str rest = str_of(place), ns = STR("default"), name = rest;
	_cleanup_(mem_freep) char *ns_line = NULL, *name_line = NULL;
	pid_t pid = 0;

	if (str_find(rest, '/') >= 0) {
		IGNORE(str_next(&rest, '/', &ns), "there is one");
		name = rest;
	}
	ns_line = mem_xprintf("ns %.*s", STR_ARG(ns));
	name_line = mem_xprintf("name %.*s", STR_ARG(name));
	json_foreach(sp, json_get(lab, "spaces")) {
		_cleanup_(mem_freep) char *pods = mem_xprintf("%s/%.*s/pods", state_dir,
							      STR_ARG(json_get_string(sp, "name")));

		if (!pid)
			pid = find_pod_on(pods, ns_line, name_line);
	}
	return pid;
}

int lab_enter(const char *state_dir, const char *place, struct err *err)
{
	bool is_pod = str_has_prefix(str_of(place), STR("pod/"));
	struct json *lab;
	struct arena a;
	pid_t supervisor, pid = 0;
	int r = lab_state_supervisor(state_dir, &supervisor, err);

	if (r < 0)
		return r;
	arena_init(&a, 0);
	r = lab_state_read(&a, state_dir, &lab, err);
	if (r == 0)
		pid = is_pod ? find_pod(state_dir, lab, place + 4) : find_space(lab, place);
	arena_fini(&a);
	if (r < 0)
		return r;
	if (!pid)
		return err_set(err, ERR_NOT_FOUND,
			       "there is no '%s' here; there are router, server, client, node1 … "
			       "and pod/NAME, pod/NAMESPACE/NAME",
			       place);
	/* The lab's /proc first: ids from here on are the lab's. */
	if ((r = join(supervisor, "pid", CLONE_NEWPID, err)) < 0 ||
	    (r = join_mounts(supervisor, err)) < 0 ||
	    (r = join(pid, "net", CLONE_NEWNET, err)) < 0 ||
	    (r = join(pid, "uts", CLONE_NEWUTS, err)) < 0)
		return r;
	if (is_pod &&
	    ((r = join(pid, "pid", CLONE_NEWPID, err)) < 0 || (r = join_mounts(pid, err)) < 0))
		return r;
	return chdir("/") < 0 ? err_sys(err, errno, "go to '/'") : 0;
}
