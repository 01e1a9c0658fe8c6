/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/lab.h"

#include "base/clock.h"
#include "base/dir.h"
#include "base/fd.h"
#include "lab/lab.h"
#include "lab/plan.h"
#include "lab/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATE_DIR                                                                                  \
	{                                                                                          \
		"state-dir", "DIR", "/run/fairlead/lab",                                           \
			"Folder of this lab: kubeconfig, lab.json, logs. Another one is another "  \
			"lab.",                                                                    \
			0                                                                          \
	}

static const struct options_entry up_entries[] = {
	STATE_DIR,
	{"nodes", "N", "3", "How many nodes, 1 to 50.", 0},
	{"proxy-mode", "MODE", "nftables",
	 "Mode of 'fairlead proxy' on the nodes; none: they have no proxy.", 0},
	{"restart-max", "DURATION", "5s",
	 "The longest pause before a part that ended is started again; the first is 100 ms.", 0},
	{"timeout", "DURATION", "60s", "How long to wait until the cluster is ready.", 0},
};
static const struct options_spec up_spec = {.command = "lab up",
					    .summary = "brings the lab up and waits until it works",
					    .entries = up_entries,
					    .n_entries = ARRAY_LEN(up_entries)};

static const struct options_entry state_entries[] = {STATE_DIR};
static const struct options_spec status_spec = {.command = "lab status",
						.summary = "shows parts, places and addresses",
						.entries = state_entries,
						.n_entries = ARRAY_LEN(state_entries)};
static const struct options_spec down_spec = {.command = "lab down",
					      .summary = "takes the lab down, files included",
					      .entries = state_entries,
					      .n_entries = ARRAY_LEN(state_entries)};
static const struct options_spec exec_spec = {
	.command = "lab exec",
	.arguments = "PLACE [--] COMMAND...",
	.summary = "runs a command in a place: router, server, client, node1, pod/NAME",
	.entries = state_entries,
	.n_entries = ARRAY_LEN(state_entries),
	.is_wrapper = true};

static int read_state_dir(const struct options *o, char path[PATH_MAX], struct err *err)
{
	const char *dir = options_get(o, "state-dir");

	char cwd[PATH_MAX] = "";
	int n;

	if (dir[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(err, errno, "find the working folder");
	n = snprintf(path, PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", dir);
	return n < PATH_MAX ? 0 : err_set(err, ERR_USAGE, "--state-dir: is too long");
}

/* ---- up ------------------------------------------------------------------------------------ */

/* On the host's loopback, before anything is unshared. */
static int open_listener(uint16_t *ret_port, struct err *err)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(LAB_HOST_API_PORT)};
	_cleanup_(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sa);
	int on = 1;

	if (fd < 0)
		return err_sys(err, errno, "make a socket");
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	IGNORE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "then it may be busy");
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		sa.sin_port = 0;
		if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			return err_sys(err, errno, "listen on 127.0.0.1");
	}
	if (listen(fd, 128) < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return err_sys(err, errno, "listen on 127.0.0.1");
	*ret_port = ntohs(sa.sin_port);
	return TAKE_FD(fd);
}

/* Whatever folder the user names is removed with all that is in it: so it has to be a lab's. */
static int remove_dir(const char *dir, struct err *err)
{
	if (lab_state_is_folder(dir))
		return dir_remove_tree(dir, err);
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_set(err, ERR_EXISTS,
			       "--state-dir: folder '%s' holds something else than a lab; nothing "
			       "of it was removed; name another one",
			       dir);
	return err_sys(err, errno, "remove '%s'", dir);
}

static int prepare_dir(const char *dir, struct err *err)
{
	_cleanup_(mem_freep) char *logs = mem_xprintf("%s/log", dir);
	pid_t pid;
	int r;

	if (lab_state_supervisor(dir, &pid, NULL) == 0)
		return err_set(err, ERR_EXISTS,
			       "a lab is up already (state folder '%s', process %d); 'fairlead lab "
			       "down' ends it, --state-dir makes another",
			       dir, pid);
	if ((r = remove_dir(dir, err)) < 0 || (r = dir_make_all(dir, err)) < 0 ||
	    (r = lab_state_mark_folder(dir, err)) < 0)
		return r;
	return dir_make_all(logs, err);
}

static int wait_ready(int ready, int64_t timeout_ms, const char *dir, struct err *err)
{
	struct pollfd p = {.fd = ready, .events = POLLIN};
	char text[ERR_MSG_MAX];
	ssize_t n;

	if (poll(&p, 1, (int)MIN(timeout_ms, INT_MAX)) <= 0)
		return err_set(err, ERR_TIMEOUT,
			       "the cluster is not ready after %lld s; what its parts say is in "
			       "%s/log",
			       (long long)timeout_ms / 1000, dir);
	n = read(ready, text, sizeof(text) - 1);
	if (n == 1 && text[0] == '\0')
		return 0;
	if (n <= 0)
		return err_set(err, ERR_INTERNAL, "the supervisor is dead; see %s/log", dir);
	text[n] = '\0';
	return err_set(err, ERR_INTERNAL, "%s", text);
}

