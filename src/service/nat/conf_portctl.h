/* `port-control` of the `nat` section: its keys, and what the list of host-made mappings takes from
 * them. Knows no socket. */
#ifndef NAT_CONF_PORTCTL_H
#define NAT_CONF_PORTCTL_H

#include "config/schema.h"

struct nat_conf;
struct portctl_rules;

struct portctl_allow_conf {
	struct config_list from;    /* const char *: zones, addresses, networks; all when empty */
	struct config_list traffic; /* const char *, as nat_traffic_parse reads them */
};

struct portctl_conf {
	bool pcp, nat_pmp, upnp;
	struct config_list allow; /* struct portctl_allow_conf */
	uint32_t mappings, host_mappings;
	uint64_t lifetime_min_ms, lifetime_max_ms;
	struct config_list third_party; /* struct ip_prefix */
	uint16_t upnp_port;
};

extern const struct config_map portctl_conf_map;

/* What of it only the zones can tell. For nat_conf_check; the key's name is `port-control`. */
void portctl_conf_check(const struct nat_conf *nat, const struct portctl_conf *c,
			struct config_at *at);

/* The rules; they point into the configuration. ENOMEM. */
MUST enum err portctl_rules_new(const struct nat_conf *nat, const struct portctl_conf *c,
				struct portctl_rules **ret);
void portctl_rules_free(struct portctl_rules *rules);
DEFINE_AUTO(struct portctl_rules, portctl_rules_free)

/* Whether anything of it is on: else there is no list and no socket. */
static inline bool portctl_conf_on(const struct portctl_conf *c)
{
	return c->pcp || c->nat_pmp || c->upnp;
}

#endif
