/* Whose TLS is inspected, and what of it is not, as the configuration has it. Knows no connection.
 */
#ifndef FORWARD_PROXY_INSPECT_CONF_INSPECT_H
#define FORWARD_PROXY_INSPECT_CONF_INSPECT_H

#include "config/schema.h"

struct access_rules;
struct arena;
struct inspect_skip;

/* Of servers' certificates, beyond what they staple. */
enum forward_revocation_wish {
	FORWARD_REVOCATION_STAPLED, /* nobody is asked */
	FORWARD_REVOCATION_ASK,	    /* no answer is as good as a good one */
	FORWARD_REVOCATION_REQUIRE, /* a certificate that names whom to ask needs a good one */
};

struct forward_inspect_conf {
	struct config_list from;	  /* struct ip_prefix */
	struct config_list groups, users; /* const char * */
	struct config_list times;	  /* struct config_times */
	struct config_list skip;	  /* const char * */
	const char *authorities;	  /* NULL: the system's */
	int revocation;			  /* enum forward_revocation_wish */
};

extern const struct config_map forward_inspect_map;

/* Compiles c into ret_rules, which let pass whose TLS is inspected and deny all others, and into
 * ret_skip; both point into it and into a. ENOMEM. */
MUST enum err forward_inspect_rules(struct arena *a, const struct forward_inspect_conf *c,
				    struct access_rules *ret_rules, struct inspect_skip *ret_skip);

#endif
