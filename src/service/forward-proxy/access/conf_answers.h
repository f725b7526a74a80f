/* Which answers may reach clients, as the configuration has it. Knows no answer. */
#ifndef FORWARD_PROXY_ACCESS_CONF_ANSWERS_H
#define FORWARD_PROXY_ACCESS_CONF_ANSWERS_H

#include "service/forward-proxy/access/conf_access.h"

struct answers_rules;

struct forward_answer_conf {
	struct forward_rule_conf who;
	struct config_list types; /* const char * */
	uint64_t larger;
	bool has_larger;
};

enum { FORWARD_ANSWERS_MAX = 256 };

extern const struct config_map forward_answer_map;

/* Compiles a list of them into ret, which points into it and into a; ret is given back by
 * forward_answers_done also when this fails. ENOMEM. */
MUST enum err forward_answers(struct arena *a, const struct config_list *list,
			      struct answers_rules *ret);
void forward_answers_done(const struct answers_rules *r); /* accepts zeroed storage */

#endif
