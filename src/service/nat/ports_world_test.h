/* For tests: a data plane that hands out ports of two addresses from a list, and counts what it was
 * told. Knows no packets. */
#ifndef NAT_PORTS_WORLD_TEST_H
#define NAT_PORTS_WORLD_TEST_H

#include "service/nat/portctl.h"
#include "service/nat/portctl_rules.h"

enum { WORLD_OPEN_MAX = 512, WORLD_NOW_MS = 1000000 };

struct world_open {
	uint8_t protocol;
	struct ip_endpoint internal, external, remote;
	uint8_t filters_n;
};

struct world {
	struct ip_address outside4; /* family 0: there is none now */
	uint16_t taken;		    /* a port outside that is never given; 0: none */
	enum err open_fails, renew_fails;
	bool refuses_peers, refuses_nat64;
	struct world_open open[WORLD_OPEN_MAX];
	size_t open_n, opens, renews, closes, losses, told;
	const char *told_last;
	struct portctl_rule rule;
	struct ip_prefix hosts[2], third;
	struct portctl_rules rules;
	struct portctl_effects effects;
	struct portctl *list;
};

/* 192.168.0.0/16 and 2001:db8::/32 may have 1024 to 65535, 100 mappings, 4 a host, 2 min to 1 d.
 * Must not move. */
void world_begin(struct world *w);
void world_end(struct world *w);
/* A new list over the same data plane: the service came back. */
void world_restart(struct world *w, uint64_t now_ms);
/* What is open for that endpoint inside; NULL: nothing. */
const struct world_open *world_find(const struct world *w, uint8_t protocol, const char *internal);
/* Whether the data plane and the list agree, mapping for mapping. */
bool world_agrees(const struct world *w);

struct ip_endpoint world_endpoint(const char *text); /* port 0 when none is written */
struct ip_address world_address(const char *text);

#endif