static void kill_and_wait(pid_t pid, const char *dir, int signo)
{
	struct pollfd none = {.fd = -1};
	pid_t is;

	kill(pid, signo);
	/* Process 1 of a PID namespace ends after everything else in it. */
	for (int i = 0; i < 200 && lab_state_supervisor(dir, &is, NULL) == 0; i++)
		poll(&none, 1, 20);
}

static void show_places(const struct json *lab)
{
	printf("\n%-10s %-42s %-42s %s\n", "PLACE", "INTERNAL", "EXTERNAL", "PODS");
	json_foreach(sp, json_get(lab, "spaces")) {
		struct str internal = json_get_string(sp, "internal");
		struct str external = json_get_string(sp, "external");

		if (!external.len)
			external = json_get_string(sp, "address");
		printf("%-10.*s %-42.*s %-42.*s %.*s\n", STR_ARG(json_get_string(sp, "name")),
		       STR_ARG(internal.len ? internal : STR("-")),
		       STR_ARG(external.len ? external : STR("-")),
		       STR_ARG(json_get_string(sp, "pods")));
	}
}

static int show_up(const char *dir, int64_t took_ms, struct err *err)
{
	struct json *lab;
	struct arena a;
	int r;

	arena_init(&a, 0);
	r = lab_state_read(&a, dir, &lab, err);
	if (r == 0) {
		printf("The lab is up after %.1f s.\n", (double)took_ms / 1000.0);
		show_places(lab);
		printf("\nServices " LAB_SERVICE_CIDRS ", DNS " LAB_DNS_VIP
		       "\n\n  export KUBECONFIG=%s/kubeconfig    then kubectl get nodes\n"
		       "  fairlead lab exec client -- curl http://…    from outside; also node1, "
		       "router, pod/NAME\n"
		       "  fairlead lab status     what runs; logs are in %s/log\n"
		       "  fairlead lab down       ends it; nothing stays\n",
		       dir, dir);
	}
	arena_fini(&a);
	return r;
}

static int up(const struct options *o, struct err *err)
{
	char dir[PATH_MAX], program[PATH_MAX] = "";
	int64_t nodes, timeout_ms, began_ms = clock_mono_ms(&clock_system);
	_cleanup_(fd_closep) int listener = -1, ready = -1;
	struct lab_config c = {
		.state_dir = dir, .program = program, .proxy_mode = options_get(o, "proxy-mode")};
	pid_t pid;
	int r;

	if ((r = options_int(o, "nodes", 1, LAB_NODES_MAX, &nodes, err)) < 0 ||
	    (r = options_duration_ms(o, "timeout", &timeout_ms, err)) < 0 ||
	    (r = options_duration_ms(o, "restart-max", &c.restart_max_ms, err)) < 0 ||
	    (r = read_state_dir(o, dir, err)) < 0 || (r = prepare_dir(dir, err)) < 0)
		return r;
	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		return err_sys(err, errno, "find this program's file");
	if ((r = listener = open_listener(&c.api_port, err)) < 0)
		return r;
	c.nodes = (unsigned)nodes;
	c.listener = listener;
	if ((r = lab_start(&c, &pid, &ready, err)) < 0)
		return r;
	if ((r = lab_state_save_supervisor(dir, pid, err)) == 0)
		r = wait_ready(ready, timeout_ms, dir, err);
	if (r < 0) {
		kill_and_wait(pid, dir, SIGKILL);
		return r;
	}
	return show_up(dir, clock_mono_ms(&clock_system) - began_ms, err);
}

/* ---- status, down, exec -------------------------------------------------------------------- */

static int status(const struct options *o, struct err *err)
{
	char dir[PATH_MAX];
	struct json *lab;
	struct arena a;
	pid_t pid;
	int r;

	if ((r = read_state_dir(o, dir, err)) < 0 || (r = lab_state_supervisor(dir, &pid, err)) < 0)
		return r;
	arena_init(&a, 0);
	r = lab_state_read(&a, dir, &lab, err);
	if (r == 0) {
		printf("ready %s, supervisor %d, server %.*s, kubeconfig %.*s\n\n",
		       json_get_bool(lab, "ready", false) ? "yes" : "no", pid,
		       STR_ARG(json_get_string(lab, "server")),
		       STR_ARG(json_get_string(lab, "kubeconfig")));
		printf("%-16s %-10s %-8s %-8s %s\n", "PART", "PLACE", "PID", "STATE", "RESTARTS");
		json_foreach(p, json_get(lab, "parts"))
			printf("%-16.*s %-10.*s %-8lld %-8.*s %lld\n",
			       STR_ARG(json_get_string(p, "name")),
			       STR_ARG(json_get_string(p, "space")),
			       (long long)json_get_int(p, "pid", 0),
			       STR_ARG(json_get_string(p, "state")),
			       (long long)json_get_int(p, "restarts", 0));
		show_places(lab);
	}
	arena_fini(&a);
	return r;
}

