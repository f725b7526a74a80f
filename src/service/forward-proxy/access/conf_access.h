/* Who may use the forward proxy for what, as the configuration has it. Knows no request. */
#ifndef FORWARD_PROXY_ACCESS_CONF_ACCESS_H
#define FORWARD_PROXY_ACCESS_CONF_ACCESS_H

#include "config/schema.h"

struct access_rule;
struct access_rules;
struct arena;
struct auth_users;

struct forward_rule_conf {
	int action;				     /* enum access_action */
	struct config_list from;		     /* struct ip_prefix */
	struct config_list groups, users, to, ports; /* const char * */
	struct config_list paths;		     /* likewise */
	struct config_list times;		     /* struct config_times */
	const char *reason;
};

/* Are the tunnels' users users here as well? */
enum forward_vpn_users {
	FORWARD_VPN_NO,
	FORWARD_VPN_PASSWORD, /* by name and password */
	FORWARD_VPN_CODE,     /* with the code of their app behind the password */
};

struct forward_access_conf {
	struct config_list users; /* struct proxy_user_conf */
	int vpn_users;		  /* enum forward_vpn_users */
	const char *realm;
	bool clear_passwords;
	struct config_list rules; /* struct forward_rule_conf */
	int otherwise;		  /* enum access_otherwise */
};

extern const struct config_map forward_access_map;

enum {
	FORWARD_RULE_PREFIXES_MAX = 1024,
	FORWARD_RULE_USERS_MAX = 1024,
	FORWARD_RULE_PLACES_MAX = 16384,
	FORWARD_RULE_PATHS_MAX = 256, /* of one rule */
};

/* Judges `to`, `paths`, `ports`, `times` of a rule in whose map those keys are. */
void forward_rule_check(const struct forward_rule_conf *c, struct config_at *at);
/* Compiles it into ret, which points into it and into a, and is given back by forward_rule_done
 * also when this fails. ENOMEM. */
MUST enum err forward_rule(struct arena *a, const struct forward_rule_conf *c,
			   struct access_rule *ret);
void forward_rule_done(const struct access_rule *rule); /* accepts zeroed storage */

/* Compiles c into ret and ret_users, which point into it and into a; ret is given back by
 * forward_access_rules_done also when this fails. ENOMEM. */
MUST enum err forward_access_rules(struct arena *a, const struct forward_access_conf *c,
				   struct access_rules *ret, struct auth_users *ret_users);
void forward_access_rules_done(const struct access_rules *r); /* accepts zeroed storage */

#endif
