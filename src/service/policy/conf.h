/* The `policy` section of the configuration as a struct and its schema, and what of it becomes the
 * setup of a compiled policy. Knows no files and no network. */
#ifndef POLICY_CONF_H
#define POLICY_CONF_H

#include "config/schema.h"
#include "policy/build.h"

/* Who is meant, in any of these ways. */
struct policy_clients_conf {
	struct config_list addresses;		       /* struct ip_prefix */
	struct config_list macs, leases, peers, users; /* const char * */
};

struct policy_group_conf {
	const char *name;
	struct policy_clients_conf clients, except;
};

struct policy_list_conf {
	const char *name;
	const char *url, *file;	  /* one of the three */
	struct config_list lines; /* const char * */
	bool subdomains;
	uint64_t refresh_ms; /* of a URL */
	bool refresh_own;    /* it was written */
	uint64_t size_max;   /* octets of the text */
};

struct policy_schedule_conf {
	const char *name;
	struct config_list times; /* struct config_times */
};

struct policy_rule_conf {
	struct config_list groups, lists, names; /* const char * */
	enum policy_action action;
	struct config_list engines;    /* int: enum policy_engine */
	const char *schedule, *reason; /* NULL: none */
};

struct policy_conf {
	struct config_list groups;    /* struct policy_group_conf */
	struct config_list lists;     /* struct policy_list_conf */
	struct config_list schedules; /* struct policy_schedule_conf */
	struct config_list rules;     /* struct policy_rule_conf */
	struct config_list resolver;  /* struct ip_endpoint */
	const char *ca;		      /* NULL: whom the system trusts */
	const char *time_zone;	      /* NULL: the system's */
	uint64_t refresh_ms;
	uint32_t lines_max; /* of all lists together */
	bool neighbours;    /* what the kernel knows of hardware addresses is told */
};

enum { POLICY_RESOLVERS_MAX = 4 };

extern const struct config_map policy_conf_map;
extern const struct config_map policy_conf_clients_map; /* its keys `clients` and `except` */

enum policy_source_kind { POLICY_SOURCE_URL, POLICY_SOURCE_FILE, POLICY_SOURCE_LINES };

/* Where a list's text comes from, by the list's number. */
struct policy_source {
	enum policy_source_kind kind;
	struct span name;
	const char *at;	   /* the URL or the path; borrowed from the configuration */
	struct span lines; /* the text itself, with what owns it */
	uint64_t refresh_ms, size_max;
};

/* A configuration as build.h takes it. Points into the configuration, which must stay as long. */
struct policy_conf_setup {
	struct policy_setup setup; /* its zone, generation and time of making are the caller's */
	struct policy_source sources[POLICY_LISTS_MAX]; /* setup.lists_n of them */
	/* Its own. */
	struct span groups[POLICY_GROUPS_MAX];
	struct policy_list_setup lists[POLICY_LISTS_MAX];
	struct policy_schedule_setup schedules[POLICY_SCHEDULES_MAX];
	struct policy_rule rules[POLICY_RULES_MAX];
	struct policy_member *members;
	char *texts[POLICY_LISTS_MAX];
};

/* conf was judged by the schema. Storage of ret must not move. setup.configuration is a hash of
 * all that the configuration says, lines and URLs too. ENOMEM. */
MUST enum err policy_conf_setup(const struct policy_conf *conf, struct policy_conf_setup *ret);
void policy_conf_setup_done(struct policy_conf_setup *s); /* accepts zeroed storage */

/* Whether a rule names that list. */
bool policy_conf_uses(const struct policy_conf *conf, const char *list);
/* 02:00:5e:00:53:01, with hyphens too. */
bool policy_conf_mac(const char *text, uint8_t ret[6]);
/* The item of that name in a list whose structs of size begin with their names; n: there is none.
 */
size_t policy_conf_find(const struct config_list *list, size_t size, const char *name);

#endif
