/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/log_file.h"

#include "agent/pause.h"
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOG_CHUNK = 65536, /* bytes of one read */
};

int agent_log_file_open(struct agent_log_file *f, const char *path, bool has_times, uint64_t limit,
			struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "there is no log '%s'", path);
	*f = (struct agent_log_file){.path = mem_xstrdup(path),
				     .fd = fd,
				     .has_times = has_times,
				     .left = limit,
				     .line = BUF_INIT};
	return 0;
}

void agent_log_file_since(struct agent_log_file *f, int64_t wall_ns)
{
	clock_format(f->since, wall_ns, 9);
}

void agent_log_file_close(struct agent_log_file *f)
{
	fd_close(f->fd);
	buf_fini(&f->line);
	free(f->path);
}

/* ---- lines --------------------------------------------------------------------------------- */

/* "TIME stdout F|P TEXT": the text, with the time when asked for; a part (P) has no line end. */
static void add_line(struct agent_log_file *f, struct buf *out, struct str line)
{
	struct str rest = line, when, stream, mark;
	bool *is_inside, is_error;
	size_t before;

	if (!str_next(&rest, ' ', &when) || !str_next(&rest, ' ', &stream) ||
	    !str_next(&rest, ' ', &mark))
		return;
	/* Times are all of one form and length. */
	if (str_cmp(when, str_of(f->since)) < 0)
		return;
	is_error = str_eq_c(stream, "stderr");
	is_inside = &f->is_inside[is_error];
	if (f->errors && is_error)
		out = f->errors;
	before = out->len;
	if (f->has_times && !*is_inside) {
		buf_add_str(out, when);
		buf_add_byte(out, ' ');
	}
	buf_add_str(out, rest);
	*is_inside = !str_eq_c(mark, "F");
	if (!*is_inside)
		buf_add_byte(out, '\n');
	if (out->len - before > f->left)
		buf_set_len(out, before + (size_t)f->left);
	f->left -= f->left == UINT64_MAX ? 0 : out->len - before;
}

/* Where the last n lines begin. */
static size_t tail_start(struct str text, uint64_t n)
{
	size_t at = text.len;

	if (at > 0 && text.ptr[at - 1] == '\n')
		at--;
	while (at > 0 && n > 0) {
		if (text.ptr[at - 1] == '\n' && --n == 0)
			break;
		at--;
	}
	return at;
}

/* ---- reading ------------------------------------------------------------------------------- */

static ssize_t read_chunk(int fd, struct buf *b)
{
	ssize_t n;

	buf_reserve(b, LOG_CHUNK);
	n = read(fd, b->ptr + b->len, LOG_CHUNK);
	if (n > 0)
		buf_set_len(b, b->len + (size_t)n);
	return n;
}

void agent_log_file_all(struct agent_log_file *f, uint64_t tail, struct buf *out)
{
	_cleanup_(mem_freep) char *old = mem_xprintf("%s.1", f->path);
	struct buf text = BUF_INIT;
	struct str rest, line;

	IGNORE(fd_read_file(old, 2 * AGENT_LOG_MAX, &text, NULL), "most logs have no older part");
	while (text.len < 4 * (size_t)AGENT_LOG_MAX && read_chunk(f->fd, &text) > 0)
		;
	rest = buf_str(&text);
	if (tail != UINT64_MAX)
		rest = str_skip(rest, tail > 0 ? tail_start(rest, tail) : rest.len);
	while (str_next(&rest, '\n', &line))
		if (line.len)
			add_line(f, out, line);
	buf_fini(&text);
}

static bool is_at(const char *path, const struct stat *own)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == own->st_dev && st.st_ino == own->st_ino;
}

/* After a rotation the descriptor is that of RUN.log.1, or of a file that is gone by now: opens the
 * one that came after it. False when it is still the newest. */
static bool follow_rotation(struct agent_log_file *f)
{
	_cleanup_(mem_freep) char *old = mem_xprintf("%s.1", f->path);
	struct stat own;
	int fd;

	/* Between the renaming and the new file there is none for a moment: later, then. */
	if (fstat(f->fd, &own) < 0 || is_at(f->path, &own) || access(f->path, R_OK) < 0)
		return false;
	/* What was written before the renaming and after the last read comes first. */
	if (read_chunk(f->fd, &f->line) > 0)
		return true;
	fd = open(is_at(old, &own) ? f->path : old, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	fd_close(f->fd);
	f->fd = fd;
	return true;
}

/* The whole lines that have been read. */
static void take_lines(struct agent_log_file *f, struct buf *out)
{
	ptrdiff_t end = str_rfind(buf_str(&f->line), '\n');
	struct str rest = str_sub(buf_str(&f->line), 0, (size_t)(end + 1)), line;

	while (str_next(&rest, '\n', &line))
		add_line(f, out, line);
	buf_consume(&f->line, (size_t)(end + 1));
}

bool agent_log_file_more(struct agent_log_file *f, struct buf *out)
{
	size_t total = 0;

	while (total < AGENT_LOG_TURN && f->left > 0) {
		size_t before = f->line.len;

		if (read_chunk(f->fd, &f->line) <= 0 && !follow_rotation(f))
			break;
		total += f->line.len - before;
		take_lines(f, out);
	}
	return total > 0;
}