static int down(const struct options *o, struct err *err)
{
	char dir[PATH_MAX];
	pid_t pid;
	int r;

	if ((r = read_state_dir(o, dir, err)) < 0)
		return r;
	if (lab_state_supervisor(dir, &pid, err) == 0) {
		kill_and_wait(pid, dir, SIGTERM);
		kill_and_wait(pid, dir, SIGKILL);
		if (lab_state_supervisor(dir, &pid, NULL) == 0)
			return err_set(err, ERR_TIMEOUT, "process %d does not end", pid);
		puts("The lab is down.");
	} else {
		puts("No lab was up.");
	}
	return remove_dir(dir, err);
}

static int exec_in(const struct options *o, struct err *err)
{
	char dir[PATH_MAX];
	size_t at = 1;
	int r, wstatus;
	pid_t pid;

	if ((r = read_state_dir(o, dir, err)) < 0)
		return r;
	if (o->arguments.len > 1 && !strcmp(o->arguments.ptr[1], "--"))
		at = 2;
	if (o->arguments.len <= at)
		return err_set(err, ERR_USAGE, "a place and a command: lab exec node1 -- ip addr");
	if ((r = lab_enter(dir, o->arguments.ptr[0], err)) < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0) {
		VEC(char *) argv = {0};

		for (size_t i = at; i < o->arguments.len; i++)
			*vec_push(&argv) = mem_xstrdup(o->arguments.ptr[i]);
		*vec_push(&argv) = NULL;
		execvp(argv.ptr[0], argv.ptr);
		fprintf(stderr, "fairlead lab exec: %s: %s\n", argv.ptr[0], strerror(errno));
		_exit(127);
	}
	signal(SIGINT, SIG_IGN);
	while (waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	/* As in cmd/pause.c: no thread can be made here any more, so nothing may run at exit. */
	_exit(WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus));
}

/* ---- the verb ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const struct options_spec *spec;
	int (*run)(const struct options *o, struct err *err);
} verbs[] = {
	{"up", &up_spec, up},
	{"status", &status_spec, status},
	{"exec", &exec_spec, exec_in},
	{"down", &down_spec, down},
	{"setup", &cmd_lab_setup_spec, cmd_lab_setup},
};

static int run_verb(size_t i, int argc, char **argv, struct err *err)
{
	struct options o;
	int r = options_parse(verbs[i].spec, argc, argv, &o, err);

	if (r < 0)
		return r;
	if (o.is_help) {
		struct buf b = BUF_INIT;

		options_help(verbs[i].spec, &b);
		fputs(b.ptr, stdout);
		buf_fini(&b);
	} else {
		r = verbs[i].run(&o, err);
	}
	options_fini(&o);
	return r;
}

static int run(const struct options *o, struct err *err)
{
	VEC(char *) argv = {0};
	struct str name = o->arguments.len ? str_of(o->arguments.ptr[0]) : (struct str){0};
	int r = ERR_USAGE;

	vec_foreach(a, &o->arguments)
		*vec_push(&argv) = mem_xstrdup(*a);
	for (size_t i = 0; r == ERR_USAGE && i < ARRAY_LEN(verbs); i++)
		if (str_eq_c(name, verbs[i].name)) {
			r = run_verb(i, (int)argv.len, argv.ptr, err);
			goto out;
		}
	r = err_set(err, ERR_USAGE, "'%.*s': must be up, status, exec or down", STR_ARG(name));
out:
	vec_foreach(a, &argv)
		free(*a);
	vec_fini(&argv);
	return r;
}

static const struct options_spec spec = {
	.command = "lab",
	.arguments = "up|status|exec|down [OPTIONS]",
	.summary = "a whole cluster in namespaces of this machine",
	.description =
		"'lab up' [--nodes N] makes nodes, a router, an outside client, the API server, DNS, and an "
		"agent and a proxy for each node, all in namespaces of their own; nothing of the "
		"host's network changes. 'lab exec PLACE -- COMMAND' runs a command in router, "
		"server, client, node1 … or pod/NAME. 'lab status' shows what runs. 'lab down' "
		"ends all of it.\n\n"
		"Needs root, or 'unshare -Urn' where the kernel allows it; give a --state-dir that "
		"can be written then.",
	.is_wrapper = true,
};

const struct cmd_verb cmd_lab = {.spec = &spec, .run = run};
