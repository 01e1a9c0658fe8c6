/* SPDX-License-Identifier: Apache-2.0 */
#include "api/path.h"

void api_path_write(struct buf *b, const struct api_path *p)
{
	if (!p)
		return;
	api_path_write(b, p->up);
	if (p->name) {
		if (b->len)
			buf_add_byte(b, '.');
		buf_add_c(b, p->name);
	} else if (str_is_set(p->key)) {
		buf_printf(b, "[%.*s]", STR_ARG(p->key));
	} else {
		buf_printf(b, "[%zu]", p->index);
	}
}
