/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const struct {
	int http;
	int exit;
	const char *reason;
} err_rows[] = {[ERR_OK] = {200, 0, ""},
#define X(sym, http_, reason_, exit_)                                                              \
	[ERR_INDEX_##sym] = {.http = (http_), .exit = (exit_), .reason = (reason_)},
		ERR_TABLE(X)
#undef X
};

int err_vset(struct err *err, int code, const char *fmt, va_list ap)
{
	assert(code < 0);
	if (!err)
		return code;
	err->code = code;
	err->sys = 0;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	return code;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(struct err *err, int sys, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	size_t n;

	assert(sys > 0);
	if (!err)
		return -sys;
	va_start(ap, fmt);
	err_vset(err, ERR_SYSTEM, fmt, ap);
	va_end(ap);
	err->sys = sys;
	n = strlen(err->msg);
	/* The GNU strerror_r: it may ignore the buffer and is safe among threads. */
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror_r(sys, text, sizeof(text)));
	return -sys;
}

int err_wrap(struct err *err, int r, const char *fmt, ...)
{
	char inner[ERR_MSG_MAX];
	va_list ap;
	size_t n;

	assert(r < 0);
	if (!err)
		return r;
	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	if (n + 3 < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %.*s",
			 (int)(sizeof(err->msg) - n - 3), inner);
	return r;
}

static size_t err_index(int code)
{
	if (code >= 0)
		return ERR_OK;
	if (code <= -1001 && code > -1000 - (int)ERR_INDEX_END)
		return (size_t)(-1000 - code);
	return ERR_INDEX_SYSTEM; /* -errno */
}

int err_http_status(int code)
{
	return err_rows[err_index(code)].http;
}

const char *err_reason(int code)
{
	return err_rows[err_index(code)].reason;
}

int err_exit_status(int code)
{
	return err_rows[err_index(code)].exit;
}

int err_from_http(int status, const char *reason)
{
	int fallback = ERR_INTERNAL;

	for (size_t i = 1; i < ERR_INDEX_END; i++) {
		if (err_rows[i].http != status)
			continue;
		if (reason && strcmp(err_rows[i].reason, reason) == 0)
			return -1000 - (int)i;
		if (fallback == ERR_INTERNAL)
			fallback = -1000 - (int)i;
	}
	return fallback;
}
