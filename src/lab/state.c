/* SPDX-License-Identifier: Apache-2.0 */
#include "lab/state.h"

#include "base/fd.h"
#include "base/process.h"

#include <unistd.h>

enum {
	LAB_JSON_MAX = 1048576,
};

static struct json *space_json(struct arena *a, const struct lab_spaces *s, size_t i)
{
	const struct lab_space *sp = &s->all.ptr[i];
	struct json *o = json_new(a, JSON_OBJECT);
	unsigned node = i < 3 ? 0 : (unsigned)i - 2;

	json_set_string(a, o, "name", str_of(sp->name));
	json_set(o, "pid", json_new_int(a, sp->pid));
	if (i == 2) {
		json_set_string(a, o, "address",
				lab_plan_addrs(a, LAB_OUTSIDE, LAB_GUEST, s->has_v6));
		return o;
	}
	json_set_string(a, o, "internal",
			lab_plan_addrs(a, LAB_INTERNAL,
				       node     ? LAB_NODE0 + node
				       : i == 0 ? LAB_ROUTER
						: LAB_GUEST,
				       s->has_v6));
	if (node) {
		json_set_string(a, o, "external",
				lab_plan_addrs(a, LAB_EXTERNAL, LAB_NODE0 + node, s->has_v6));
		json_set_string(a, o, "pods", lab_plan_pod_cidrs(a, node, s->has_v6));
	}
	return o;
}

static struct json *part_json(struct arena *a, const struct lab_part *p)
{
	struct json *o = json_new(a, JSON_OBJECT);

	json_set_string(a, o, "name", str_of(p->name));
	json_set_string(a, o, "space", str_of(p->space));
	json_set(o, "pid", json_new_int(a, p->pid));
	json_set_string(a, o, "state",
			p->pid       ? STR("running")
			: p->is_done ? STR("done")
				     : STR("waiting"));
	json_set(o, "restarts", json_new_int(a, p->restarts));
	return o;
}

int lab_state_write(const struct lab_config *c, const struct lab_spaces *s,
		    const struct lab_part *parts, size_t n_parts, bool is_ready, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/lab.json", c->state_dir);
	struct json *o, *spaces, *list;
	struct buf b = BUF_INIT;
	struct arena a;
	int r;

	arena_init(&a, 0);
	o = json_new(&a, JSON_OBJECT);
	json_set(o, "ready", json_new_bool(&a, is_ready));
	json_set_string(&a, o, "server", str_printf(&a, "https://127.0.0.1:%u", c->api_port));
	json_set_string(&a, o, "kubeconfig", str_printf(&a, "%s/kubeconfig", c->state_dir));
	spaces = json_set(o, "spaces", json_new(&a, JSON_ARRAY));
	for (size_t i = 0; i < s->all.len; i++)
		json_append(spaces, space_json(&a, s, i));
	list = json_set(o, "parts", json_new(&a, JSON_ARRAY));
	for (size_t i = 0; i < n_parts; i++)
		json_append(list, part_json(&a, &parts[i]));
	json_write_pretty(&b, o);
	r = fd_write_file(path, buf_str(&b), 0644, err);
	buf_fini(&b);
	arena_fini(&a);
	return r;
}

int lab_state_read(struct arena *a, const char *state_dir, struct json **ret, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/lab.json", state_dir);
	struct buf b = BUF_INIT;
	int r = fd_read_file(path, LAB_JSON_MAX, &b, err);

	if (r == 0)
		r = json_parse(a, buf_str(&b), 0, ret, err);
	buf_fini(&b);
	return r < 0 ? err_wrap(err, r, "%s", path) : 0;
}

int lab_state_save_supervisor(const char *state_dir, pid_t pid, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/supervisor", state_dir);

	return process_write(path, pid, 0644, err);
}

bool lab_state_is_folder(const char *state_dir)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/supervisor", state_dir);

	return access(path, F_OK) == 0;
}

int lab_state_mark_folder(const char *state_dir, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/supervisor", state_dir);

	return fd_write_file(path, STR(""), 0644, err);
}

int lab_state_supervisor(const char *state_dir, pid_t *ret, struct err *err)
{
	_cleanup_(mem_freep) char *path = mem_xprintf("%s/supervisor", state_dir);
	uint64_t start;
	pid_t pid;

	if (process_read(path, &pid, &start, NULL) < 0 || !process_is(pid, start))
		return err_set(err, ERR_NOT_FOUND, "no lab is up with state folder '%s'",
			       state_dir);
	*ret = pid;
	return 0;
}
