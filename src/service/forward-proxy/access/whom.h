/* Whom a limit is for: clients by address, by group of the site's policy, by who is signed in.
 * Knows neither the limit nor the policy. */
#ifndef FORWARD_PROXY_ACCESS_WHOM_H
#define FORWARD_PROXY_ACCESS_WHOM_H

#include "service/forward-proxy/access/access.h"

/* All that is given must fit the client; an empty list fits everybody. */
struct whom {
	const struct ip_prefix *from;
	size_t from_n;
	const char *const *groups; /* one is enough */
	size_t groups_n;
	const char *const *users; /* "*": whoever is signed in */
	size_t users_n;
};

/* Of f the client, the user and the groups are looked at; what is not known of groups is taken for
 * the worse: the limit fits. */
bool whom_fits(const struct whom *w, const struct access_facts *f);

/* The first of the groups of w that the client is in, or may be in; NULL: none. */
const char *whom_group(const struct whom *w, const struct access_facts *f);

#endif
