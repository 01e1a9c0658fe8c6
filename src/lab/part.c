/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/part.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool lab_part_is_due(const struct lab_part *p, int64_t now_ms)
{
	if (p->pid || p->is_done || now_ms < p->due_ms)
		return false;
	return !p->wait_for || access(p->wait_for, R_OK) == 0;
}

void lab_part_ended(struct lab_part *p, int status, int64_t now_ms)
{
	p->pid = 0;
	if (p->is_once && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		p->is_done = true;
		return;
	}
	if (now_ms - p->started_ms >= LAB_PART_FORGIVE_MS)
		p->backoff_ms = 0;
	p->backoff_ms = p->backoff_ms ? p->backoff_ms * 2 : LAB_PART_BACKOFF_MS;
	p->backoff_ms =
		MIN(p->backoff_ms, p->backoff_max_ms ? p->backoff_max_ms : LAB_PART_BACKOFF_MAX_MS);
	p->due_ms = now_ms + p->backoff_ms;
	p->restarts++;
}

/* Descriptor 3 is the first that LISTEN_FDS means (sd_listen_fds(3)). */
static void hand_over(int listener)
{
	char pid[16];

	if (listener < 0)
		return;
	if (listener == 3)
		fcntl(3, F_SETFD, 0);
	else
		dup2(listener, 3);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_PID", pid, 1);
}

_noreturn_ static void become(const struct lab_part *p, const struct lab_space *space, int log)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	if (setns(space->netns, CLONE_NEWNET) < 0 || setns(space->uts, CLONE_NEWUTS) < 0) {
		fprintf(stderr, "lab: enter '%s': %s\n", space->name, strerror(errno));
		_exit(126);
	}
	hand_over(p->listener);
	execv(p->argv[0], (char *const *)(uintptr_t)p->argv);
	fprintf(stderr, "lab: start '%s': %s\n", p->argv[0], strerror(errno));
	_exit(127);
}

int lab_part_start(struct lab_part *p, const struct lab_space *space, const char *state_dir,
		   int64_t now_ms, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/log/%s.log", state_dir, p->name);
	_cleanup_(fd_closep) int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	pid_t pid;

	if (log < 0)
		return err_sys(err, errno, "open '%s'", path);
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0)
		become(p, space, log);
	p->pid = pid;
	p->started_ms = now_ms;
	return 0;
}
