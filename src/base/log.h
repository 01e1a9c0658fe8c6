/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Logging, for daemons and engines only: a library room returns errors (docs/principles.md).
 *
 * One line an event on standard error:
 *
 *	2026-11-21T10:22:33.123Z info proxy synced revision=812 services=3 took_ms=2
 *
 * level, component, message, then key=value pairs written by the caller in the format string; the
 * object as service=default/web; the error's text last. A message that repeats without a pause is
 * written once and then counted ("repeated 41 times"). Safe among threads.
 *
 * error: someone must act. warning: survived, and says how. info: what one would tell a colleague.
 * debug: off by default.
 */

#include "base/err.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

void log_set_level(enum log_level level); /* default LOG_INFO */
bool log_is_on(enum log_level level);
int log_level_parse(const char *name, enum log_level *ret, struct err *err) _nodiscard_;

void log_write(enum log_level level, const char *component, const char *fmt, ...) _printf_(3, 4);

/* LOG_COMPONENT is defined by the file that logs, before it includes this header. */
#define log_error(...)   log_write(LOG_ERROR, LOG_COMPONENT, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, LOG_COMPONENT, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, LOG_COMPONENT, __VA_ARGS__)
#define log_debug(...)                                                                             \
	do {                                                                                       \
		if (log_is_on(LOG_DEBUG))                                                          \
			log_write(LOG_DEBUG, LOG_COMPONENT, __VA_ARGS__);                          \
	} while (0)
