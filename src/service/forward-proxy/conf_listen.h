/* The addresses that the forward proxy serves on, and the certificates that it shows there, as the
 * configuration has them. Knows no socket and reads no file.
 */
#ifndef FORWARD_PROXY_CONF_LISTEN_H
#define FORWARD_PROXY_CONF_LISTEN_H

#include "config/schema.h"
#include "proto/ip/address.h"

struct forward_conf;

enum {
	FORWARD_LISTENS_MAX = 32,
	FORWARD_ADDRESSES_MAX = 32,
	FORWARD_CERTIFICATES_MAX = 64,
	FORWARD_PORT_PLAIN = 3128,
	FORWARD_PORT_TLS = 3129,
	FORWARD_PORT_SOCKS = 1080,
	FORWARD_PORT_TRANSPARENT = 3180,
	FORWARD_PORT_TRANSPARENT_TLS = 3181,
	FORWARD_SOCKS_MAX = 2,
};

enum forward_socks { FORWARD_SOCKS_V4, FORWARD_SOCKS_V5 };

struct forward_listen_conf {
	struct config_list address; /* struct ip_endpoint; port 0: by what is spoken */
	bool tls;		    /* with conf->certificates */
	bool h2c;		    /* HTTP/2 by prior knowledge */
	struct config_list socks;   /* int, enum forward_socks; none: HTTP */
	bool udp;		    /* with SOCKS 5: UDP ASSOCIATE */
	bool transparent;	    /* connections that are led here on their way elsewhere */
	bool transparent_tls;	    /* the same, of TLS */
	bool tproxy;		    /* they may be led here by TPROXY, as they are */
};

struct forward_certificate_conf {
	const char *chain, *key; /* paths of PEM files */
	uint32_t line;
};

extern const struct config_map forward_listen_map, forward_certificate_map;

/* An address of all listeners, in the order of the file, with the port that is meant. */
struct forward_door {
	struct ip_endpoint at;
	size_t listen; /* place in conf->listen */
	bool tproxy;
};
/* How many; the first max are filled in. */
size_t forward_doors(const struct forward_conf *conf, struct forward_door *ret, size_t max);

/* That no address is served twice, and that TLS has a certificate. */
void forward_listen_check(const struct forward_conf *conf, struct config_at *at);

#endif
