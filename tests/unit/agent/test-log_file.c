/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log_file.h"

#include "base/dir.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A log in a folder of its own, and one who reads it. */
struct rig {
	char dir[64], path[96], old[96];
	struct agent_log_file file;
	struct buf out;
};

static void say_at(struct rig *r, int second, const char *stream, const char *text)
{
	FILE *f = fopen(r->path, "ae");

	ASSERT_TRUE(f != NULL);
	fprintf(f, "2026-01-02T03:04:%02d.000000006Z %s %s\n", second, stream, text);
	ASSERT_EQ(fclose(f), 0);
}

static void say_on(struct rig *r, const char *stream, const char *text)
{
	say_at(r, 5, stream, text);
}

static void say(struct rig *r, const char *text)
{
	say_on(r, "stdout", text);
}

/* As the pause does it. */
static void rotate(struct rig *r)
{
	int fd;

	ASSERT_EQ(rename(r->path, r->old), 0);
	fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_TRUE(fd >= 0);
	close(fd);
}

static void rig_start(struct rig *r, uint64_t limit)
{
	struct err err;

	snprintf(r->dir, sizeof(r->dir), "/tmp/fairlead-log-XXXXXX");
	ASSERT_TRUE(mkdtemp(r->dir) != NULL);
	snprintf(r->path, sizeof(r->path), "%s/0.log", r->dir);
	snprintf(r->old, sizeof(r->old), "%s/0.log.1", r->dir);
	say(r, "F one");
	say(r, "F two");
	r->out = BUF_INIT;
	ASSERT_OK(agent_log_file_open(&r->file, r->path, false, limit, &err));
}

static void rig_stop(struct rig *r)
{
	struct err err;

	agent_log_file_close(&r->file);
	buf_fini(&r->out);
	ASSERT_OK(dir_remove_tree(r->dir, &err));
}

/* What there is to read now, at the end. */
static const char *more(struct rig *r)
{
	buf_clear(&r->out);
	while (agent_log_file_more(&r->file, &r->out))
		;
	return r->out.len ? r->out.ptr : "";
}

TEST(all_of_it_and_what_comes_later)
{
	struct rig r;

	rig_start(&r, UINT64_MAX);
	agent_log_file_all(&r.file, UINT64_MAX, &r.out);
	ASSERT_STREQ(r.out.ptr, "one\ntwo\n");
	ASSERT_STREQ(more(&r), "");
	say(&r, "P thr");
	say(&r, "F ee");
	ASSERT_STREQ(more(&r), "three\n");
	rig_stop(&r);
}

TEST(the_last_lines_reach_into_the_older_part)
{
	struct err err;
	struct rig r;

	rig_start(&r, UINT64_MAX);
	rotate(&r);
	say(&r, "F three");
	agent_log_file_close(&r.file);
	ASSERT_OK(agent_log_file_open(&r.file, r.path, false, UINT64_MAX, &err));
	agent_log_file_all(&r.file, 2, &r.out);
	ASSERT_STREQ(r.out.ptr, "two\nthree\n");
	rig_stop(&r);
}

TEST(a_limit_holds_for_what_comes_later_too)
{
	struct rig r;

	rig_start(&r, 10);
	agent_log_file_all(&r.file, UINT64_MAX, &r.out);
	ASSERT_STREQ(r.out.ptr, "one\ntwo\n");
	say(&r, "F three");
	ASSERT_STREQ(more(&r), "th");
	ASSERT_EQ(r.file.left, 0);
	rig_stop(&r);
}

TEST(a_reader_goes_along_with_a_rotation)
{
	struct rig r;

	rig_start(&r, UINT64_MAX);
	agent_log_file_all(&r.file, UINT64_MAX, &r.out);
	say(&r, "F three");
	rotate(&r);
	say(&r, "F four");
	ASSERT_STREQ(more(&r), "three\nfour\n");
	say(&r, "F five");
	ASSERT_STREQ(more(&r), "five\n");
	rig_stop(&r);
}

TEST(one_who_missed_a_rotation_goes_on_with_the_oldest_there_is)
{
	struct rig r;

	rig_start(&r, UINT64_MAX);
	agent_log_file_all(&r.file, UINT64_MAX, &r.out);
	rotate(&r);
	say(&r, "F three");
	rotate(&r);
	say(&r, "F four");
	ASSERT_STREQ(more(&r), "three\nfour\n");
	rig_stop(&r);
}

TEST(what_is_older_than_asked_for_is_left_out)
{
	int64_t since;
	struct err err;
	struct rig r;

	rig_start(&r, UINT64_MAX);
	say_at(&r, 7, "stdout", "F seven");
	say_at(&r, 8, "stdout", "F last");
	ASSERT_OK(clock_parse(STR("2026-01-02T03:04:07.000000006Z"), &since, &err));
	agent_log_file_since(&r.file, since);
	/* Of the last lines: those before them do not come back. */
	agent_log_file_all(&r.file, 3, &r.out);
	ASSERT_STREQ(r.out.ptr, "seven\nlast\n");
	say_at(&r, 6, "stdout", "F a clock that went back");
	say_at(&r, 9, "stdout", "F nine");
	ASSERT_STREQ(more(&r), "nine\n");
	rig_stop(&r);
}

TEST(a_line_in_parts_has_one_time)
{
	struct rig r;

	rig_start(&r, UINT64_MAX);
	r.file.has_times = true;
	agent_log_file_all(&r.file, 0, &r.out);
	say(&r, "P thr");
	say_on(&r, "stderr", "F oops");
	say(&r, "F ee");
	say(&r, "F four");
	ASSERT_STREQ(more(&r),
		     "2026-01-02T03:04:05.000000006Z thr2026-01-02T03:04:05.000000006Z oops\n"
		     "ee\n2026-01-02T03:04:05.000000006Z four\n");
	rig_stop(&r);
}

TEST(errors_are_given_apart_to_who_wants_it)
{
	struct rig r;
	struct buf errors = BUF_INIT;

	rig_start(&r, UINT64_MAX);
	agent_log_file_all(&r.file, 0, &r.out);
	ASSERT_EQ(r.out.len, 0);
	say_on(&r, "stderr", "F bad");
	say(&r, "F good");
	ASSERT_STREQ(more(&r), "bad\ngood\n");
	r.file.errors = &errors;
	say_on(&r, "stderr", "P worse ");
	say(&r, "F better");
	say_on(&r, "stderr", "F still");
	ASSERT_STREQ(more(&r), "better\n");
	ASSERT_STREQ(errors.ptr, "worse still\n");
	buf_fini(&errors);
	rig_stop(&r);
}
