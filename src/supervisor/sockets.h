/* The sockets and TUN devices that a plan asks for, held open across the lives of the services, and
 * the directories that it wants made. Knows no service. */
#ifndef SUPERVISOR_SOCKETS_H
#define SUPERVISOR_SOCKETS_H

#include "supervisor/plan.h"

#include <stddef.h>

struct socket_entry {
	struct plan_record record;
	int *fds;     /* fds_n of them; owned; NULL for what is passed nothing for */
	size_t fds_n; /* record.copies, but of a PLAN_TUN as many queues as the kernel gives */
	/* A PLAN_BPF, or a PLAN_TUN and what is of it, that this kernel refuses; what is
	 * PLAN_OPTIONAL and could not be opened. */
	bool missing;
};

struct socket_set {
	struct socket_entry *entries;
	size_t n;
};

/* Opens what plan asks for; what `from` holds already is taken over from there and not opened anew.
 * On an error, which is logged, ret is untouched and from has all it had. */
MUST enum err socket_set_open(const struct plan *plan, struct socket_set *from,
			      struct socket_set *ret);
/* Closes all, and removes the files of unix sockets that keep does not hold (keep may be NULL). */
void socket_set_done(struct socket_set *set, const struct socket_set *keep);

/* How many descriptors the service has in the set. */
size_t socket_set_count(const struct socket_set *set, const char *service);
/* The directory of that kind (PLAN_STATE, PLAN_BPF) that was made for the service; NULL: none.
 * Borrowed from the set. */
const char *socket_set_folder(const struct socket_set *set, const char *service,
			      enum plan_kind kind);
/* Whether a service has the same sockets, devices and directories in both: what is of a device's
 * link may differ. */
bool socket_set_same(const struct socket_set *a, const struct socket_set *b, const char *service);

#endif
