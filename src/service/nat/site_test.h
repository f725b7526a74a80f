/* A small site for the tests of the tables: a gateway with devices wan0, lan0, lan1, guest0, and
 * what a text of the configuration makes of it. Knows nothing of maps. */
#ifndef NAT_SITE_TEST_H
#define NAT_SITE_TEST_H

#include "service/nat/conf.h"
#include "service/nat/names.h"
#include "service/nat/net.h"
#include "service/nat/tables.h"

struct config;

enum { SITE_WAN = 2, SITE_LAN, SITE_LAN1, SITE_GUEST };

struct site {
	struct config *config;
	const struct nat_conf *conf;
	struct nat_names names;
	struct nat_net_device devices[8];
	struct nat_net_address addresses[16];
	struct nat_net_route routes[8];
	struct nat_net net;
	struct nat_tables *t;
};

/* text: the section. The gateway has 203.0.113.5/28 on wan0, 192.168.1.1/24 on lan0, 192.168.2.1/24
 * on lan1, 192.168.20.1/24 on guest0; 10.9.0.0/16 is routed through lan0. */
void site_init(struct site *s, const char *text);
void site_done(struct site *s);

void site_address(struct site *s, uint32_t ifindex, uint8_t bits, const char *address);
/* What the DNS says. */
void site_name(struct site *s, const char *name, const char *address);
/* The tables; before: NULL or the publics of the last ones. Fails the test unless it says expected.
 */
void site_make(struct site *s, const struct nat_public *before, enum err expected);

struct ip_address site_ip(const char *text);

#endif
