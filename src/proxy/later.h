/* Calls put off to the end of the turn, so that nobody is freed under the feet of who called him.
 * Knows nothing of who they are.
 */
#ifndef PROXY_LATER_H
#define PROXY_LATER_H

#include <stdbool.h>
#include <stddef.h>

struct proxy_later;
typedef void proxy_later_call(struct proxy_later *l);

/* Embedded in what is to be called; zeroed: not put off. */
struct proxy_later {
	struct proxy_later *next, **link; /* link: where the pointer to this one is */
	proxy_later_call *call;
};

struct proxy_later_list {
	struct proxy_later *first;
};

/* Once is enough: a second one changes nothing. */
static inline void proxy_later_add(struct proxy_later_list *list, struct proxy_later *l,
				   proxy_later_call *call)
{
	if (l->link)
		return;
	l->call = call;
	l->next = list->first;
	if (l->next)
		l->next->link = &l->next;
	list->first = l;
	l->link = &list->first;
}

/* Before the storage goes. */
static inline void proxy_later_cancel(struct proxy_later *l)
{
	if (!l->link)
		return;
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	l->link = NULL;
}

/* Calls those that stand in it now; what they add is for the next time. */
static inline void proxy_later_run(struct proxy_later_list *list)
{
	struct proxy_later_list now = {.first = list->first};
	list->first = NULL;
	if (now.first)
		now.first->link = &now.first;
	while (now.first) {
		struct proxy_later *l = now.first;
		proxy_later_cancel(l);
		l->call(l);
	}
}

#endif
