/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/store/util.h"

struct store *backend_open(struct loop *l)
{
	return store_memory_new(l);
}
