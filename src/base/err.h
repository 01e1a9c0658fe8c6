/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors: set once, wrapped on the way up, shown once at the edge.
 *
 * A fallible function returns int: 0 (or a count) for success, a negative code for failure. Where
 * the reason can reach a person, its last argument is `struct err *err`: a plain value on the
 * caller's stack, so it cannot leak or dangle. The callee fills it on failure and does not touch
 * it on success; NULL is allowed and means "the code is enough".
 *
 *	if (fd < 0)
 *		return err_sys(err, errno, "open '%s'", path);
 *	r = load(path, &x, err);
 *	if (r < 0)
 *		return err_wrap(err, r, "loading %s", name);
 *
 * Codes are one table: symbol, HTTP status, Kubernetes reason (service-api.md section 18.3) and
 * exit status of a command. The numbers are -1001 and below, so that they never meet -errno.
 * A library function returns errors and does not log them.
 */

#include "base/macro.h"

#include <stdarg.h>

/* clang-format off */
#define ERR_TABLE(X) \
	/* symbol        HTTP  Kubernetes reason          exit */ \
	X(BAD_REQUEST,    400, "BadRequest",               65) \
	X(UNAUTHORIZED,   401, "Unauthorized",             77) \
	X(FORBIDDEN,      403, "Forbidden",                77) \
	X(NOT_FOUND,      404, "NotFound",                 69) \
	X(METHOD,         405, "MethodNotAllowed",         64) \
	X(NOT_ACCEPTABLE, 406, "NotAcceptable",            64) \
	X(EXISTS,         409, "AlreadyExists",            73) \
	X(CONFLICT,       409, "Conflict",                 75) \
	X(GONE,           410, "Expired",                  75) \
	X(TOO_LARGE,      413, "RequestEntityTooLarge",    65) \
	X(MEDIA_TYPE,     415, "UnsupportedMediaType",     65) \
	X(INVALID,        422, "Invalid",                  65) \
	X(TOO_MANY,       429, "TooManyRequests",          75) \
	X(INTERNAL,       500, "InternalError",            70) \
	X(UNAVAILABLE,    503, "ServiceUnavailable",       69) \
	X(TIMEOUT,        504, "Timeout",                  75) \
	X(SYSTEM,         500, "InternalError",            71) \
	X(USAGE,          400, "BadRequest",               64) \
	X(UNSUPPORTED,    501, "NotImplemented",           69) \
	X(LIMIT,          507, "InsufficientStorage",      75)
/* clang-format on */

enum err_code {
	ERR_OK = 0,
#define X(sym, http, reason, exit) ERR_INDEX_##sym,
	ERR_TABLE(X)
#undef X
	ERR_INDEX_END,
};

/* The codes themselves: ERR_INVALID is -1000 - its index. */
enum {
#define X(sym, http, reason, exit) ERR_##sym = -1000 - (int)ERR_INDEX_##sym,
	ERR_TABLE(X)
#undef X
};

enum {
	ERR_MSG_MAX = 1024, /* bytes of text with the NUL; longer text is cut */
};

struct err {
	int code; /* negative; an ERR_ code, or ERR_SYSTEM with `sys` */
	int sys;  /* errno, or 0 */
	char msg[ERR_MSG_MAX];
};

/* Fills *err (may be NULL) and returns `code`. */
int err_set(struct err *err, int code, const char *fmt, ...) _printf_(3, 4);
int err_vset(struct err *err, int code, const char *fmt, va_list ap) _printf_(3, 0);

/* "<text>: <strerror(sys)>" with code ERR_SYSTEM. Returns -sys, so callers can test for one errno.
 */
int err_sys(struct err *err, int sys, const char *fmt, ...) _printf_(3, 4);

/* Puts "<text>: " in front of the message that is there. Returns `r` unchanged. */
int err_wrap(struct err *err, int r, const char *fmt, ...) _printf_(3, 4);

/* HTTP status (500 for unknown codes), Kubernetes reason, exit status of a returned code. */
int err_http_status(int code) _pure_;
const char *err_reason(int code) _pure_;
int err_exit_status(int code) _pure_;

/* The code whose HTTP status and reason a peer sent; ERR_INTERNAL when none fits. */
int err_from_http(int status, const char *reason) _pure_;
