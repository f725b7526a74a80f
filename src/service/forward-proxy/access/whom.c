#include "service/forward-proxy/access/whom.h"

static bool is_user(const struct whom *w, struct span user)
{
	for (size_t i = 0; i < w->users_n; i++)
		if (user.len && (strcmp(w->users[i], "*") == 0 || span_is(user, w->users[i])))
			return true;
	return w->users_n == 0;
}

static bool is_from(const struct whom *w, const struct ip_address *client)
{
	for (size_t i = 0; i < w->from_n; i++)
		if (ip_prefix_contains(&w->from[i], client))
			return true;
	return w->from_n == 0;
}

const char *whom_group(const struct whom *w, const struct access_facts *f)
{
	for (size_t i = 0; i < w->groups_n; i++)
		if (!f->member || f->member(f->member_arg, w->groups[i]) != ACCESS_MEMBER_NOT)
			return w->groups[i];
	return NULL;
}

bool whom_fits(const struct whom *w, const struct access_facts *f)
{
	return is_from(w, &f->client) && is_user(w, f->user) &&
	       (w->groups_n == 0 || whom_group(w, f));
}
