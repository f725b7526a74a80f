/* The key `names` of the section `dhcp` as a struct, its schema, and as what the names' engine
 * takes. Knows no lease. */
#ifndef DHCP_CONF_NAMES_H
#define DHCP_CONF_NAMES_H

#include "config/schema.h"
#include "names/names.h"

struct config_at;
struct dhcp_conf;

struct dhcp_names_conf {
	struct dns_name domain;	    /* len 0: leases get no names */
	struct dns_name zone;	    /* len 0: domain */
	struct config_list reverse; /* struct dns_name */
	struct ip_endpoint server;
	struct dns_name key; /* len 0: unsigned */
	int algorithm;
	struct span secret;	     /* base64 */
	struct config_list reserved; /* const char * */
	uint64_t ttl_max_ms;
	bool generate, client_updates;
	uint32_t queue;
};

extern const struct config_map dhcp_names_conf_map;

/* A copy with all that it points to: the configuration may go. */
struct names_rules {
	struct names_conf conf;
	struct names_zone *reverse;
	struct names_label *reserved;
	struct dns_tsig_key key;
};

/* own: the gateway's name, which no client takes either; may be empty. NULL when the configuration
 * names no domain. ENOMEM. */
MUST enum err names_rules_new(const struct dhcp_conf *c, struct span own, struct names_rules **ret);
void names_rules_free(struct names_rules *r); /* wipes the key; accepts NULL */
DEFINE_AUTO(struct names_rules, names_rules_free)

#endif
