/* The key `intercept` of `nat`: whose connections a proxy of this machine takes on their way to the
 * world. Knows no proxy. */
#ifndef NAT_CONF_TAKE_H
#define NAT_CONF_TAKE_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct nat_conf;

enum { NAT_CONF_TAKES_MAX = 64 };
/* What becomes of clients while the proxy does not answer. */
enum nat_down { NAT_DOWN_REFUSE, NAT_DOWN_PASS };
/* What becomes of UDP to the same ports, by which browsers would pass by the proxy. */
enum nat_quic { NAT_QUIC_REFUSE, NAT_QUIC_PASS };

struct nat_take_conf {
	struct config_list traffic;	/* const char *: 443/tcp */
	struct config_list to;		/* struct ip_endpoint, one of a family */
	struct config_list from;	/* const char *: who; all inside when empty */
	struct config_list except_from; /* const char *: who is left alone */
	struct config_list except_to;	/* const char *: addresses, networks, names outside */
	int when_down;			/* enum nat_down */
	int quic;			/* enum nat_quic */
	uint32_t line;
};

extern const struct config_map nat_take_conf_map;

/* A part of the judge of the section. */
void nat_take_conf_check(const struct nat_conf *c, struct config_at *at);

/* Where connections of a family are led; NULL: they are left alone. */
const struct ip_endpoint *nat_take_conf_to(const struct nat_take_conf *t, unsigned family);

#endif
