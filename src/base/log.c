/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
	LOG_LINE_MAX = 2048
};

static const char *const log_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

static enum log_level log_level = LOG_INFO;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_last[LOG_LINE_MAX];
static unsigned long log_repeats;

void log_set_level(enum log_level level)
{
	log_level = level;
}

bool log_is_on(enum log_level level)
{
	return level <= log_level;
}

int log_level_parse(const char *name, enum log_level *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(log_names); i++) {
		if (strcmp(name, log_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "no log level '%s': use error, warning, info or debug",
		       name);
}

void log_write(enum log_level level, const char *component, const char *fmt, ...)
{
	char line[LOG_LINE_MAX], stamp[CLOCK_RFC3339_MAX];
	va_list ap;
	int n;

	if (!log_is_on(level))
		return;
	n = snprintf(line, sizeof(line), "%s %s ", log_names[level], component);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	va_end(ap);
	clock_format(stamp, clock_system.wall_ns(&clock_system), 6);

	pthread_mutex_lock(&log_lock);
	if (strcmp(line, log_last) == 0) {
		log_repeats++;
	} else {
		if (log_repeats)
			fprintf(stderr, "%s info log the line above repeated %lu times\n", stamp,
				log_repeats);
		log_repeats = 0;
		memcpy(log_last, line, sizeof(log_last));
		fprintf(stderr, "%s %s\n", stamp, line);
	}
	pthread_mutex_unlock(&log_lock);
}
