/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intrusive doubly linked list with a head node, in the manner of the kernel's.
 *
 *	struct conn { struct list_node link; … };
 *	struct list_node conns; list_init(&conns);
 *	list_append(&conns, &c->link);
 *	list_foreach (struct conn, c, &conns, link) …      the body may remove c
 *
 * A node that is in no list points at itself; list_remove leaves it so and may be called twice.
 */

#include "base/macro.h"

struct list_node {
	struct list_node *next, *prev;
};

static inline void list_init(struct list_node *n)
{
	n->next = n->prev = n;
}

static inline bool list_is_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list_node *n)
{
	return n->next && n->next != n;
}

static inline void list_insert_before(struct list_node *at, struct list_node *n)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}

static inline void list_append(struct list_node *head, struct list_node *n)
{
	list_insert_before(head, n);
}

static inline void list_remove(struct list_node *n)
{
	if (!n->next)
		return;
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_first(type, head, member)                                                             \
	(list_is_empty(head) ? NULL : CONTAINER_OF((head)->next, type, member))

#define list_foreach(type, it, head, member)                                                       \
	for (type *it = CONTAINER_OF((head)->next, type, member),                                  \
		  *it##_next_ = CONTAINER_OF(it->member.next, type, member);                       \
	     &it->member != (head);                                                                \
	     it = it##_next_, it##_next_ = CONTAINER_OF(it->member.next, type, member))
