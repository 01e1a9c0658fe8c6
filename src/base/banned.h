/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Forced into every file by the build: calls that have a safe counterpart here do not compile.
 * (random() would be among them, were the word not in <uv.h>; without srandom it is of no use.) */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets
#pragma GCC poison localtime gmtime ctime asctime atoi atol atoll atof strtol strtoul strtoll      \
	strtoull
#pragma GCC poison srand srandom drand48 tmpnam mktemp
