/* The names' engine on its socket: updates leave, answers come back, and leases of both families
 * are told which names they have. Knows no message. */
#ifndef DHCP_IO_NAMES_H
#define DHCP_IO_NAMES_H

#include "names/link.h"
#include "service/dhcp/conf_names.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/lease.h"
#include "service/dhcp/v6_engine.h"

struct dhcp_service;
struct dhcp_conf;

struct names_io {
	struct names *engine;	   /* NULL: leases get no names */
	struct names_rules *rules; /* that the engine has */
	char own[256];		   /* the machine's name */
	struct names_link link;
	/* The walk over all leases after a start: those that the DNS was not told of. */
	bool walking4, walking6;
	uint32_t from4;
	size_t at6;
};

void dhcp_names_init(struct names_io *io); /* before all else: nothing is open */
/* Reads the machine's name; before the sandbox. */
void dhcp_names_open(struct dhcp_service *d);
/* As conf says from now on, at the start and at a reload. ENOMEM. */
MUST enum err dhcp_names_set(struct dhcp_service *d, const struct dhcp_conf *conf);
void dhcp_names_done(struct dhcp_service *d);

/* Effects of the two engines. */
void dhcp_names_tell(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		     const struct dhcp_network *n);
void dhcp_names_tell6(void *arg, enum dhcp_name_change change, const struct v6_lease_view *l,
		      const struct v6_network *n);

/* After the leases were learned: those without names are named, a few each turn. */
void dhcp_names_walk(struct dhcp_service *d);
/* What is due; at the end of each turn. next_ms: UINT64_MAX: nothing. */
void dhcp_names_turn(struct dhcp_service *d);
uint64_t dhcp_names_next_ms(const struct dhcp_service *d);

#endif
