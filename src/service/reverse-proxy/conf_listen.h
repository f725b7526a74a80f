/* The addresses that the reverse proxy serves on, as the configuration has them. Knows no socket.
 */
#ifndef REVERSE_PROXY_CONF_LISTEN_H
#define REVERSE_PROXY_CONF_LISTEN_H

#include "config/schema.h"
#include "proto/ip/address.h"
#include "service/reverse-proxy/conf_tls.h"

struct reverse_conf;

enum {
	REVERSE_LISTENS_MAX = 64,
	REVERSE_ADDRESSES_MAX = 64,
	REVERSE_PORT_PLAIN = 80,
	REVERSE_PORT_TLS = 443
};

/* Whose PROXY headers come first on a connection, and are believed. */
struct reverse_header_conf {
	struct config_list from; /* struct ip_prefix */
};

struct reverse_listen_conf {
	struct config_list address; /* struct ip_endpoint; port 0: by reverse_listen_endpoint */
	bool tls;		    /* with conf->certificates */
	bool refuse_unknown;	    /* names of no certificate */
	bool h2c;		    /* HTTP/2 by prior knowledge */
	struct reverse_header_conf proxy_header;
	struct reverse_client_certificates_conf clients; /* with tls */
};

extern const struct config_map reverse_listen_map;

/* The address with the port that is meant: what was written, or else that of the scheme. */
struct ip_endpoint reverse_listen_endpoint(const struct reverse_listen_conf *l, size_t address);

/* An address of all listeners, in the order of the file. */
struct reverse_door {
	struct ip_endpoint at;
	size_t listen; /* place in conf->listen */
};
/* How many; the first max are filled in. */
size_t reverse_doors(const struct reverse_conf *conf, struct reverse_door *ret, size_t max);

/* That no address is served twice. */
void reverse_listen_check(const struct reverse_conf *conf, struct config_at *at);

#endif
