/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * STATE/lab.json: what the lab is made of, for the verbs and for tests. Written by the supervisor
 * at each change, as a whole. Process ids in it are those inside the lab's PID namespace, except
 * the supervisor's own id outside, which is in STATE/supervisor ("PID START\n", written by
 * `lab up`, empty before that). The latter also marks a folder as a lab's own, which may be
 * removed.
 */

#include "lab/lab.h"
#include "lab/part.h"
#include "json/json.h"

int lab_state_write(const struct lab_config *c, const struct lab_spaces *s,
		    const struct lab_part *parts, size_t n_parts, bool is_ready,
		    struct err *err) _nodiscard_;
int lab_state_read(struct arena *a, const char *state_dir, struct json **ret,
		   struct err *err) _nodiscard_;

/* The supervisor's id outside; ERR_NOT_FOUND when no lab is up here. */
int lab_state_save_supervisor(const char *state_dir, pid_t pid, struct err *err) _nodiscard_;
int lab_state_supervisor(const char *state_dir, pid_t *ret, struct err *err) _nodiscard_;

/* Whether the folder was made for a lab, up or not. */
bool lab_state_is_folder(const char *state_dir);
int lab_state_mark_folder(const char *state_dir, struct err *err) _nodiscard_;
