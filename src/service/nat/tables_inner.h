/* What the files that make the tables share. Knows nothing more than tables.h. */
#ifndef NAT_TABLES_INNER_H
#define NAT_TABLES_INNER_H

#include "service/nat/conf.h"
#include "service/nat/names.h"
#include "service/nat/net.h"
#include "service/nat/tables.h"

enum { NAT_SIDES_MAX = 1024, NAT_BUILD_TRAFFICS_MAX = 128 };

/* One end of a rule: any of these zones and, unless its family is 0, that prefix. */
struct nat_side {
	uint32_t zones;
	struct ip_prefix prefix;
};

struct nat_sides {
	struct nat_side items[NAT_SIDES_MAX];
	size_t n;
};

struct nat_build {
	const struct nat_conf *conf;
	const struct nat_names *names;
	const struct nat_net *net;
	uint32_t publics_max;
	struct nat_tables *t;
	/* Of the rule that is being made. */
	struct nat_sides from, to;
	struct nat_traffic traffic[NAT_BUILD_TRAFFICS_MAX];
	size_t traffic_n;
};

/* The firewall and what holds without one. ERR_LIMIT after a note. */
MUST enum err nat_build_rules(struct nat_build *b);
/* Rules that allow who, behind all others; none when who has no address now. */
MUST enum err nat_build_allow(struct nat_build *b, const struct config_list *who, uint32_t line);
void nat_build_publics(struct nat_build *b, const struct nat_public *before);
void nat_build_sources(struct nat_build *b);
/* enum nat_host_flag of hosts of which the configuration says nothing. */
uint32_t nat_build_host_flags(const struct nat_conf *c);
/* Forwards, hosts and the ports that are kept; after the rules and the public addresses. */
MUST enum err nat_build_forwards(struct nat_build *b);

#endif
